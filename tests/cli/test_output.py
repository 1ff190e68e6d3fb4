#!/usr/bin/python3
"""Output: files, standard output, expectations, full disks, Ctrl-C; exit codes 0, 1, 5, 130."""

import csv
import filecmp
import json
import os
import pty
import signal
import subprocess
import time
import unittest

from wbsim_cli import ENDLESS, PROGRAM, ROOT, SMALL, CliTest

RUN_FILES = ["fsync.csv", "manifest.json", "requests.csv", "samples.csv", "summary.json",
             "why.json", "works.csv", "writes.csv"]


def same_trees(a, b):
    found = filecmp.dircmp(a, b)
    if found.left_only or found.right_only:
        return False
    _, different, errors = filecmp.cmpfiles(a, b, found.common_files, shallow=False)
    return not different and not errors and all(
        same_trees(a / sub, b / sub) for sub in found.common_dirs)


class Output(CliTest):
    def files(self, directory):
        return sorted(path.name for path in (self.dir / directory).iterdir())

    def test_a_run_writes_its_files_and_nothing_else(self):
        self.expect(0, "run", self.variant(), "--out", "out/run")
        self.assertEqual(self.files("out"), ["run"])
        self.assertEqual(self.files("out/run"), RUN_FILES)
        summary = json.loads((self.dir / "out/run/summary.json").read_text("utf-8"))
        self.assertEqual(summary["writers"]["dd"]["io_bytes"], 4 << 20)
        manifest = json.loads((self.dir / "out/run/manifest.json").read_text("utf-8"))
        self.write(manifest["scenario"], "again.json")
        self.expect(0, "run", "again.json", "--out", "out/again")
        self.assertTrue(same_trees(self.dir / "out/run", self.dir / "out/again"))

    def test_without_out_nothing_is_written(self):
        name = self.variant()
        self.expect(0, "run", name)
        self.expect(0, "compare", name)
        self.assertEqual(self.names(), [name])

    def test_calls_can_be_left_out(self):
        self.expect(0, "run", self.variant(), "--out", "out", "--no-writes")
        self.assertNotIn("writes.csv", self.files("out"))

    def test_columns_have_the_same_number_of_values_in_every_row(self):
        self.expect(0, "run", self.variant(), "--out", "out")
        for path in (self.dir / "out").glob("*.csv"):
            lines = path.read_text("ascii").splitlines()
            self.assertEqual({line.count(",") for line in lines}, {lines[0].count(",")}, path.name)

    def test_each_cgroup_has_columns_as_in_its_memory_stat(self):
        name = self.variant(
            kernel={"preset": "6.1"}, cgroups=[{"name": "a", "memory.max": "16MiB"}, {"name": "b"}],
            workloads=[{"name": "w", "filename": "fs0/f0", "size": "64MiB", "cgroup": "a"}])
        self.expect(0, "run", name, "--out", "out")
        with open(self.dir / "out/samples.csv", encoding="ascii") as file:
            rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
        for row in rows:
            self.assertEqual(row["a_file_dirty"], 4096 * row["nr_dirty"])
            self.assertEqual(row["a_file_writeback"], 4096 * row["nr_writeback"])
            self.assertEqual(row["b_file"], 0)
            self.assertLess(row["a_DirtyThresh"], row["d0_DirtyThresh"])
        self.assertAlmostEqual(max(row["a_file"] for row in rows) / 2**20, 16, delta=0.2)
        summary = json.loads((self.dir / "out/summary.json").read_text("utf-8"))
        self.assertEqual(summary["cgroups"]["a"]["still_dirty"], 0)
        printed = self.expect(0, "run", name).stdout
        self.assertRegex(printed, r"\ncgroup +peak file MiB .*\na +16\.0 .*\nb +0\.0 ")

    def test_throttled_writers_without_io_leave_their_pauses_and_rounds(self):
        name = self.variant(kernel={"preset": "6.1"}, vm={"dirty_bytes": "1MiB",
                                                          "dirty_background_bytes": "512KiB"})
        self.expect(0, "run", name, "--out", "out")
        pauses = (self.dir / "out/pauses.csv").read_text("ascii").splitlines()
        self.assertIn(",dirty_ratelimit,", pauses[0])
        self.assertGreater(len(pauses), 3)
        rounds = (self.dir / "out/rounds.csv").read_text("ascii").splitlines()
        self.assertEqual(rounds[0], "t_s,bdi,event,nr_pages,reason")
        self.assertTrue(any(line.endswith(",background") for line in rounds))

    def test_of_the_sysctls_only_a_dirty_limit_replaces_what_boot_left(self):
        """gen-3.x-ioless 3: a dirty_ratio that changes sets the tracked limit, no background."""
        limits = {}
        for ratio, value in (("dirty_ratio", 20), ("dirty_background_ratio", 5),
                             ("dirty_ratio", 19)):
            name = self.variant(kernel={"preset": "3.10"}, vm={ratio: value},
                                machine={"memory": "64MiB", "free_at_start": "32MiB"},
                                workloads=[{**SMALL["workloads"][0], "size": "16MiB"}])
            out = f"{ratio}-{value}"
            self.expect(0, "run", name, "--out", out)
            with open(self.dir / out / "pauses.csv", encoding="ascii") as file:
                limits[out] = int(next(csv.DictReader(file))["limit"])
        self.assertEqual(limits["dirty_ratio-20"], 20 * 16384 // 100)
        self.assertEqual(limits["dirty_background_ratio-5"], 20 * 16384 // 100)
        self.assertLess(limits["dirty_ratio-19"], 19 * 8192 // 100)

    def test_a_call_that_fails_has_transferred_nothing(self):
        disk = {**SMALL["devices"][0], "faults": [{"kind": "error", "size": "8MiB"}]}
        job = {**SMALL["workloads"][0], "bs": "1MiB", "size": "16MiB", "direct": True}
        name = self.variant(devices=[disk], workloads=[job])
        self.expect(0, "run", name, "--out", "out", "--trace", "fio")
        with open(self.dir / "out/writes.csv", encoding="ascii") as file:
            sizes = [int(row["bytes"]) for row in csv.DictReader(file)]
        self.assertEqual(len(sizes), 16)
        self.assertEqual(set(sizes), {0, 2**20})
        writer = json.loads((self.dir / "out/summary.json").read_text("utf-8"))["writers"]["dd"]
        self.assertEqual(sum(sizes), writer["io_bytes"])
        self.assertEqual(sizes.count(0), writer["errors"])

    def test_every_kernel_runs_with_the_largest_memory(self):
        for kernel in ("2.4.0", "2.4.17", "2.6.18", "2.6.32", "6.1"):
            name = self.variant(kernel={"preset": kernel}, machine={"memory": "64TiB"})
            self.expect(0, "run", name)
        name = self.variant(kernel={"preset": "6.1"}, machine={"memory": "64TiB"},
                            cgroups=[{"name": "a"}])
        self.expect(0, "run", name)

    def test_json_is_the_summary(self):
        printed = self.expect(0, "run", self.variant(), "--json", "--out", "out").stdout
        self.assertEqual(printed, (self.dir / "out/summary.json").read_text("utf-8"))

    def test_compare_writes_a_run_for_each_policy(self):
        printed = self.expect(0, "compare", self.variant(), "--json", "--out", "out").stdout
        self.assertEqual(self.files("out"), ["bdi", "compare.json", "pdflush"])
        self.assertEqual(self.files("out/bdi"), RUN_FILES)
        self.assertEqual(printed, (self.dir / "out/compare.json").read_text("utf-8"))
        comparison = json.loads(printed)
        self.assertEqual([run["kernel"] for run in comparison["runs"]], ["2.6.31", "2.6.32"])
        table = self.expect(0, "compare", self.variant()).stdout
        for metric in comparison["metrics"]:
            self.assertIn(metric["name"], table)

    def test_two_runs_are_byte_identical(self):
        for out, jobs in (("a", 1), ("b", 4)):
            self.expect(0, "compare", self.variant(), "-p", "pdflush", "-p", "bdi", "-k", "2.6.24",
                        "--jobs", jobs, "--out", out)
        self.assertTrue(same_trees(self.dir / "a", self.dir / "b"))
        self.assertFalse(same_trees(self.dir / "a/bdi", self.dir / "a/pdflush"))

    def test_a_failed_expectation_is_exit_code_1_and_keeps_the_output(self):
        name = self.variant(expect=[{"metric": "/aggregate/bw_bytes", "at_most": "1B/s"},
                                    {"metric": "/aggregate/io_bytes", "equals": "4MiB"},
                                    {"kernel": "pdflush", "metric": "/flushers/max_threads",
                                     "equals": 99}])
        printed = self.expect(1, "run", name, "--policy", "bdi", "--out", "out").stdout
        self.assertEqual(printed.count("FAILED"), 1)
        self.assertEqual(self.files("out"), RUN_FILES)
        self.assertEqual(self.expect(1, "compare", name).stdout.count("FAILED"), 3)

    def test_the_report_says_whose_calls_failed_and_small_latencies_in_full(self):
        good = self.expect(0, "run", self.variant()).stdout
        self.assertNotIn("returned an error", good)
        self.assertNotIn("that failed", good)
        disk = {**SMALL["devices"][0], "faults": [{"kind": "error", "rw": "write"}]}
        broken = self.variant(devices=[disk], kernel={"preset": "6.1"})
        report = self.expect(0, "run", broken).stdout
        self.assertIn("calls that returned an error: dd 1\n", report)
        self.assertRegex(report, r"\nrequests that failed: d0 (\d+) of \1\n")
        self.assertIn("flushers  of a work queue, ", report)
        self.assertRegex(report, r"\ndd +4\.0 +[0-9.]+ +[0-9.]+ +0\.\d{3} +0\.\d{3} ")

    def test_the_report_counts_reads_as_it_counts_writes(self):
        reader = {"name": "rd", "filename": "fs0/f0", "rw": "read", "size": "4MiB", "bs": "64KiB"}
        report = self.expect(0, "run", self.variant(workloads=[reader])).stdout
        self.assertRegex(report, r"\ndisk +read MiB +written MiB +MB/s +reads +writes +KiB each ")
        # What was read ahead as well.
        self.assertRegex(report, r"\nd0 +4\.1 +0\.0 +- +\d+ +0 +\d+ ")

    def test_slow_writers_are_told_apart(self):
        path = self.variant(workloads=[{"name": "log", "filename": "fs0/f0", "size": "64KiB",
                                        "bs": "4KiB", "fsync": 1, "thinktime": "100ms"}])
        summary = json.loads(self.expect(0, "run", path, "--json").stdout)
        speed = f"{summary['writers']['log']['bw_bytes'] / 1e6:.3f}"
        self.assertLess(float(speed), 0.1)
        self.assertRegex(self.expect(0, "run", path).stdout, rf"\nlog +0\.1 +{speed} ")
        self.assertRegex(self.expect(0, "compare", path).stdout, rf"throughput, all .* {speed} ")

    def test_one_of_a_kind_is_told_as_one(self):
        for kernel, threads in (("2.6.31", "2 threads"), ("2.6.32", "1 thread")):
            text = self.expect(0, "run", ROOT / "scenarios/burst-ages.json", "--kernel", kernel,
                               "--no-writes").stdout
            self.assertRegex(text, rf"\nflushers  {threads} at most, 0 background jobs and ")
            self.assertNotRegex(text, r"\b1 (threads|background jobs|periodic jobs)")

    def test_a_count_is_printed_to_the_last_digit(self):
        metric = "/memory/dirty_threshold_pages"
        name = self.variant(expect=[{"metric": metric, "at_least": 100000}],
                            machine={"memory": "4GiB"})
        summary = json.loads(self.expect(0, "run", name, "--json").stdout)
        pages = summary["memory"]["dirty_threshold_pages"]
        self.assertGreater(pages, 100000)
        self.assertIn(f">= 100000   is {pages}\n", self.expect(0, "run", name).stdout)

    def test_an_expectation_without_a_kernel_is_held_against_every_kernel(self):
        never = {"metric": "/aggregate/io_bytes", "equals": 1}
        for scope, failing in (({}, ["2.4.0", "2.6.31", "6.1"]),
                               ({"since": "pdflush"}, ["2.6.31", "6.1"]),
                               ({"until": "2.6.24"}, ["2.4.0"]),
                               ({"since": "2.4.17", "until": "3.10"}, ["2.6.31"])):
            name = self.variant(expect=[{**never, **scope}])
            for kernel in ("2.4.0", "2.6.31", "6.1"):
                with self.subTest(scope=scope, kernel=kernel):
                    self.expect(kernel in failing, "run", name, "--kernel", kernel)

    def test_ratios_between_runs(self):
        ratio = {"compare": ["pdflush", "bdi"], "metric": "/aggregate/io_bytes"}
        self.expect(0, "compare", self.variant(expect=[{**ratio, "ratio_at_least": 1}]))
        self.expect(1, "compare", self.variant(expect=[{**ratio, "ratio_at_most": 0.5}]))
        self.expect(0, "run", self.variant(expect=[{**ratio, "ratio_at_most": 0.5}]))


class CannotWrite(CliTest):
    def test_existing_output_is_kept_unless_forced(self):
        name = self.variant()
        self.expect(0, "run", name, "--out", "out", "--seed", 1)
        self.assertIn("--force replaces it", self.expect(5, "run", name, "--out", "out").stderr)
        self.expect(0, "run", name, "--out", "out/", "--force", "--seed", 2)
        self.assertEqual(json.loads((self.dir / "out/summary.json").read_text())["seed"], 2)
        self.assertEqual(self.names(), ["out", name])

    def test_a_directory_of_something_else_is_never_replaced(self):
        (self.dir / "mine").mkdir()
        (self.dir / "mine/letter").write_text("x")
        error = self.expect(5, "run", self.variant(), "--out", "mine", "--force").stderr
        self.assertIn("no output of wbsim", error)
        self.assertTrue((self.dir / "mine/letter").exists())
        self.expect(5, "run", self.variant(), "--out", "scenario.json", "--force")

    def test_places_that_cannot_be_written(self):
        for place in ("/proc/out", "scenario.json/out", "/dev/null/x", "", "..", "/"):
            with self.subTest(place):
                self.expect(5, "run", self.variant(), "--out", place)

    def test_left_over_of_a_killed_run(self):
        (self.dir / "out.partial").mkdir()
        self.assertIn("--force removes it",
                      self.expect(5, "run", self.variant(), "--out", "out").stderr)
        self.expect(0, "run", self.variant(), "--out", "out", "--force")

    def test_standard_output_that_is_full(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            for command in (["run", self.variant()], ["explain"], ["list", "kernels"]):
                error = self.expect(5, *command, stdout=full).stderr
                self.assertIn("cannot write standard output", error)

    def test_full_disk(self):
        small = self.dir / "small"
        small.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)],
                                 check=False, capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("a tmpfs cannot be mounted here")
        self.addCleanup(subprocess.run, ["umount", str(small)], check=True)
        for command in ("run", "compare"):
            with self.subTest(command):
                name = self.write(ENDLESS)
                error = self.expect(5, command, name, "--out", "small/out").stderr
                self.assertIn("No space left on device", error)
                self.assertEqual(list(small.iterdir()), [])


class Interrupted(CliTest):
    def start(self, *arguments, **options):
        return subprocess.Popen([PROGRAM, *arguments], cwd=self.dir, **options)

    def interrupt(self, process, signal_number, text):
        """Waits until the run is at work, and stops it."""
        deadline = time.monotonic() + 60
        while not (self.dir / "out.partial").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.2)
        process.send_signal(signal_number)
        _, error = process.communicate(timeout=60)
        self.assertIn(text, error)
        self.assertEqual(self.names(), ["scenario.json"])
        return process.returncode

    def test_ctrl_c_leaves_nothing(self):
        name = self.write(ENDLESS)
        for command in ("run", "compare"):
            with self.subTest(command):
                process = self.start(command, name, "--out", "out", "--no-writes", text=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                self.assertEqual(self.interrupt(process, signal.SIGINT, "interrupted"), 130)

    def test_termination_leaves_nothing(self):
        process = self.start("run", self.write(ENDLESS), "--out", "out", "--no-writes", text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(self.interrupt(process, signal.SIGTERM, "interrupted"), 143)

    def test_what_runs_nothing_ends_at_once(self):
        os.mkfifo(self.dir / "never.fio")  # reading it waits for a writer
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            process = self.start(
                "import", "fio", "never.fio", stderr=subprocess.PIPE,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # also under nohup
            time.sleep(0.2)
            process.send_signal(signal_number)
            with process.stderr:
                self.assertEqual(process.wait(timeout=10), -signal_number)

    def test_progress_is_shown_on_a_terminal_only(self):
        primary, secondary = pty.openpty()
        process = self.start("run", self.write(ENDLESS), stdout=subprocess.DEVNULL,
                             stderr=secondary)
        os.close(secondary)
        shown = b""
        while b"real time" not in shown:
            shown += os.read(primary, 4096)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), 130)
        os.close(primary)
        self.assertRegex(shown.decode(), r"[0-9.]+ s   \d+ x real time, at most \d+ s to go")
        self.assertEqual(self.expect(0, "run", self.variant()).stderr, "")


if __name__ == "__main__":
    unittest.main()
