#!/usr/bin/python3
"""analysis/ and the recordings that say what ran in a job language."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy

ROOT = pathlib.Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "tests" / "reference" / "6.1"
PROGRAM = os.environ.get("WBSIM", str(ROOT / "build" / "release" / "wbsim"))
sys.path.insert(0, str(ROOT / "analysis"))

import forms  # noqa: E402  (found through the line above)
import guest_setup  # noqa: E402
import job_language  # noqa: E402
import metrics  # noqa: E402
import recording  # noqa: E402
import reference_scenario  # noqa: E402
import spec_metrics  # noqa: E402
import spec_recording  # noqa: E402
from scenario_words import CannotExpress  # noqa: E402
import spec_scenario  # noqa: E402
import validate  # noqa: E402

CALIBRATION = json.loads(reference_scenario.DEFAULT_CALIBRATION.read_text(encoding="utf-8"))
LONG_MAX = 2**63 - 1


class Language(unittest.TestCase):
    def test_numbers_are_binary(self):
        spec = job_language.parse(["job op=seq path=/dev/svc0 bs=64k bytes=1G base=3M rate=500"])
        job = spec.jobs[0]
        self.assertEqual((job["bs"], job["bytes"], job["base"], job["rate"]),
                         (65536, 2**30, 3 * 2**20, 500))

    def test_what_is_not_known_is_refused_with_its_line(self):
        for line in ("job op=punch path=/dev/svc0", "job path=/dev/svc0 bs=4k", "job op=seq bs=4k",
                     "job op=seq path=/dev/svc0 colour=3", "job op=seq path=/x bs=4T",
                     "job op=seq path=/x bs=4k bs=8k", "job op=seq path=/x direct=2", "queue x=1",
                     "part disk=/dev/svc0 n=1 start=0"):
            with self.subTest(line=line):
                with self.assertRaises(CannotExpress) as caught:
                    job_language.parse([line])
                self.assertIn(line, str(caught.exception))

    def test_blocks_and_what_is_written_of_them(self):
        job = {"op": "seq", "bs": 4096, "bytes": 10000}
        self.assertEqual(job_language.region_bytes(job), 8192)
        self.assertEqual(job_language.call_bytes(job | {"wlen": 1024}), 1024)
        self.assertEqual(job_language.block_bytes({"op": "mmap", "bs": 65536}), 4096)
        self.assertIsNone(job_language.region_bytes({"op": "seq", "bs": 4096}))


class Setup(unittest.TestCase):
    def test_disks_are_the_columns_of_the_module_s_lists(self):
        guest = guest_setup.parse([
            "insmod /mod/svcdisk.ko ndev=2 bps=200000000,10000000 qd=32,1 wc=0,0"])
        self.assertEqual(guest.disks["svc1"],
                         {"driver": "svcdisk", "bps": 10000000, "qd": 1, "wc": 0})

    def test_variables_sysctls_bdis_and_mounts(self):
        guest = guest_setup.parse([
            "N=/sys/kernel/config/nullb/nullb0; mkdir $N; echo 2 > $N/irqmode",
            "echo 100 > /proc/sys/vm/dirty_writeback_centisecs && sysctl -w vm.dirty_ratio=5",
            "echo 10 > /sys/class/bdi/254:0/max_ratio", "mount -t ext2 -o noatime /dev/svc0 /mnt/a",
            "echo 5 > /sys/class/bdi/$(cat /sys/block/svc0/dev)/min_ratio",
            "echo 49152 > /sys/kernel/tracing/buffer_size_kb", ""])
        self.assertEqual(guest.disks, {"nullb0": {"driver": "null_blk", "irqmode": 2}})
        self.assertEqual(guest.vm, {"dirty_writeback_centisecs": "100", "dirty_ratio": "5"})
        self.assertEqual(guest.bdi, {"254:0": {"max_ratio": "10"}, "svc0": {"min_ratio": "5"}})
        self.assertEqual(guest.mounts, [guest_setup.Mount("ext2", "/dev/svc0", "/mnt/a")])

    def test_commands_that_are_not_known_are_refused(self):
        for line in ("blockdev --setra 0 /dev/svc0", "insmod /mod/dm-delay.ko",
                     "echo 1 > /proc/sys/kernel/panic", "echo 1 > /sys/block/svc0/queue/io_poll",
                     "mount -t xfs /dev/svc0 /mnt", "insmod /mod/svcdisk.ko ndev=1 zoned=1"):
            with self.subTest(line=line):
                with self.assertRaises(CannotExpress):
                    guest_setup.parse([line])


class Conversion(unittest.TestCase):
    """Variants of E1's conditions."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name) / "variant"
        shutil.copytree(REFERENCE / "E1-seq", self.folder)

    def scenario(self, jobs, changes=(), setup=()):
        conditions = recording.conditions_of(REFERENCE / "E1-seq")
        conditions["spec"] = [line for line in conditions["spec"] if not line.startswith("job")]
        conditions["spec"] += jobs
        conditions["setup"] += setup
        conditions.update(changes)
        (self.folder / "conditions.json").write_text(json.dumps(conditions), encoding="utf-8")
        return reference_scenario.scenario_of(self.folder, CALIBRATION)

    def job(self, line):
        words = self.scenario([line])["workloads"][0]
        self.assertEqual(words.pop("name"), "0")
        return words

    # A job waits for its start by a timer, which may be 50 us late and is. At the start of the run
    # the first sample comes before: E1's job began at 219.883 us, a switch after it was woken.
    def test_a_part_of_each_block(self):
        self.assertEqual(
            self.job("job op=seq path=/dev/svc0 bs=4k wlen=1k poff=1k bytes=64M base=1M"),
            {"rw": "write", "filename": "/dev/svc0", "bs": "1KiB", "offset": "1025KiB",
             "size": "65535KiB", "zonesize": "1KiB", "zoneskip": "3KiB", "io_size": "16MiB",
             "startdelay": "216408ns"})
        job = self.job("job op=rand path=/dev/svc0 bs=4k wlen=1k region=1G bytes=256M seed=7")
        self.assertEqual((job["blockalign"], job["bs"], job["randseed"], job["size"]),
                         ("4KiB", "1KiB", 7, "1GiB"))

    def test_the_seed_is_the_number_of_the_job(self):
        lines = ["job op=rand path=/dev/svc0 bs=4k bytes=4M"] * 2
        self.assertEqual([job["randseed"] for job in self.scenario(lines)["workloads"]], [0, 1])

    def test_append_with_a_period(self):
        job = self.job("job op=append path=/dev/svc0 bs=4k region=4M period_ms=200 dur_ms=25000")
        self.assertEqual((job["fsync"], job["period"], job["catch_up"], job["runtime"],
                          job["time_based"]), (1, "200ms", True, "25000ms", True))
        self.assertNotIn("io_size", job)

    def test_other_operations(self):
        self.assertEqual(self.job("job op=sync start_ms=10000"),
                         {"rw": "sync", "startdelay": "10000050us"})
        self.assertEqual(self.job("job op=fsync path=/dev/svc0"),
                         {"rw": "fsync", "filename": "/dev/svc0", "startdelay": "216408ns"})
        self.assertEqual(self.job("job op=mmap path=/dev/svc0 bytes=512M")["ioengine"], "mmap")
        self.assertTrue(self.job("job op=seq path=/dev/svc0 direct=1 bs=1M bytes=8M")["direct"])
        self.assertEqual(self.job("job op=seq path=/dev/svc0 read=1 bs=1M bytes=8M")["rw"], "read")
        self.assertTrue(self.job("job op=seq path=/dev/svc0 bytes=8M fsync_end=1")["end_fsync"])
        self.assertEqual(self.job("job op=seq path=/dev/svc0 bytes=8M think_us=50")["thinktime"],
                         "50us")

    def test_many_files(self):
        shape = [("file_systems", ["ext2"])]
        job = self.scenario(["job op=many path=/mnt/a count=1000 bytes=20k wlen=8k"], shape,
                            ["mount -t ext2 -o noatime /dev/svc0 /mnt/a"])["workloads"][0]
        self.assertEqual((job["filename"], job["nrfiles"], job["bs"], job["size"]),
                         ("mnt-a/files", 1000, "8KiB", "20000KiB"))

    def test_null_blk_by_its_attributes(self):
        def device(**attributes):
            return spec_scenario.null_blk_words({"driver": "null_blk", "size": 64, **attributes},
                                                "nullb0")
        timed = device(irqmode=2, completion_nsec=200_000, hw_queue_depth=1)
        self.assertEqual((timed["completion_latency"], timed["driver_depth"], timed["mbps"]),
                         ("200000ns", 1, 0))
        self.assertEqual(device(irqmode=2)["completion_latency"], "10000ns")
        capped = device(mbps=50)
        self.assertEqual((capped["completion_latency"], capped["mbps"]), ("0ns", 50))
        with self.assertRaisesRegex(CannotExpress, "memory_backed"):
            device(memory_backed=1)

    def test_memory_cgroups(self):
        setup = ["mount -t cgroup2 none /cg; echo '+io +memory' > /cg/cgroup.subtree_control",
                 "mkdir -p /cg/a /cg/b; echo 64M > /cg/a/memory.max; echo max > /cg/a/memory.high"]
        scenario = self.scenario(["job op=seq path=/dev/svc0 bytes=1M cgroup=/a",
                                  "job op=seq path=/dev/svc0 bytes=1M base=1M cgroup=b"],
                                 setup=setup)
        self.assertEqual(scenario["cgroups"],
                         [{"name": "a", "memory.max": "64MiB"}, {"name": "b"}])
        self.assertEqual([job["cgroup"] for job in scenario["workloads"]], ["a", "b"])

    def test_what_cannot_be_expressed_names_itself(self):
        with self.assertRaisesRegex(CannotExpress, "cgroup=a"):
            self.scenario(["job op=seq path=/dev/svc0 bytes=1M cgroup=a"])
        for line, complaint in (("mkdir /sys/fs/cgroup/a", "without the memory controller"),
                                ("echo 100 > /sys/fs/cgroup/a/io.weight", "io.weight of cgroup a"),
                                ("mkdir /sys/fs/cgroup/a/b", "cgroup a/b lies in another"),
                                ("echo lots > /sys/fs/cgroup/a/memory.max", "'lots'")):
            setup = [line]
            if "memory controller" not in complaint:
                setup.append("echo +memory > /sys/fs/cgroup/cgroup.subtree_control")
            with self.subTest(line=line), self.assertRaisesRegex(CannotExpress, complaint):
                self.scenario([], setup=setup)
        for changes, name in (({"cmdline": "threadirqs"}, "threadirqs"),
                              ({"kernel": "Linux version 6.1.0 (gcc)"}, "HZ"),
                              ({"device_model": "disk of a friend"}, "device_model"),
                              ({"numa": 2}, "numa"), ({"file_systems": ["xfs"]}, "file_systems")):
            with self.subTest(name=name):
                with self.assertRaisesRegex(CannotExpress, name):
                    self.scenario([], changes)

    def test_memory_is_what_the_first_sample_found(self):
        machine = self.scenario([])["machine"]
        series = recording.table(self.folder, "series")
        self.assertEqual(machine["free_at_start"], f"{int(series['nr_free_pages'][0]) * 4}KiB")
        self.assertEqual(machine["dirty_limit_at_start"], f"{10895 * 4}KiB")

    # Mounting left some 390 pages on the processor's list: 4000 new ones lower free memory by 3650.
    # A device node's first pages lower it by more than they are.
    def test_pages_at_hand_are_those_that_free_memory_does_not_fall_by(self):
        def pages_of(experiment):
            machine = reference_scenario.scenario_of(REFERENCE / experiment, CALIBRATION)["machine"]
            return int(machine["pcp_at_start"].removesuffix("KiB").removesuffix("B")) // 4

        for experiment, least, most in (("E12-ext2-seq", 385, 453), ("E12-ext4-seq", 358, 424),
                                        ("E1-seq", 0, 31), ("E9c-1k-full", 0, 31),
                                        ("E7-rand-qd1", 0, 0), ("E14-mmap", 0, 31)):
            with self.subTest(experiment):
                self.assertTrue(least <= pages_of(experiment) <= most, pages_of(experiment))

    def test_what_the_first_reclaim_frees_is_what_free_and_cached_memory_grow_by(self):
        for experiment, least, most in (("E1-seq", 550, 680), ("E6-rate20", 550, 680),
                                        ("E12-ext2-seq", 100, 300), ("E3-burst-kupdate", 0, 0)):
            with self.subTest(experiment):
                machine = reference_scenario.scenario_of(REFERENCE / experiment,
                                                         CALIBRATION)["machine"]
                pages = int(machine["slab_at_start"].removesuffix("KiB").removesuffix("B")) // 4
                self.assertTrue(least <= pages <= most, pages)

    def test_the_program_accepts_every_recording(self):
        for path in sorted(REFERENCE.rglob("conditions.json")):
            scenario = reference_scenario.scenario_of(path.parent, CALIBRATION)
            done = subprocess.run([PROGRAM, "validate", "/dev/stdin"], input=json.dumps(scenario),
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, f"{path.parent}: {done.stderr}")


