#!/usr/bin/python3
"""The same scenario, seed and version give the same bytes: from g++ and from clang, optimised and
under the sanitisers, today and in the next run.

The programs: $WBSIM, $WBSIM_DEBUG (the sanitised build) and $WBSIM_CLANG; ./check sets them."""

import filecmp
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OPTIMISED = os.environ.get("WBSIM", str(ROOT / "build/release/wbsim"))
SCENARIOS = sorted((ROOT / "scenarios").glob("*.json"))
# The sanitised build takes many times as long; these two have all parts between them.
FOR_SANITISED = ("four-disks", "copy-and-fsync")


def compare(program, scenario, folder):
    """Runs pdflush and bdi, or the scenario's own kernel if that is another one, into the folder;
    returns the exit code and stdout."""
    folder.mkdir()
    own = json.loads(scenario.read_text("utf-8")).get("kernel", {}).get("preset", "bdi")
    verb = "compare" if own in ("pdflush", "bdi", "2.6.31", "2.6.32") else "run"
    run = subprocess.run([os.path.abspath(program), verb, scenario, "--out", "run"],
                         cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=900,
                         check=False)
    if run.returncode not in (0, 1):
        raise AssertionError(f"{scenario.name}: exit {run.returncode}\n"
                             f"{run.stderr.decode()[-4000:]}")
    return run.returncode, run.stdout


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


class Identical(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.reference = pathlib.Path(temporary.name)
        cls.result = {s.stem: compare(OPTIMISED, s, cls.reference / s.stem) for s in SCENARIOS}
        cls.some = [s for s in SCENARIOS if s.stem in FOR_SANITISED]

    def same(self, program, scenarios):
        self.assertTrue(scenarios)
        with tempfile.TemporaryDirectory() as temporary:
            for scenario in scenarios:
                with self.subTest(scenario=scenario.stem):
                    got = pathlib.Path(temporary) / scenario.stem
                    expected = self.reference / scenario.stem
                    self.assertEqual(compare(program, scenario, got), self.result[scenario.stem])
                    self.assertEqual(files(got), files(expected))
                    _, differ, unreadable = filecmp.cmpfiles(
                        expected, got, files(expected), shallow=False)
                    self.assertEqual(differ + unreadable, [])

    def test_the_sanitised_scenarios_exist(self):
        self.assertEqual(len(self.some), len(FOR_SANITISED))

    def test_a_second_run(self):
        self.same(OPTIMISED, self.some)

    @unittest.skipUnless("WBSIM_CLANG" in os.environ, "WBSIM_CLANG is not set")
    def test_clang(self):
        self.same(os.environ["WBSIM_CLANG"], SCENARIOS)

    @unittest.skipUnless("WBSIM_DEBUG" in os.environ, "WBSIM_DEBUG is not set")
    def test_sanitised(self):
        self.same(os.environ["WBSIM_DEBUG"], self.some)


if __name__ == "__main__":
    unittest.main()
