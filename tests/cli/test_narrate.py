#!/usr/bin/python3
"""`wbsim run --narrate`: the same words every time, on one page, and nothing else changed.

WBSIM_UPDATE_GOLDEN=1 rewrites the texts.
"""

import copy
import json
import os
import re
import unittest

from wbsim_cli import ROOT, SMALL, CliTest

STORIES = {"three-passes": ("2.6.31", "6.1"),
           "what-kupdate-picks": ("2.4.17", "2.6.24", "2.6.31", "2.6.32", "6.1"),
           "getblk-miss": ("2.4.0", "2.4.17")}
MOST_LINES = 66


class Narrate(CliTest):
    def scenario(self, name):
        return str(ROOT / "scenarios" / f"{name}.json")

    def told(self, name, kernel):
        text = self.expect(0, "run", self.scenario(name), "--kernel", kernel, "--narrate").stdout
        return text.split("\nexpectations\n")[0]

    def test_the_stories(self):
        for name, kernels in STORIES.items():
            for kernel in kernels:
                with self.subTest(name=name, kernel=kernel):
                    told = self.told(name, kernel)
                    golden = ROOT / "tests" / "golden" / f"narrate-{name}-{kernel}.txt"
                    if os.environ.get("WBSIM_UPDATE_GOLDEN"):
                        golden.write_text(told, encoding="ascii")
                    self.assertEqual(told, golden.read_text("ascii"))
                    lines = told.splitlines()
                    self.assertLessEqual(len(lines), MOST_LINES + 4)
                    self.assertLessEqual(max(map(len, lines)), 100)
                    self.assertEqual([line for line in lines if line != line.rstrip()], [])

    def test_telling_changes_nothing(self):
        for name, kernels in STORIES.items():
            for kernel in kernels:
                options = (self.scenario(name), "--kernel", kernel, "--force", "--out")
                self.expect(0, "run", *options, "plain")
                self.expect(0, "run", *options, "told", "--narrate")
                for path in (self.dir / "plain").iterdir():
                    self.assertEqual(path.read_bytes(),
                                     (self.dir / "told" / path.name).read_bytes(), path.name)

    def test_what_a_page_of_buffers_goes_through(self):
        told = self.told("three-passes", "2.6.31")
        second = told[told.index("33.000001"):]
        self.assertRegex(second, r"takes page 0 .*\n? *0:UD  1:UDMR@64  2:UD\s+3:UD")
        self.assertIn("pass 1 maps buffer 0", second)
        self.assertIn("0:UDM@65  1:UDMR@64  2:U  3:U", second)
        self.assertIn("0:UMLA@65  1:UMLAR@64  2:U  3:U", second)
        self.assertIn("pass 3 submits buffers 0 and 1", second)

    def test_metadata_is_dirtied_and_written_in_the_order_of_the_generation(self):
        """2.4 puts the inode into its block at the next pass, later kernels with the data."""
        disk = [{"name": "d0", "capacity": "1GiB", "bandwidth": "50MB/s"}]
        scenario = {**copy.deepcopy(SMALL), "devices": disk,
                    "filesystems": [{"name": "fs0", "device": "d0", "metadata": "written",
                                     "files": [{"name": "f0", "size": "0MiB"}]}],
                    "workloads": [{"name": "dd", "filename": "fs0/f0", "bs": "4KiB",
                                   "size": "4KiB"}],
                    "vm": {"dirty_expire_centisecs": 900}, "run": {"sample_interval": "1s"}}
        name = self.write(scenario)
        allocated = ("block 2 of d0 becomes dirty", "block 1 of d0 becomes dirty",
                     "block 64 of d0 becomes dirty")
        inode = ("writes the inode of fs0/f0", "block 5 of d0 becomes dirty")
        sent = tuple(f"sends block {block} of d0" for block in (2, 1, 64))
        stories = {"2.4.0": (*allocated, "block 0 of d0 becomes dirty", *inode, *sent),
                   "2.4.17": (*allocated, *inode, "block 0 of d0 becomes dirty", *sent)}
        pages = ("page 2 of /dev/d0 becomes dirty", "page 1 of /dev/d0 becomes dirty",
                 "page 0 of fs0/f0 becomes dirty", "takes page 0 of fs0/f0",
                 "writes the inode of fs0/f0", "page 5 of /dev/d0 becomes dirty")
        for kernel in ("2.4.0", "2.4.17", "2.6.24", "2.6.31", "2.6.32", "6.1"):
            with self.subTest(kernel):
                told = self.expect(0, "run", name, "--kernel", kernel, "--narrate").stdout
                told = " ".join(told.split())
                at = [told.index(words) for words in stories.get(kernel, pages)]
                self.assertEqual(at, sorted(at))
                inode_at, data_at = (
                    float(re.search(r"(\d+\.\d{6}) \S+ " + words, told)[1])
                    for words in ("writes the inode", "(?:sends block 64|takes page 0 of fs0)"))
                self.assertGreaterEqual(data_at, 3 if kernel == "6.1" else 9)
                if kernel in stories:
                    self.assertLess(inode_at, 5)
                else:
                    self.assertLess(inode_at - data_at, 0.1)

    def test_a_raw_device_goes_buffer_by_buffer(self):
        scenario = {**copy.deepcopy(SMALL), "filesystems": [], "workloads": [
            {"name": "a", "filename": "/dev/d0", "bs": "2KiB", "size": "2KiB"}],
            "devices": [{"name": "d0", "capacity": "1GiB", "bandwidth": "50MB/s",
                         "soft_block_size": "1KiB"}]}
        told = self.expect(0, "run", self.write(scenario), "--narrate").stdout
        self.assertIn("pass 2 locks and marks buffers 0 and 1", told)
        self.assertIn("page 0 of /dev/d0 becomes dirty", told)

    def test_more_than_a_page_is_refused(self):
        error = self.expect(2, "run", self.variant(), "--narrate").stderr
        self.assertRegex(error, r"fits a page of 66 lines; in scenario.json more has happened "
                                r"after [\d.]+ (us|ms|s)\n")
        self.expect(2, "run", self.variant(), "--narrate", "--out", "out")
        self.assertEqual(self.names(), ["scenario.json"])

    def test_it_goes_with_no_other_form(self):
        for other in (["--json"], ["--format", "vmstat"]):
            self.expect(2, "run", self.scenario("three-passes"), "--narrate", *other)

    def test_the_expectations_follow(self):
        scenario = json.loads((ROOT / "scenarios/three-passes.json").read_text("utf-8"))
        scenario["expect"] = [{"metric": "/memory/nr_dirtied", "equals": 3}]
        told = self.expect(1, "run", self.write(scenario), "--narrate").stdout
        self.assertRegex(told, r"\nexpectations\n +FAILED ")


if __name__ == "__main__":
    unittest.main()