class Measures(unittest.TestCase):
    def test_rounds_make_up_works(self):
        rounds = [(0.1, True, "d", 500, "periodic"), (0.1, False, "d", 500, "periodic"),
                  (0.1, True, "d", LONG_MAX, "background"),
                  (0.2, False, "d", LONG_MAX - 64, "background"),
                  (0.2, True, "d", LONG_MAX - 64, "background"),
                  (0.3, False, "d", LONG_MAX - 128, "background"),
                  (0.4, True, "d", LONG_MAX, "background"),
                  (5.0, True, "d", 300, "periodic"), (5.1, False, "d", 200, "periodic"),
                  (5.1, True, "d", 200, "periodic"), (5.1, False, "d", 200, "periodic"),
                  (10.2, True, "d", 200, "periodic")]  # as much, but another work
        works, order = spec_recording.works_of(rounds)
        self.assertEqual([(work.start_s, work.reason, work.rounds) for work in works],
                         [(0.1, "periodic", 1), (0.1, "background", 2), (0.4, "background", 1),
                          (5.0, "periodic", 2), (10.2, "periodic", 1)])
        self.assertEqual(len(order), 7)

    def test_only_pauses_that_were_slept_count(self):
        trace = spec_recording.trace_of([[1.0, 0, 9, 5, 9], [2.0, -3, 9, 5, 9], [3.0, 8, 9, 5, 9]],
                                        [])
        self.assertEqual(list(trace.pause_s), [3.0])
        self.assertEqual(len(trace.dirty), 3)

    def test_e1_as_its_readme_says(self):
        found = spec_metrics.scalars(spec_recording.load_recorded(REFERENCE / "E1-seq"))
        self.assertEqual((found["pause.count"], found["pause.p50"], found["pause.max"]),
                         (2584, 12, 20))
        self.assertAlmostEqual(found["start.first_throttle"], 0.254, places=3)
        self.assertAlmostEqual(found["start.first_background"], 0.135, places=3)
        self.assertAlmostEqual(found["clean"], 47.5, places=1)
        self.assertAlmostEqual(found["throughput.steady.svc0"], 49.86, places=1)

    def test_a_recording_has_no_error_against_itself(self):
        for name in ("E5-four-writers", "E8-fsync-parts"):
            real = spec_recording.load_recorded(REFERENCE / name)
            entries = spec_metrics.compare(name, real, real)
            self.assertGreater(len(entries), 25)
            for row in entries:
                self.assertIn(row["error"], (0, None), row)
                self.assertTrue(row["ok"], row)

    def test_the_kernel_s_own_spread_widens_a_bar(self):
        real = spec_recording.load_recorded(REFERENCE / "E18-onoff")
        again = spec_recording.load_recorded(REFERENCE / "E18-onoff" / "repeat")
        missed = [row for row in spec_metrics.compare("E18", real, again) if not row["ok"]]
        self.assertIn("clean", {row["metric"] for row in missed})
        row = next(row for row in spec_metrics.compare("E18", real, real, again)
                   if row["metric"] == "clean")
        self.assertAlmostEqual(row["bar"], 0.12, places=2)

    def test_a_repeat_is_validated_if_asked_for_and_has_a_name_of_its_own(self):
        root = REFERENCE / "E7-rand-qd1"
        self.assertEqual(validate.experiment_folders([root], False), [root])
        folders = validate.experiment_folders([root], True)
        self.assertEqual(folders, [root, root / "repeat"])
        self.assertEqual(list(validate.labels_of(folders).values()),
                         ["E7-rand-qd1", "E7-rand-qd1.repeat"])

    def test_either_of_two_recordings_widens_the_bars_of_the_other(self):
        root = REFERENCE / "E18-onoff"
        for folder, other in ((root, root / "repeat"), (root / "repeat", root)):
            form = forms.form_of(recording.conditions_of(folder))
            again = validate.recorded_again(folder, form)
            self.assertEqual(spec_metrics.scalars(again),
                             spec_metrics.scalars(spec_recording.load_recorded(other)))
        self.assertIsNone(validate.recorded_again(REFERENCE / "E0-calibration", form))

    def test_a_start_is_met_within_a_tick_and_no_share(self):
        context = {"tick_s": 0.004, "peak": 1}
        self.assertTrue(metrics.judge("start.first_throttle", 30.0, 30.004, context)[2])
        self.assertFalse(metrics.judge("start.first_throttle", 30.0, 30.005, context)[2])
        self.assertTrue(metrics.judge("pause.p50", 12.0, 16.0, context)[2])
        self.assertFalse(metrics.judge("pause.p50", 12.0, 20.0, context)[2])

    def test_equal_writers_are_compared_by_rank(self):
        run = spec_recording.load_recorded(REFERENCE / "E5-four-writers")
        names = [name for name in spec_metrics.scalars(run) if name.startswith("share.writer")]
        self.assertEqual(names, [f"share.writer[{rank}/4]" for rank in range(1, 5)])

    def test_trace_less_recordings_are_measured_all_the_same(self):
        run = spec_recording.load_recorded(REFERENCE / "E5-four-writers" / "repeat")
        found = spec_metrics.scalars(run)
        self.assertNotIn("start.first_background", found)
        self.assertTrue(numpy.isfinite(found["level.steady"]))
        # Its makers had the trace, and say in its summary what they read from it.
        self.assertEqual((found["pause.count"], found["pause.max"]), (2298, 200))

    def test_where_nobody_paused_there_is_no_longest_pause(self):
        quiet = spec_metrics.scalars(
            spec_recording.load_recorded(REFERENCE / "E6-rate20" / "repeat"))
        self.assertEqual((quiet["pause.count"], quiet["pause.total"]), (0, 0))
        self.assertNotIn("pause.max", quiet)

    def test_file_systems_are_mounted_by_the_driver_of_ext4(self):
        of_ext2 = reference_scenario.scenario_of(REFERENCE / "E12-ext2-seq", CALIBRATION)
        of_ext4 = reference_scenario.scenario_of(REFERENCE / "E12-ext4-seq", CALIBRATION)
        for scenario, journal in ((of_ext2, False), (of_ext4, True)):
            made = scenario["filesystems"][0]
            self.assertEqual((made["driver"], made.get("journal", False)), ("ext4", journal))
        # What mounting had dirtied was written 0.78 s before the job.
        self.assertEqual(of_ext2["run"]["periodic_start"], "7220007us")
        self.assertNotIn("periodic_start", of_ext4["run"])


if __name__ == "__main__":
    unittest.main()
