#!/usr/bin/python3
"""`wbsim why`: the parts of each call add up to its latency, and say what it waited for."""

import json
import unittest

from wbsim_cli import ROOT, SMALL, CliTest


def parts_of(account):
    return sum(part["ns"] for part in account["parts"])


class Why(CliTest):
    def why(self, scenario, *options):
        self.write(scenario)
        self.expect(0, "run", "scenario.json", "--out", "out", "--force", *options)
        return json.loads((self.dir / "out" / "why.json").read_text("utf-8"))

    def share(self, account, **wanted):
        """The share of the latency in parts that have these values."""
        return sum(part["ns"] for part in account["parts"]
                   if all(part.get(key) == value for key, value in wanted.items())
                   ) / account["latency_ns"]

    def writing(self, **job):
        return {**SMALL, "workloads": [{"name": "dd", "filename": "fs0/f0", **job}]}

    def test_a_write_into_free_memory_takes_processor_time_only(self):
        account = self.why(self.writing(size="1MiB"))["writers"]["dd"]["write"]
        self.assertEqual(self.share(account, wait="processor"), 1)

    def test_an_fsync_of_its_own_data_waits_for_its_own_requests(self):
        account = self.why(self.writing(size="4MiB", end_fsync=True))["writers"]["dd"]["fsync"]
        self.assertGreater(self.share(account, thread="dd", reason="sync", ino=0), 0.9)
        self.assertGreater(self.share(account, phase="device"), 0)

    def test_an_fsync_waits_behind_the_writer_beside_it(self):
        scenario = {**SMALL, "vm": {"dirty_background_ratio": 1, "dirty_ratio": 60},
                    "filesystems": [{"name": "fs0", "device": "d0", "files": [
                        {"name": "f0", "size": "512MiB"}, {"name": "f1", "size": "1MiB"}]}],
                    "workloads": [
                        {"name": "dd", "filename": "fs0/f0", "size": "64MiB"},
                        {"name": "log", "filename": "fs0/f1", "bs": "4KiB", "size": "4KiB",
                         "startdelay": "400ms", "fsync": 1}]}
        account = self.why(scenario, "--policy", "bdi")["writers"]["log"]["fsync"]
        self.assertGreater(self.share(account, phase="behind", reason="background"), 0.5)
        part = account["parts"][0]
        self.assertEqual((part["thread"], part["ino"]), ("flush-d0", 0))
        self.assertGreater(part["age_ns"], 1_000_000)

    def test_the_throttle_says_which_limit(self):
        scenario = self.writing(size="64MiB")
        limits = {"global limit", "bdi share", "task share"}
        small = {"dirty_bytes": "4MiB"}
        for kernel, vm, by in (("2.6.18", {"dirty_ratio": 5}, {"global limit"}),
                               ("2.6.24", {"dirty_ratio": 5}, limits), ("2.6.32", small, limits),
                               ("6.1", small, {"global limit", "bdi share", "dirty rate"})):
            with self.subTest(kernel):
                account = self.why({**scenario, "vm": vm}, "--kernel",
                                   kernel)["writers"]["dd"]["write"]
                throttled = {part["throttled_by"] for part in account["parts"]} - {""}
                self.assertLessEqual(throttled, by)
                self.assertGreater(1 - self.share(account, throttled_by=""), 0.8)

    def test_the_throttle_says_that_it_is_the_cgroups_limit(self):
        scenario = {**self.writing(size="64MiB", cgroup="small"), "kernel": {"preset": "6.1"},
                    "cgroups": [{"name": "small", "memory.max": "16MiB"}],
                    "machine": {"memory": "1GiB"}}
        account = self.why(scenario)["writers"]["dd"]["write"]
        throttled = {part["throttled_by"] for part in account["parts"]} - {""}
        self.assertIn("memcg limit", throttled)
        self.assertNotIn("global limit", throttled)

    def test_a_reader_without_memory_waits_for_the_write_back_of_others(self):
        """A process takes the memory that pages under write-back, on a disk that hangs, leave."""
        hang = {"kind": "hang", "start": "500ms", "duration": "5s"}
        scenario = {**SMALL, "devices": [
            {"name": "d0", "bandwidth": "2MB/s", "nr_requests": 512, "faults": [hang]},
            {"name": "d1"}]}
        scenario["filesystems"] = [
            {"name": f"fs{i}", "device": f"d{i}", "files": [{"name": "f", "size": "512MiB"}]}
            for i in (0, 1)]
        scenario["workloads"] = [
            {"name": "bulk", "filename": "fs0/f", "io_size": "20MiB"},
            {"name": "reader", "rw": "read", "filename": "fs1/f", "time_based": True,
             "runtime": "10s"},
            {"name": "hog", "filename": "fs0/f", "io_size": "64KiB", "startdelay": "1s",
             "lockmem": "44MiB"}]
        account = self.why(scenario, "--kernel", "2.6.18")["writers"]["reader"]["read"]
        self.assertGreater(self.share(account, throttled_by="vm writeout limit",
                                      wait="congestion_wait"), 0.4)
        self.assertGreater(account["worst"][0]["latency_ns"], 4_000_000_000)
        summary = json.loads((self.dir / "out" / "summary.json").read_text("utf-8"))
        self.assertGreater(summary["writers"]["reader"]["vm_writeout_ns"], 4_000_000_000)
        self.assertGreater(summary["writers"]["reader"]["vm_writeout_calls"], 0)
        account = self.why(scenario, "--kernel", "6.1")["writers"]["reader"]["read"]
        self.assertEqual(self.share(account, throttled_by=""), 1)

    def test_parts_add_up_in_every_scenario_under_every_kernel(self):
        listed = self.expect(0, "list", "kernels").stdout.splitlines()[1:]
        for path in sorted((ROOT / "scenarios").glob("*.json")):
            for kernel in (line.split()[0] for line in listed):
                with self.subTest(scenario=path.stem, kernel=kernel):
                    run = self.run_program("run", path, "--kernel", kernel, "--out", "out",
                                           "--force", "--no-writes")
                    if run.returncode == 3:
                        continue  # it asks for what this kernel does not have
                    self.assertIn(run.returncode, (0, 1), run.stderr)
                    why = json.loads((self.dir / "out" / "why.json").read_text("utf-8"))
                    summary = json.loads((self.dir / "out" / "summary.json").read_text("utf-8"))
                    for name, writer in why["writers"].items():
                        for kind, account in writer.items():
                            self.assertEqual(parts_of(account), account["latency_ns"])
                            calls = summary["writers"][name][kind]["clat_ns"]["N"]
                            self.assertEqual(account["calls"], calls)
                            longest = account["worst"][0]["latency_ns"]
                            self.assertEqual(
                                longest, summary["writers"][name][kind]["clat_ns"]["max"])
                            for call in account["worst"]:
                                self.assertEqual(parts_of(call), call["latency_ns"])

    def test_the_text(self):
        self.why(self.writing(size="4MiB", fsync=16))
        text = self.expect(0, "why", "out", "--worst", "2").stdout
        self.assertRegex(text, r"dd: 64 write calls, ")
        self.assertRegex(text, r"dd: 4 fsync calls, ")
        self.assertEqual(text.count(" s took "), 2)
        self.assertRegex(text, r"wait_on_page_writeback, device +dd, sync, inode 0 dirty for")
        one = self.expect(0, "why", "out", "--writer", "dd", "--worst", "0").stdout
        self.assertNotIn("took", one)

    def test_of_another_version_or_damaged(self):
        self.why(self.writing(size="1MiB"))
        with open(self.dir / "out" / "why.json", encoding="utf-8") as file:
            why = json.load(file)
        for change, said in (({"schema": "wbsim-why/0"}, "of another version"),
                             ({"writers": {"dd": {"write": {}}}}, "why.json is damaged")):
            with open(self.dir / "out" / "why.json", "w", encoding="utf-8") as file:
                json.dump({**why, **change}, file)
            self.assertIn(said, self.expect(2, "why", "out").stderr)

    def test_usage(self):
        self.why(self.writing(size="1MiB"))
        self.assertIn('did you mean "dd"?', self.expect(2, "why", "out", "--writer", "ddd").stderr)
        self.assertIn("holds no why.json", self.expect(2, "why", ".").stderr)
        self.expect(2, "why")
        self.expect(0, "compare", "scenario.json", "-p", "bdi", "-p", "pdflush", "--out", "both")
        (self.dir / "both" / "plots").mkdir()
        self.assertEqual(self.expect(2, "why", "both").stderr.split("\n")[1:],
                         ["    both/bdi", "    both/pdflush", ""])
        self.assertIn('there is no directory "nowhere"', self.expect(2, "why", "nowhere").stderr)


if __name__ == "__main__":
    unittest.main()
