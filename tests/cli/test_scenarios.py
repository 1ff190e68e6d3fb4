#!/usr/bin/python3
"""Every shipped scenario meets its expectations, under every kernel that has what it asks for."""

import json
import unittest

from wbsim_cli import ROOT, CliTest

SCENARIOS = sorted((ROOT / "scenarios").glob("*.json"))


class Scenarios(CliTest):
    def test_they_meet_their_expectations(self):
        kernels = [line.split()[0] for line in
                   self.expect(0, "list", "kernels").stdout.splitlines()[1:]]
        for path in SCENARIOS:
            own = json.loads(path.read_text("utf-8")).get("kernel", {}).get("preset")
            for kernel in kernels:
                with self.subTest(scenario=path.stem, kernel=kernel):
                    run = self.run_program("run", path, "--kernel", kernel, "--out", "out",
                                           "--force", "--no-writes")
                    if run.returncode == 3 and kernel != own:
                        self.assertRegex(run.stderr, f"kernel {kernel} (has|does not have)|"
                                         f"not modelled under kernel {kernel}: ")
                    else:
                        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
                        self.hold_busy_below_one()

    def test_each_says_what_happens_and_where_it_was_seen(self):
        for path in SCENARIOS:
            with self.subTest(scenario=path.stem):
                scenario = json.loads(path.read_text("utf-8"))
                self.assertTrue(scenario["description"] and scenario["source"])

    def hold_busy_below_one(self):
        summary = json.loads((self.dir / "out" / "summary.json").read_text("utf-8"))
        for device in summary["devices"].values():
            self.assertLessEqual(device["utilization"] or 0, 1)


if __name__ == "__main__":
    unittest.main()
