"""What the tests of the command line share: running the program, and a small valid scenario."""

import copy
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("WBSIM", str(ROOT / "build" / "release" / "wbsim"))
if not os.path.exists(PROGRAM):
    raise SystemExit(f"there is no {PROGRAM}: build it, or say where it is with WBSIM=/PATH/wbsim")

# A burst that is over, and clean, after a second of simulated time.
SMALL = {
    "schema": "wbsim-scenario/1",
    "name": "small",
    "description": "A small burst. It is synced.",
    "source": "made for the tests",
    "machine": {"memory": "64MiB"},
    "devices": [{"name": "d0", "capacity": "1GiB", "bandwidth": "50MB/s"}],
    "filesystems": [{"name": "fs0", "device": "d0", "files": [{"name": "f0", "size": "64MiB"}]}],
    "workloads": [{"name": "dd", "filename": "fs0/f0", "size": "4MiB", "end_fsync": True}],
}

# Hours of simulated time: it ends only when it is interrupted.
ENDLESS = copy.deepcopy(SMALL)
ENDLESS["name"] = "endless"
ENDLESS["workloads"] = [
    {"name": "dd", "filename": "fs0/f0", "time_based": True, "runtime": "1000000s"}]
ENDLESS["run"] = {"duration": "1000000s", "sample_interval": "1s"}


class CliTest(unittest.TestCase):
    """Each test has a directory of its own, and everything runs in it."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.dir = pathlib.Path(holder.name)

    def write(self, scenario, name="scenario.json"):
        """A file from a dictionary, or from text as it is."""
        text = scenario if isinstance(scenario, str) else json.dumps(scenario)
        (self.dir / name).write_text(text, encoding="utf-8")
        return name

    def variant(self, **replaced):
        """SMALL with top-level keys replaced, as a file."""
        return self.write({**copy.deepcopy(SMALL), **replaced})

    def run_program(self, *arguments, **options):
        options.setdefault("stdout", subprocess.PIPE)
        return subprocess.run([PROGRAM, *map(str, arguments)], cwd=self.dir, check=False,
                              stderr=subprocess.PIPE, text=True, timeout=120,
                              stdin=subprocess.DEVNULL, **options)

    def expect(self, code, *arguments, **options):
        """Runs the program and holds its exit code; an error leaves standard output empty."""
        result = self.run_program(*arguments, **options)
        self.assertEqual(result.returncode, code, result.stderr)
        if code not in (0, 1) and result.stdout is not None:
            self.assertEqual(result.stdout, "")
        return result

    def names(self):
        return sorted(path.name for path in self.dir.iterdir())
