#!/usr/bin/python3
"""The kernels of 2.4 on the command line: compared with later ones, and what they do not have."""

import csv
import json
import re
import unittest

from wbsim_cli import ROOT, CliTest

EARLY = ("2.4.0", "2.4.17")
ERAS = (*EARLY, "2.6.31", "2.6.32", "6.1")


class Kernel24(CliTest):
    def test_every_scenario_runs_under_every_era_or_says_what_is_later(self):
        options = [word for era in ERAS for word in ("--kernel", era)]
        for path in sorted((ROOT / "scenarios").glob("*.json")):
            with self.subTest(path.stem):
                result = self.run_program("compare", path, *options, "--json")
                if result.returncode == 3:
                    self.assertRegex(result.stderr, r"/\S+: .*(2\.4\.\d+|2\.6\.3\d|6\.1)\b")
                    continue
                self.assertEqual(result.returncode, 0, result.stderr)
                runs = json.loads(result.stdout)["runs"]
                self.assertEqual([run["kernel"] for run in runs.values()]
                                 if isinstance(runs, dict) else
                                 [run["kernel"] for run in runs], list(ERAS))

    def test_a_later_sysctl_is_an_error_that_names_what_there_is(self):
        name = self.variant(kernel={"preset": "2.4.17"}, vm={"dirty_ratio": 10})
        error = self.expect(3, "run", name).stderr
        self.assertIn("/vm/dirty_ratio: kernel 2.4.17 does not have it", error)
        self.assertIn("nfract_sync", error)

    def test_limits_of_a_device_are_later_too(self):
        device = {"name": "d0", "capacity": "1GiB", "max_ratio": 50}
        name = self.variant(kernel={"preset": "2.4.0"}, devices=[device])
        self.assertIn("/devices/0/max_ratio", self.expect(3, "run", name).stderr)

    def test_calls_that_2_4_does_not_model_are_errors(self):
        for key, value, words in (("ioengine", "mmap", "mapped files"),
                                  ("direct", True, "O_DIRECT")):
            job = {"name": "dd", "filename": "fs0/f0", "size": "1MiB", key: value}
            name = self.variant(kernel={"preset": "2.4.17"}, workloads=[job])
            error = self.expect(3, "run", name).stderr
            self.assertIn(f"/workloads/0/{key}: not modelled under kernel 2.4.17: {words}", error)

    def test_a_resolved_scenario_is_one(self):
        for era in EARLY:
            first = self.expect(0, "validate", "--resolved",
                                self.variant(kernel={"preset": era})).stdout
            vm = json.loads(first)["vm"]
            self.assertNotIn("dirty_ratio", vm)
            self.assertEqual(vm["bdflush"]["nfract_sync"], 60)
            again = self.expect(0, "validate", "--resolved", self.write(first)).stdout
            self.assertEqual(again, first)

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

    def test_the_ends_of_each_range_are_valid_and_what_lies_behind_is_not(self):
        ranges = {"nfract": (0, 100), "ndirty": (10, 50_000), "nrefill": (5, 20_000),
                  "age_buffer": (100, 600_000), "nfract_sync": (0, 100)}
        for era, longest in (("2.4.0", 60_000), ("2.4.17", 1_000_000)):
            for key, (least, most) in {**ranges, "interval": (0, longest)}.items():
                for value in (least - 1, least, most, most + 1):
                    name = self.variant(kernel={"preset": era, "hz": 100},
                                        vm={"bdflush": {key: value}})
                    with self.subTest(era, key=key, value=value):
                        self.expect(0 if least <= value <= most else 3, "validate", name)

    def test_a_power_cut_takes_what_kupdate_had_not_written_and_nothing_that_was_synced(self):
        files = [{"name": "f0", "size": "64MiB"}, {"name": "f1", "size": "64MiB"}]
        jobs = [{"name": "synced", "filename": "fs0/f0", "size": "4MiB", "end_fsync": True},
                {"name": "not", "filename": "fs0/f1", "size": "2MiB"}]
        for era in EARLY:
            with self.subTest(era):
                name = self.variant(
                    kernel={"preset": era}, workloads=jobs,
                    filesystems=[{"name": "fs0", "device": "d0", "files": files}],
                    run={"power_cut": "20s", "duration": "60s"})
                result = json.loads(self.expect(0, "run", name, "--json").stdout)
                synced, cached = (result["power_cut"]["files"][f] for f in ("fs0/f0", "fs0/f1"))
                self.assertEqual((synced["durable_bytes"], synced["memory_bytes"]), (4 << 20, 0))
                self.assertEqual((cached["durable_bytes"], cached["memory_bytes"]), (0, 2 << 20))
                self.assertEqual(synced["promised_and_lost_bytes"], 0)

    def test_why_says_who_throttled_and_whose_requests_were_in_the_way(self):
        job = {"name": "dd", "filename": "fs0/f0", "size": "60MiB"}
        for era in EARLY:
            name = self.variant(kernel={"preset": era}, workloads=[job])
            self.expect(0, "run", name, "--out", "out", "--force")
            account = json.loads((self.dir / "out/why.json").read_text("utf-8")
                                 )["writers"]["dd"]["write"]
            parts = account["parts"]
            self.assertEqual(sum(part["ns"] for part in parts), account["latency_ns"])
            longest = parts[0]
            self.assertEqual(longest["throttled_by"], "global limit")
            self.assertIn(longest["wait"], ("request slot", "wait_on_buffer"))
            self.assertIn(longest["reason"], ("balance_dirty", "background"))
            self.assertGreater(longest["age_ns"], 0)

    def test_the_block_events_of_2_4_are_traced(self):
        job = {"name": "dd", "filename": "fs0/f0", "size": "60MiB"}
        for era in EARLY:
            name = self.variant(kernel={"preset": era}, workloads=[job])
            self.expect(0, "run", name, "--out", "out", "--force", "--trace", "ftrace,blktrace")
            text = next(self.dir.glob("out/**/*ftrace*")).read_text("ascii")
            for event in ("block_bio_queue", "block_bio_backmerge", "block_getrq", "block_plug",
                          "block_rq_insert", "block_unplug_io", "block_rq_issue",
                          "block_rq_complete"):
                self.assertRegex(text, f" {event}: ")
            issued = text.count(" block_rq_issue: ")
            with open(self.dir / "out/requests.csv", encoding="ascii") as requests:
                self.assertEqual(issued, len(requests.readlines()) - 1)

    def test_the_inode_follows_its_data_by_seconds_in_2_4_and_by_another_age_later(self):
        """2.4 puts it into its block within 5 s; later kernels when they have written the data.

        That block is a page with an age of its own; on 6.1 it goes earlier, as the share of the
        idle device is spent.
        """
        inode_table = 5 * 8  # the sector of its first block
        fs = {"name": "fs0", "device": "d0", "metadata": "pinned", "files": [{"name": "f0"}]}
        job = {"name": "dd", "filename": "fs0/f0", "size": "1MiB"}
        warm = {"name": "d0", "capacity": "1GiB", "bandwidth": "50MB/s",
                "written_at_start": "64MiB"}
        for era in ERAS:
            with self.subTest(era):
                name = self.variant(kernel={"preset": era}, workloads=[job], filesystems=[fs],
                                    devices=[warm])
                self.expect(0, "run", name, "--out", "out", "--force")
                with open(self.dir / "out/requests.csv", encoding="ascii") as requests:
                    writes = [row for row in csv.DictReader(requests) if row["write"] == "1"]
                data = min(float(row["t_queued_s"]) for row in writes if row["meta_sectors"] == "0")
                inode = min(float(row["t_queued_s"]) for row in writes if
                            0 <= inode_table - int(row["sector"]) < int(row["sectors"]))
                if era in EARLY:
                    self.assertTrue(29 < data < 36, data)
                    self.assertTrue(0 <= inode - data < 6, inode)
                else:
                    self.assertTrue((15 if era == "6.1" else 25) < inode - data < 36, inode)

    def test_fsync_sends_the_metadata_newest_first_in_2_4_and_oldest_first_later(self):
        """The indirect block of block 12, the doubly indirect one, and the second indirect one."""
        oldest_first = [160, 674, 676]
        fs = {"name": "fs0", "device": "d0", "block_size": "1KiB", "metadata": "written",
              "files": [{"name": "f0", "size": "0MiB"}]}
        job = {"name": "dd", "filename": "fs0/f0", "bs": "4KiB", "size": "300KiB",
               "end_fsync": True}
        for era in ERAS:
            with self.subTest(era):
                name = self.variant(kernel={"preset": era}, workloads=[job], filesystems=[fs])
                self.expect(0, "run", name, "--out", "out", "--force", "--trace", "ftrace")
                text = next(self.dir.glob("out/**/*ftrace*")).read_text("ascii")
                sent = [int(sector) for sector in
                        re.findall(r"dd-\d+ .* block_bio_queue: 8,0 WS?M (\d+) \+ 2 ", text)]
                order = [sector for sector in dict.fromkeys(sent) if sector in oldest_first]
                self.assertEqual(order, oldest_first[::-1] if era in EARLY else oldest_first)

    def test_bdf_prm_is_read_by_2_4_alone(self):
        plain = self.expect(0, "run", self.variant(), "--kernel", "2.6.31", "--json").stdout
        with_it = self.variant(vm={"bdflush": {"nfract": 1, "interval": 100}})
        self.assertEqual(self.expect(0, "run", with_it, "--kernel", "2.6.31", "--json").stdout,
                         plain)


if __name__ == "__main__":
    unittest.main()
