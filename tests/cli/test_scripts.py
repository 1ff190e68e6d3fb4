#!/usr/bin/python3
"""The scripts of analysis/: what they cannot use they refuse in one line, and write nothing."""

import os
import subprocess
import sys
import unittest

from wbsim_cli import ROOT, CliTest

ANALYSIS = ROOT / "analysis"
RECORDING = ROOT / "tests/reference/2.6.32/P6"
OF_A_FOLDER = ("bandwidth_looks", "calibrate", "plot", "plot_throttle", "reference_scenario",
               "validate", "wrench_paper")


class Scripts(CliTest):
    def setUp(self):
        super().setUp()
        self.write("garbage\n", "garbage")
        (self.dir / "empty").mkdir()

    def refused(self, said, script, *arguments, code=2, python=("-B",)):
        before = self.names()
        done = subprocess.run([sys.executable, *python, str(ANALYSIS / f"{script}.py"),
                               *map(str, arguments)], cwd=self.dir, check=False, timeout=60,
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        error = done.stderr.splitlines()[-1]
        self.assertTrue(error.startswith(f"{script}.py: error: "), done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        self.assertIn(said, error)
        self.assertEqual(self.names(), before)

    def test_what_is_no_folder_of_theirs_is_named(self):
        committed = (ANALYSIS / "calibration.json").read_bytes()
        program = ("--wbsim", "/bin/true")
        for script in OF_A_FOLDER:
            for path in ("nowhere", "garbage", "empty"):
                with self.subTest(f"{script} {path}"):
                    more = program if script in ("validate", "wrench_paper") else ()
                    self.refused(path, script, path, *more)
        for path in ("nowhere", "garbage", "empty"):
            self.refused(path, "request_order", path, path)
            self.refused(path, "request_order", RECORDING, path)
            self.refused(path, "calibrate_boot", *program, path)
            self.refused(path, "collect", "runs.sqlite", path)
            self.refused(path, "example_real_and_simulated", path, path, code=1)
        self.assertEqual((ANALYSIS / "calibration.json").read_bytes(), committed)

    def test_a_program_that_is_none(self):
        for script, arguments in (("validate", (RECORDING,)), ("calibrate_boot", (RECORDING,)),
                                  ("wrench_paper", ("empty",))):
            for path in ("nowhere", "garbage"):
                with self.subTest(f"{script} {path}"):
                    self.refused(f"{path}: no", script, *arguments, "--wbsim", path)

    def test_results_that_cannot_be_written_are_told_first(self):
        run = ("validate", RECORDING, "--wbsim", "/bin/false")
        for option in ("--json", "--markdown", "--write-missed"):
            self.refused("cannot write nowhere: ", *run, option, "nowhere/file", code=5)
            self.refused("cannot write empty: ", *run, option, "empty", code=5)
        for option in ("--out", "--plots"):
            self.refused("garbage: it is a file", *run, option, "garbage", code=5)
            self.refused("garbage: it is a file", *run, option, "garbage/below", code=5)
        self.refused("cannot write nowhere: ", "calibrate", RECORDING, "--out", "nowhere/x",
                     code=5)
        self.refused("cannot write garbage: ", "collect", "garbage", self.run_of_ours(), code=5)

    def run_of_ours(self):
        self.expect(0, "run", self.variant(), "--out", "out")
        return "out"

    def test_a_calibration_that_is_none(self):
        for path in ("nowhere", "garbage"):
            self.refused(f"{path}: ", "reference_scenario", RECORDING, "--calibration", path)
            self.refused(f"{path}: ", "validate", RECORDING, "--wbsim", "/bin/false",
                         "--calibration", path)
        self.refused("'0' is not a number of jobs", "validate", RECORDING, "--jobs", "0")

    def test_a_package_that_is_missing(self):
        names = sorted(path.stem for path in ANALYSIS.glob("*.py")
                       if os.access(path, os.X_OK) and path.stem != "wrench_paper")
        self.assertIn("plot", names)
        for script in names:  # -S: without the folders of packages
            with self.subTest(script):
                self.refused("install Debian's python3-", script, "x", "y", python=("-B", "-S"))


class ShellScripts(unittest.TestCase):
    def test_they_take_no_arguments(self):
        for script in ("quickstart", "check", ".ci/run", "docs/regenerate"):
            for argument in ("--help", "all"):
                with self.subTest(f"{script} {argument}"):
                    done = subprocess.run([ROOT / script, argument], check=False, timeout=10,
                                          capture_output=True, text=True)
                    self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                    self.assertIn("it takes no arguments", done.stderr)


if __name__ == "__main__":
    unittest.main()
