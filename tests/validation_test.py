#!/usr/bin/python3
"""Slow: the whole validation against the recorded kernels. Fails when a bar that held no longer
holds; tests/reference/missed_bars.txt lists those that do not hold yet. And when the requests of a
disk are no longer all the recorded ones, from the first to the last, in order, place and size, as
tests/reference/requests_in_order.txt says they are."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "tests" / "reference"
MISSED = REFERENCE / "missed_bars.txt"
IN_ORDER = REFERENCE / "requests_in_order.txt"
PROGRAM = os.environ.get("WBSIM", str(ROOT / "build" / "release" / "wbsim"))
EXIT_MISSED = 1
sys.path.insert(0, str(ROOT / "analysis"))
import jobs_scenario  # noqa: E402  (found through the line above)
import request_order  # noqa: E402


class Validation(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as scratch:
            told = pathlib.Path(scratch) / "entries.json"
            cls.done = subprocess.run(
                ["/usr/bin/python3", "-B", ROOT / "analysis" / "validate.py", REFERENCE,
                 "--repeats", "--wbsim", PROGRAM, "--json", told, "--out",
                 pathlib.Path(scratch) / "runs"],
                capture_output=True, text=True, check=False)
            entries = json.loads(told.read_text(encoding="utf-8")) if told.is_file() else []
            cls.in_order = sorted(
                disk for folder in request_order.folders_below(REFERENCE)
                for disk, real, here in request_order.compared(
                    folder, pathlib.Path(scratch) / "runs")
                if request_order.alike(real, here)[0] == len(real))
        cls.rows = {f"{row['experiment']} {row['metric']}": row for row in entries}
        cls.missed = sorted(name for name, row in cls.rows.items() if not row["ok"])
        cls.known = MISSED.read_text(encoding="utf-8").splitlines()

    def test_everything_ran(self):
        self.assertIn(self.done.returncode, (0, EXIT_MISSED), self.done.stderr)
        experiments = {name.split()[0] for name in self.rows if "/" not in name.split()[1]}
        folders = [path.parent for path in REFERENCE.rglob("conditions.json")]
        recorded = {f"{folder.parent.name}.repeat-{folder.parent.parent.name}"
                    if folder.name == "repeat" else f"{folder.name}-{folder.parent.name}"
                    for folder in folders}
        self.assertEqual(recorded - experiments, set())

    def test_every_bar_that_held_still_holds(self):
        new = [name for name in self.missed if name not in self.known]
        lines = [f"{name}: {self.rows[name]['real']} real, {self.rows[name]['simulated']} simulated"
                 for name in new]
        self.assertEqual(new, [], "\n" + "\n".join(lines))

    def test_the_list_of_missed_bars_is_in_order(self):
        self.assertEqual(self.known, sorted(set(self.known)))
        gone = [name for name in self.known if name not in self.rows]
        self.assertEqual(gone, [], "no such bar")
        holds = [name for name in self.known if name not in self.missed]
        if holds:
            print(f"\n{len(holds)} bars hold now that {MISSED.name} lists as missed:", *holds,
                  "(validate.py tests/reference --repeats --write-missed makes the list again)",
                  sep="\n  ", file=sys.stderr)

    def test_requests_that_were_the_recorded_ones_still_are(self):
        known = IN_ORDER.read_text(encoding="utf-8").splitlines()
        self.assertEqual(known, sorted(set(known)))
        self.assertEqual([disk for disk in known if disk not in self.in_order], [])
        new = [disk for disk in self.in_order if disk not in known]
        if new:
            print(f"\n{IN_ORDER.name} may list these, too:", *new, sep="\n  ", file=sys.stderr)

    def test_each_recording_tells_what_boot_took_before_the_first_limit(self):
        """And tells the same: 60 pages, of the pages by which memory was smaller, are 12 of the
        limit."""
        for kernel, pages in jobs_scenario.TAKEN_AT_BOOT.items():
            done = subprocess.run(
                ["/usr/bin/python3", "-B", ROOT / "analysis" / "calibrate_boot.py", "--wbsim",
                 PROGRAM, REFERENCE / kernel / "P1", REFERENCE / kernel / "P1cold"],
                capture_output=True, text=True, check=True)
            found = [int(line.split()[1]) for line in done.stdout.splitlines()]
            self.assertEqual(len(found), 3, done.stdout)
            for taken in found:
                self.assertAlmostEqual(taken, pages, delta=60)


if __name__ == "__main__":
    unittest.main()
