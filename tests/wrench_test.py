#!/usr/bin/python3
"""Slow: the pipelines of arXiv 2101.01335 against the times the paper measured. Its data are not in
this tree (their licence is not stated): WBSIM_WRENCH_DATA says where they are, or they lie in
../shared/reference/wrench-paper. Skipped where they are absent."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("WBSIM_WRENCH_DATA",
                                   ROOT.parent / "shared" / "reference" / "wrench-paper"))
PROGRAM = os.environ.get("WBSIM", str(ROOT / "build" / "release" / "wbsim"))
SCALE = 16
APPLICATIONS = (6, 10, 13)


@unittest.skipUnless((DATA / "exp1_real_times.csv").is_file(), f"no measurements in {DATA}")
class Pipelines(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as scratch:
            told = pathlib.Path(scratch) / "told.json"
            cls.done = subprocess.run(
                ["/usr/bin/python3", "-B", ROOT / "analysis" / "wrench_paper.py", DATA, "--wbsim",
                 PROGRAM, "--scale", str(SCALE), "--json", told, "--apps",
                 *map(str, APPLICATIONS)], capture_output=True, text=True, check=False)
            cls.told = json.loads(told.read_text(encoding="utf-8")) if told.is_file() else None

    def test_it_ran(self):
        self.assertIsNotNone(self.told, self.done.stderr)

    def test_reads_and_writes_of_one_pipeline(self):
        errors = [abs(row["error"]) for row in self.told["experiment_1"]]
        published = [abs(row["published_error"]) for row in self.told["experiment_1"]]
        self.assertEqual(len(errors), 24)
        self.assertAlmostEqual(sum(published) / 24, 0.315, places=3)
        self.assertLess(sum(errors) / 24, 0.05, self.done.stdout)

    def test_the_knee_lies_between_ten_and_thirteen_applications(self):
        ours = {row["applications"]: row["simulated"] for row in self.told["experiment_2"]}
        self.assertLess(ours[10], 10, self.done.stdout)
        self.assertGreater(ours[13], 30, self.done.stdout)


if __name__ == "__main__":
    unittest.main()
