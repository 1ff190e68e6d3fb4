#!/usr/bin/python3
"""analysis/: the way from a recording to a scenario, what it refuses, and the metrics."""

import copy
import csv
import json
import lzma
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import types
import unittest

import numpy

ROOT = pathlib.Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "tests" / "reference"
PROGRAM = os.environ.get("WBSIM", str(ROOT / "build" / "release" / "wbsim"))
sys.path.insert(0, str(ROOT / "analysis"))

import bandwidth_looks  # noqa: E402  (found through the line above)
import first_look  # noqa: E402  (found through the line above)
import metrics  # noqa: E402
import recording  # noqa: E402
import reference_scenario  # noqa: E402
import validate  # noqa: E402
import variants  # noqa: E402
from reference_scenario import CannotExpress  # noqa: E402

CALIBRATION = json.loads(reference_scenario.DEFAULT_CALIBRATION.read_text(encoding="utf-8"))


def conditions_of(folder):
    return json.loads((folder / "conditions.json").read_text(encoding="utf-8"))


def put(conditions, path, value):
    """Sets conditions[a][b] for "a.b"; numbers are indices."""
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in way:
        conditions = conditions[part]
    conditions[last] = value


class Conversion(unittest.TestCase):
    """Variants of recorded conditions, in a folder of their own beside the layouts."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = pathlib.Path(holder.name)
        (self.root / "layout").symlink_to(REFERENCE / "layout")

    def scenario(self, base, changes=(), release="2.6.31"):
        """The scenario of a recording with [(path, value)] changed."""
        folder = self.root / release / "variant"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for table in ("series.csv.xz", "requests.csv.xz", "writes.csv.xz"):
            (folder / table).symlink_to(REFERENCE / release / base / table)
        conditions = conditions_of(REFERENCE / release / base)
        for path, value in changes:
            put(conditions, path, value)
        (folder / "conditions.json").write_text(json.dumps(conditions), encoding="utf-8")
        return reference_scenario.scenario_of(folder, CALIBRATION)

    def refused(self, path, value, base="P1"):
        """A condition that cannot be expressed is refused, and the message names it."""
        with self.assertRaises(CannotExpress) as caught:
            self.scenario(base, [(path, value)])
        self.assertIn(path.rsplit(".", 1)[-1], str(caught.exception))

    def test_what_is_not_modelled_is_refused_by_name(self):
        for path, value in (
                ("kernel.arch", "alpha"), ("kernel.preempt", "full"), ("kernel.release", "2.6.30"),
                ("kernel.high_res_timers", False), ("kernel.swap", True), ("kernel.cgroups", True),
                ("guest.page_bytes", 8192), ("guest.MemTotal", "much"),
                ("queue.scheduler", "noop [cfq]"), ("service_model", "instant"),
                ("filesystem", "xfs, 4 KiB blocks"), ("time_zero", "noon"),
                ("sysctl.block_dump", "1"), ("sysctl.zone_reclaim_mode", "1"),
                ("workload.layout", "layout/none.json"), ("workload.jobs.0.op", "punch_hole"),
                ("workload.jobs.0.stride", 4096)):
            with self.subTest(path=path, value=value):
                self.refused(path, value)
        self.refused("workload.jobs.1.note", "as it comes", base="P6")

    def test_what_is_not_known_is_refused_by_name(self):
        for path in ("numa", "kernel.tickless", "guest.balloon", "sysctl.dirtytime", "queue.wbt",
                     "disks.0.cache_MiB", "workload.phase", "workload.jobs.0.thinktime_s"):
            with self.subTest(path=path):
                self.refused(path, 1)

    def test_a_phrase_about_the_file_system_is_refused_if_not_understood(self):
        with self.assertRaisesRegex(CannotExpress, "journal in memory"):
            self.scenario("P1", [("filesystem", "ext2, 4 KiB blocks, journal in memory")])

    def test_a_job_that_never_ends_is_refused(self):
        conditions = conditions_of(REFERENCE / "2.6.31" / "P1")
        job = {key: value for key, value in conditions["workload"]["jobs"][0].items()
               if key != "bytes"}
        with self.assertRaisesRegex(CannotExpress, "never end"):
            self.scenario("P1", [("workload.jobs.0", job)])

    def test_settings_arrive(self):
        scenario = self.scenario("P1", [
            ("queue.scheduler", "[noop] deadline cfq"), ("queue.nr_requests", 16),
            ("sysctl.dirty_bytes", "52428800"), ("sysctl.dirty_ratio", "0"),
            ("sysctl.dirty_expire_centisecs", "700"), ("sysctl.laptop_mode", "5"),
            ("disks.0.seek_base_us", 2.5),
            ("workload.jobs.0.rate_bytes_per_s", 12500000), ("workload.jobs.0.stride", 131072),
            ("workload.jobs.0.start_s", 1.25)])
        self.assertEqual(scenario["devices"][0]["scheduler"], "noop")
        self.assertEqual(scenario["devices"][0]["nr_requests"], 16)
        self.assertEqual(scenario["devices"][0]["seek_base"], "2500ns")
        self.assertEqual(scenario["devices"][0]["head_at_start"], 8)
        self.assertEqual(scenario["vm"]["dirty_bytes"], "50MiB")
        self.assertNotIn("dirty_ratio", scenario["vm"])
        self.assertEqual(scenario["vm"]["dirty_expire_centisecs"], 700)
        self.assertEqual(scenario["vm"]["laptop_mode"], 5)
        job = scenario["workloads"][0]
        self.assertEqual((job["rate"], job["zonesize"], job["zoneskip"], job["startdelay"]),
                         ("12500000B/s", "64KiB", "64KiB", "1250ms"))

    def test_soft_blocks_of_a_raw_device(self):
        for size, text in ((512, "512B"), (2048, "2KiB"), (4096, "4KiB")):
            scenario = self.scenario("P7", [
                ("filesystem", f"none (raw block device, soft block size {size})")])
            self.assertEqual(scenario["devices"][0]["soft_block_size"], text)
            self.assertEqual(scenario["workloads"][0]["filename"], "/dev/d0")

    def test_another_interval_of_periodic_write_back_begins_when_it_was_set(self):
        usual = CALIBRATION["kernels"]["2.6.31"]["periodic_start"]
        self.assertEqual(self.scenario("P4")["run"]["periodic_start"], usual)
        changed = self.scenario("P4", [("sysctl.dirty_writeback_centisecs", "200"),
                                       ("time_zero", "t_s = 0 is when the writers start "
                                                     "(uptime 2.3 s)")])
        self.assertEqual(changed["run"]["periodic_start"], "1800ms")

    # Told by the active list, which grows by so many pages when memory has become full.
    def test_what_reclaim_cannot_free(self):
        unfreeable = lambda base, release: (
            self.scenario(base, release=release)["machine"].get("unfreeable_at_start"))
        self.assertEqual(unfreeable("P1", "2.6.24"), f"{4 * 1262}KiB")
        self.assertEqual(unfreeable("P4", "2.6.24"), None)  # never full
        self.assertEqual(unfreeable("P1", "2.6.31"), None)  # on a list of their own

    # 738 pages of boot, and what the disks were written before the first sample. In P5 that would
    # have the flusher woken 400 pages from where it was: its metadata counts otherwise.
    def test_pages_dirtied_before_agree_with_the_first_look_at_the_limits(self):
        def looked_at(base, release):
            """The page of the last look at most `most` pages from the start."""
            machine = self.scenario(base, release=release)["machine"]
            pages = int(machine["dirtied_at_start"].removesuffix("KiB")) // 4
            return lambda most: (pages + most) // 1024 * 1024 - pages

        for base, release, done, begun in (("P1", "2.6.24", 12960, 12976),
                                           ("P3", "2.6.31", 25632, 25664),
                                           ("P5", "2.6.24", 13072, 13184),
                                           ("P5", "2.6.31", 25136, 25248)):
            with self.subTest(base=base, release=release):
                self.assertTrue(done < looked_at(base, release)(begun) <= begun)
        for base, pages in (("P1", 738 + 637), ("P4", 738 + 637), ("P7", 738)):
            with self.subTest(base=base):
                machine = self.scenario(base)["machine"]
                self.assertEqual(machine["dirtied_at_start"], f"{4 * pages}KiB")

    def test_the_background_limit_is_below_the_dirty_one(self):
        def limit(**sysctl):
            return first_look.background_pages({"sysctl": sysctl}, 250000)

        self.assertEqual(limit(dirty_background_ratio="10", dirty_ratio="15"), 25000)
        self.assertEqual(limit(dirty_background_ratio="10", dirty_ratio="10"), 12500)
        self.assertEqual(limit(dirty_background_ratio="0", dirty_background_bytes="8192000",
                               dirty_ratio="20", dirty_bytes="0"), 2000)
        self.assertEqual(limit(dirty_background_ratio="10", dirty_ratio="0",
                               dirty_bytes="40960000"), 5000)

    def test_without_bulk_writers_there_is_no_first_look(self):
        conditions = conditions_of(REFERENCE / "2.6.31" / "P6")
        jobs = conditions["workload"]["jobs"]
        conditions["workload"]["jobs"] = [job for job in jobs if job["op"] == "overwrite_and_fsync"]
        self.assertLess(0, len(conditions["workload"]["jobs"]))
        self.assertIsNone(first_look.first_look(self.root, conditions, 250000))

    # From the written pages alone; each sampled estimate is an integer that has to be met.
    def test_every_look_at_the_bandwidth_of_3_10_is_told_to_the_tick(self):
        for base, looks, by_flusher in (("P1", 192, set()), ("P6", 121, {7.544, 9.208})):
            with self.subTest(base=base):
                disk, told = bandwidth_looks.looks_of(REFERENCE / "3.10.4" / base)
                self.assertEqual(len(told), looks)
                certain = {tick / disk.hz for at in told if {ticks for _, ticks in at} == {50}
                           for tick, _ in at}
                self.assertEqual(certain, by_flusher)

    def test_every_recording_can_be_expressed(self):
        for path in REFERENCE.rglob("conditions.json"):
            with self.subTest(path=path.parent):
                scenario = reference_scenario.scenario_of(path.parent, CALIBRATION)
                self.assertEqual(scenario["schema"], "wbsim-scenario/1")


def rows(*requests):
    """Requests from (start s, service us, sectors)."""
    start, service, sectors = (numpy.array(column, dtype=float) for column in zip(*requests))
    return {"t_start_s": start, "service_us": service, "sectors": sectors,
            "write": numpy.ones(len(start)), "sector": numpy.zeros(len(start))}


def small_run():
    """One writer with two stalls, one disk, samples each second."""
    writer = recording.Writer(0.0, 2.0, 4 * 65536, numpy.array([0.0, 0.1, 1.0, 1.5]),
                              numpy.array([40.0, 100e3, 50.0, 200e3]), numpy.full(4, 65536.0), 4)
    samples = {"t_s": numpy.arange(40.0), "nr_dirty": numpy.zeros(40),
               "nr_writeback": numpy.zeros(40), "pdflush": numpy.full(40, 2.0),
               "flush": numpy.zeros(40)}
    samples["nr_dirty"][:33] = 48
    samples["nr_dirty"][1] = 100
    requests = rows((0.05, 500e3, 128), (1.0, 500e3, 128), (32.0, 10e3, 256))
    return recording.Run(0.004, {"0": writer}, {}, {"d0": requests}, samples,
                         {"0": "w", "d0": "d"})


class Metrics(unittest.TestCase):
    def setUp(self):
        self.found = metrics.scalars(small_run())

    def holds(self, **expected):
        for name, value in expected.items():
            metric = name.replace("__", ".")
            self.assertAlmostEqual(self.found[metric], value, places=9, msg=metric)

    def test_writers(self):
        self.holds(throughput__aggregate=4 * 65536 / 2 / 1e6, latency__p50=50.025,
                   latency__max=200, latency__stall_total=0.3, latency__stall_median=150,
                   latency__let_through=128)

    def test_disks(self):
        self.holds(requests__count__d0=3, requests__mean_kib__d0=512 / 3 / 2, busy__d0=0.5,
                   throughput__disk__d0=256 * 512 / 2 / 1e6, requests__reads__d0=0)

    def test_times(self):
        self.holds(time__first_write_out=0.05, time__first_throttle=0.1,
                   time__last_write_out=32.01, time__to_clean=30.01)

    def test_memory_and_periodic_write_back(self):
        self.holds(dirty__peak=100, dirty__after_10s=48, threads__max=2, kupdate__passes__d0=1,
                   kupdate__start__1__d0=32.0)

    def test_megabytes_of_each_second(self):
        done = metrics.mb_per_second(small_run(), 3)
        for value, expected in zip(done, (128 * 512 / 1e6, 128 * 512 / 1e6, 0)):
            self.assertAlmostEqual(value, expected)

    def test_alike_writers_are_compared_by_rank(self):
        run = types.SimpleNamespace(kind={"a": "k", "b": "k", "c": "other"})
        self.assertEqual(metrics.ranked(run, "m", {"a": 5, "b": 3, "c": 1}),
                         {"m.a[1/2]": 3, "m.a[2/2]": 5, "m.c": 1})

    def test_bars(self):
        def ok(metric, real, simulated, **context):
            context = dict({"tick_s": 0.004, "peak": 1000}, **context)
            return metrics.judge(metric, real, simulated, context)[2]
        self.assertTrue(ok("throughput.aggregate", 100, 101.9))
        self.assertFalse(ok("throughput.aggregate", 100, 102.1))
        self.assertTrue(ok("throughput.aggregate", 100, 104, spread=0.05))
        self.assertTrue(ok("time.first_throttle", 0.05, 0.054))
        self.assertFalse(ok("time.first_throttle", 0.05, 0.0541))
        self.assertTrue(ok("dirty.after_10s", 1, 30))
        self.assertFalse(ok("dirty.after_10s", 1, 32))
        self.assertTrue(ok("requests.reads.d0", 0, 1))
        self.assertFalse(ok("threads.max", 2, 3))
        self.assertFalse(ok("time.to_clean", 1.0, None))
        self.assertTrue(ok("smoothness.disks", 1, 9))

    def test_a_difference_between_kernels(self):
        def across(real, simulated):
            tables = {release: [metrics.entry("P", "latency.p50", r, s, (0, 0.05, True))]
                      for release, r, s in zip(("a", "b"), real, simulated)}
            return [row["ok"] for row in metrics.compare_kernels(tables, "P")]
        self.assertEqual(across((1, 1.04), (1, 9)), [])  # they do not differ
        self.assertEqual(across((1, 2), (1, 2.1)), [True])
        self.assertEqual(across((1, 2), (1, 2.5)), [False])
        self.assertEqual(across((1, 1.06), (1, 0.99)), [False])  # the wrong sign


def repack(source, target, keep=None):
    """A CSV file of a run as one of a recording."""
    with open(source, encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    with lzma.open(target, "wt", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(keep(lines) if keep else lines)


def with_boot(base):
    """Puts the last sample of a recording's preparation before those of a run."""
    series = recording.table(base, "series")
    last = max(i for i, t_s in enumerate(series["t_s"]) if t_s < 0)
    return lambda lines: [lines[0], [f"{series[name][last]:.10g}" if name in series else "0"
                                     for name in lines[0]]] + lines[1:]


