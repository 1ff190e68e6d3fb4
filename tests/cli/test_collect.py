#!/usr/bin/python3
"""analysis/collect.py: many runs in one SQLite file."""

import csv
import json
import shutil
import subprocess
import sys
import unittest

from wbsim_cli import ROOT, CliTest

COLLECT = ROOT / "analysis" / "collect.py"


class Collect(CliTest):
    def collect(self, *arguments, code=0):
        result = subprocess.run([sys.executable, "-B", str(COLLECT), *map(str, arguments)],
                                cwd=self.dir, check=False, capture_output=True, text=True,
                                timeout=60)
        self.assertEqual(result.returncode, code, result.stderr)
        return result.stdout if code == 0 else result.stderr

    def ask(self, question):
        sqlite3 = shutil.which("sqlite3")
        if sqlite3 is None:
            self.skipTest("sqlite3 is not installed: it is in Debian's sqlite3")
        result = subprocess.run([sqlite3, "-csv", "runs.sqlite", question], cwd=self.dir,
                                check=True, capture_output=True, text=True, timeout=60)
        return [line.split(",") for line in result.stdout.split()]

    def test_a_sweep_answers_questions(self):
        name = self.variant()
        for ratio in (5, 20, 40):
            self.expect(0, "compare", name, "--out", f"sweep/{ratio}", "--set",
                        f"/vm/dirty_ratio={ratio}")
        self.assertIn("6 runs added", self.collect("runs.sqlite", "sweep"))
        self.assertIn("0 runs added, 2 were there", self.collect("runs.sqlite", "sweep/5"))
        answer = self.ask(
            "select k.kernel, s.value, m.value from runs k join scenario s using (run)"
            " join summary m using (run) where s.pointer = '/vm/dirty_ratio'"
            " and m.pointer = '/aggregate/bw_bytes' order by k.kernel, s.value")
        self.assertEqual([row[:2] for row in answer],
                         [[kernel, ratio] for kernel in ("2.6.31", "2.6.32")
                          for ratio in ("5", "20", "40")])
        summary = json.loads((self.dir / "sweep/5/pdflush/summary.json").read_text("utf-8"))
        self.assertAlmostEqual(float(answer[0][2]), summary["aggregate"]["bw_bytes"], delta=0.01)

    def test_tables_are_those_of_the_run(self):
        self.expect(0, "run", self.variant(), "--out", "out")
        self.collect("runs.sqlite", "out")
        for table in ("writes", "requests", "works", "samples", "fsync"):
            with open(self.dir / f"out/{table}.csv", newline="", encoding="ascii") as file:
                lines = list(csv.DictReader(file))
            self.assertEqual(self.ask(f"select count(*) from {table}"), [[str(len(lines))]])
        with open(self.dir / "out/samples.csv", newline="", encoding="ascii") as file:
            last = list(csv.DictReader(file))[-1]
        self.assertEqual(self.ask("select max(wr_sectors), typeof(wr_sectors) from device_samples"
                                  " where device = 'd0'"), [[last["d0_wr_sectors"], "integer"]])

    def test_summaries_alone(self):
        self.expect(0, "run", self.variant(), "--out", "out")
        self.collect("runs.sqlite", "out", "--summary-only")
        self.assertEqual(self.ask("select count(*) from sqlite_master where name = 'samples'"),
                         [["0"]])

    def test_what_cannot_be_read_or_written(self):
        (self.dir / "empty").mkdir()
        self.assertIn("holds no run", self.collect("runs.sqlite", "empty", code=2))
        self.expect(0, "run", self.variant(), "--out", "out")
        self.assertIn("cannot write", self.collect("/proc/runs.sqlite", "out", code=5))
        (self.dir / "out/works.csv").write_text("a,b\n1\n", encoding="ascii")
        self.assertIn("works.csv: not a table", self.collect("runs.sqlite", "out", code=2))
        self.assertEqual(self.ask("select count(*) from runs"), [["0"]])


if __name__ == "__main__":
    unittest.main()
