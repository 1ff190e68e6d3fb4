#!/usr/bin/python3
"""The kernels of 2.4 on the command line: compared with later ones, and what they do not have."""

import json
import unittest

from wbsim_cli import CliTest

ERAS = ("2.4.0", "2.4.17", "2.6.31", "2.6.32")


class Kernel24(CliTest):
    def test_one_scenario_runs_under_every_era(self):
        options = [word for era in ERAS for word in ("--kernel", era)]
        result = self.expect(0, "compare", self.variant(), *options, "--json")
        runs = json.loads(result.stdout)["runs"]
        self.assertEqual(len(runs), len(ERAS))

    def test_a_later_sysctl_is_an_error_that_names_what_there_is(self):
        name = self.variant(kernel={"preset": "2.4.17"}, vm={"dirty_ratio": 10})
        error = self.expect(3, "run", name).stderr
        self.assertIn("/vm/dirty_ratio: kernel 2.4.17 does not have it", error)
        self.assertIn("nfract_sync", error)

    def test_limits_of_a_device_are_later_too(self):
        device = {"name": "d0", "capacity": "1GiB", "max_ratio": 50}
        name = self.variant(kernel={"preset": "2.4.0"}, devices=[device])
        self.assertIn("/devices/0/max_ratio", self.expect(3, "run", name).stderr)

    def test_a_flusher_of_another_era_does_not_go_with_it(self):
        for kernel in ({"preset": "2.4.0", "flusher": "pdflush"},
                       {"preset": "2.6.31", "throttle": "balance_dirty"}):
            error = self.expect(3, "run", self.variant(kernel=kernel)).stderr
            self.assertIn("does not go with kernel", error)

    def test_bdf_prm_has_the_ranges_of_the_kernel(self):
        for bdflush, words in (({"interval": 601 * 250}, "0 to 150000 jiffies at HZ=250"),
                               ({"age_buffer": 200}, "250 to 1500000 jiffies"),
                               ({"ndirty": 9}, "10 to 50000"), ({"nfract": 101}, "0 to 100")):
            name = self.variant(kernel={"preset": "2.4.0"}, vm={"bdflush": bdflush})
            self.assertIn(words, self.expect(3, "run", name).stderr)

    def test_bdf_prm_is_read_by_2_4_alone(self):
        plain = self.expect(0, "run", self.variant(), "--kernel", "2.6.31", "--json").stdout
        with_it = self.variant(vm={"bdflush": {"nfract": 1, "interval": 100}})
        self.assertEqual(self.expect(0, "run", with_it, "--kernel", "2.6.31", "--json").stdout,
                         plain)


if __name__ == "__main__":
    unittest.main()