def record(run, base, folder):
    """Writes a simulated run down as if it had been recorded."""
    conditions = conditions_of(base)
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    bulk = {name for name, job in recording.bulk_jobs(conditions).items()}
    conditions["workload"]["writers"] = [
        {"id": name, "start_s": writer["start_s"], "end_s": writer["end_s"],
         "bytes": writer["io_bytes"]}
        for name, writer in summary["writers"].items() if name in bulk]
    conditions["summary"] = {}
    folder.mkdir(parents=True)
    (folder / "conditions.json").write_text(json.dumps(conditions), encoding="utf-8")
    repack(run / "writes.csv", folder / "writes.csv.xz",
           lambda lines: [line for line in lines if line[0] in bulk | {"writer"}])
    repack(run / "requests.csv", folder / "requests.csv.xz")
    repack(run / "samples.csv", folder / "series.csv.xz", with_boot(base))
    repack(run / "fsync.csv", folder / "fsync.csv.xz")


class Variants(unittest.TestCase):
    SCENARIO = {"name": "two", "machine": {"cpus": 1, "cpu_costs": {"refill": "10000ns",
                                                                    "request": "1us"}},
                "workloads": [{"name": "0", "startdelay": "4ms"}, {"name": "1"}, {"name": "2"}]}

    def test_costs_and_starts_are_a_little_off(self):
        before = copy.deepcopy(self.SCENARIO)
        seen = set()
        for number in range(1, 30):
            scenario = variants.varied(self.SCENARIO, number)
            self.assertEqual(scenario, variants.varied(self.SCENARIO, number))
            costs = scenario["machine"]["cpu_costs"]
            self.assertTrue(9800 <= variants.nanoseconds(costs["refill"]) <= 10200)
            self.assertTrue(980 <= variants.nanoseconds(costs["request"]) <= 1020)
            first, second, third = (variants.nanoseconds(job["startdelay"])
                                    for job in scenario["workloads"])
            self.assertEqual(second, third)
            self.assertTrue(4_000_000 <= first <= 4_300_000 and 0 <= second <= 300_000)
            seen.add(costs["refill"])
        self.assertGreater(len(seen), 20)
        self.assertEqual(self.SCENARIO, before)

    @staticmethod
    def judged(real, simulated, *others):
        """A metric's entry, missed, after variants that gave (simulated, ok)."""
        row = metrics.entry("P", "m", real, simulated, (1, 0.02, False))
        variants.add_ranges([row], [[metrics.entry("P", "m", real, value, (1, 0.02, ok))]
                                    for value, ok in others])
        return row

    def test_chance_is_what_some_variant_could_have_given(self):
        self.assertTrue(variants.is_chance(self.judged(10, 12, (13, False), (9, False))))
        self.assertTrue(variants.is_chance(self.judged(10, 12, (10.1, True), (11, False))))
        self.assertTrue(variants.is_chance(self.judged(None, 12, (13, False), (None, True))))
        self.assertFalse(variants.is_chance(self.judged(10, 12, (13, False), (11, False))))
        self.assertFalse(variants.is_chance(self.judged(None, 12, (13, False), (11, False))))

    def test_a_number_of_runs_is_not_negative(self):
        for text in ("-1", "2.5", "few"):
            done = subprocess.run([str(ROOT / "analysis" / "validate.py"), str(REFERENCE),
                                   "--variants", text], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"'{text}' is not a number of runs", done.stderr)

    def test_the_page_tells_chance_from_bias(self):
        rows = [self.judged(10, 12, (13, False), (11, False)),
                self.judged(10, 12, (13, False), (9, False))]
        rows[0]["metric"], rows[1]["metric"] = "write.p50", "throughput.writer[1/2]"
        result = {"experiment": "P", "release": "6.1", "entries": rows}
        page = "\n".join(variants.section([result]))
        self.assertIn("simulated 2 times more", page)
        self.assertIn("chance: 1 of the 2 missed", page)
        self.assertIn("| P, 6.1 | write.p50 | throughput.writer |", page)
        self.assertEqual(variants.section([dict(result, entries=[])]), [])


class RoundTrip(unittest.TestCase):
    def test_a_recording_has_no_error_against_itself(self):
        real = recording.load_recorded(REFERENCE / "2.6.31" / "P6")
        for row in metrics.compare("P6", real, real):
            self.assertEqual(row["error"], 0, row)
            self.assertTrue(row["ok"], row)

    def test_requests_are_the_same_up_to_the_first_that_differs(self):
        real = recording.load_recorded(REFERENCE / "2.6.31" / "P3")
        other = copy.deepcopy(real)
        count = sum(len(rows["sector"]) for rows in real.requests.values())
        self.assertEqual(metrics.same_requests(real, other), (count, count))
        first, second = (len(rows["sector"]) for rows in real.requests.values())
        other.requests["d0"]["sectors"][100] += 8
        self.assertEqual(metrics.same_requests(real, other), (first + second, 100 + second))
        other.requests["d1"] = {name: rows[:7] for name, rows in other.requests["d1"].items()}
        self.assertEqual(metrics.same_requests(real, other), (first + second, 107))

    def test_a_simulated_recording_is_met_exactly(self):
        base = REFERENCE / "2.6.31" / "P6"
        with tempfile.TemporaryDirectory() as scratch:
            scratch = pathlib.Path(scratch)
            shutil.copytree(REFERENCE / "layout", scratch / "layout")
            scenario = reference_scenario.scenario_of(base, CALIBRATION)
            scenario["run"]["first_sample_delay"] = "0s"  # where the run has it
            (scratch / "scenario.json").write_text(json.dumps(scenario), encoding="utf-8")
            subprocess.run([PROGRAM, "run", "scenario.json", "--out", "run"], cwd=scratch,
                           check=True, capture_output=True)
            record(scratch / "run", base, scratch / "2.6.31" / "again")
            done = subprocess.run(
                ["/usr/bin/python3", "-B", ROOT / "analysis" / "validate.py", scratch / "2.6.31",
                 "--wbsim", PROGRAM, "--json", scratch / "entries.json", "--markdown",
                 scratch / "page.md", "--write-missed", scratch / "missed.txt", "--readme-table"],
                capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            entries = json.loads((scratch / "entries.json").read_text(encoding="utf-8"))
            self.assertEqual([row for row in entries if row["error"] not in (0, None)], [])
            self.assertGreater(len(entries), 15)
            self.assertEqual((scratch / "missed.txt").read_text(encoding="utf-8"), "")
            self.assertIn("| P6, 2.6.31 |", (scratch / "page.md").read_text(encoding="utf-8"))
            self.assertIn("| P6 |", done.stdout)

    def test_the_same_experiment_twice_has_two_names(self):
        with tempfile.TemporaryDirectory() as scratch:
            scratch = pathlib.Path(scratch)
            folders = [scratch / name for name in ("P4", "held-back", "broken", "P6")]
            for folder, source in zip(folders, ("P4", "P4", "P4", "P6")):
                shutil.copytree(REFERENCE / "2.6.31" / source, folder)
            (scratch / "broken" / "conditions.json").write_text("{", encoding="utf-8")
            labels = validate.labels_of(folders)
            self.assertEqual([labels[folder] for folder in folders],
                             ["P4.P4", "P4.held-back", "broken", "P6"])


class DamagedRecordings(unittest.TestCase):
    def refusal(self, damage):
        """What validate.py says of a recording after damage(its folder)."""
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch) / "2.6.32" / "P4"
            shutil.copytree(REFERENCE / "2.6.32" / "P4", folder)
            shutil.copytree(REFERENCE / "layout", pathlib.Path(scratch) / "layout")
            damage(folder)
            done = subprocess.run([str(ROOT / "analysis" / "validate.py"), str(folder),
                                   "--wbsim", PROGRAM], capture_output=True, text=True,
                                  check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        return done.stderr

    def test_the_file_is_named(self):
        def cut(folder):
            os.truncate(folder / "series.csv.xz", 100)

        def short_row(folder):
            with lzma.open(folder / "series.csv.xz", "at", encoding="utf-8") as file:
                file.write("70.1,5\n")

        for damage, said in (
                (cut, "series.csv.xz cannot be read: "),
                (short_row, "series.csv.xz cannot be read: line "),
                (lambda f: os.truncate(f / "series.csv.xz", 0), "series.csv.xz cannot be read: "),
                (lambda f: os.remove(f / "requests.csv.xz"),
                 "neither requests.csv nor requests.csv.xz is there"),
                (lambda f: os.truncate(f / "conditions.json", 50),
                 "conditions.json cannot be read: ")):
            with self.subTest(said=said):
                self.assertIn(said, self.refusal(damage))

    def test_the_place_is_named(self):
        def changed(change):
            def damage(folder):
                path = folder / "conditions.json"
                told = json.loads(path.read_text(encoding="utf-8"))
                change(told)
                path.write_text(json.dumps(told), encoding="utf-8")
            return damage

        def renamed(folder):
            with lzma.open(folder / "requests.csv.xz", "rt", encoding="utf-8") as file:
                text = file.read()
            with lzma.open(folder / "requests.csv.xz", "wt", encoding="utf-8") as file:
                file.write(text.replace("service_us", "service", 1))

        for damage, said in (
                (renamed, "requests.csv.xz: column service_us is missing; it has t_start_s, "),
                (changed(lambda told: told["workload"]["jobs"][0].pop("op")),
                 "conditions.json: /workload/jobs/0/op is missing"),
                (changed(lambda told: told["workload"]["jobs"][0].update(disk=[])),
                 "conditions.json: /workload/jobs/0/disk has a value"),
                (changed(lambda told: told["kernel"].update(release=[])),
                 "conditions.json: /kernel/release has a value"),
                (changed(lambda told: told["workload"].update(experiment="../P4")),
                 "cannot be a file's name")):
            with self.subTest(said=said):
                error = self.refusal(damage)
                self.assertIn(said, error)
                self.assertIn("tests/reference/README.md", error)


if __name__ == "__main__":
    unittest.main()
