#!/usr/bin/python3
"""Invalid scenarios: exit code 3, a precise message, nothing run and nothing written."""

import copy
import gzip
import json
import lzma
import struct
import unittest

from wbsim_cli import ROOT, SMALL, CliTest


class InvalidScenario(CliTest):
    def refused(self, scenario, *messages):
        """Every command refuses it, says all of the messages, and writes nothing."""
        name = self.write(scenario)
        before = self.names()
        error = self.expect(3, "run", name, "--out", "out").stderr
        for message in messages:
            self.assertIn(message, error)
        self.assertIn("nothing was run", error)
        self.expect(3, "compare", name, "--out", "out")
        self.expect(3, "validate", name)
        self.assertEqual(self.names(), before)
        return error

    def refused_with(self, pointer, value, *messages):
        """SMALL with one value replaced, and the pointer is in the message."""
        scenario = copy.deepcopy(SMALL)
        here = scenario
        *path, last = [int(p) if p.isdigit() else p for p in pointer.split("/")[1:]]
        for part in path:
            here = here.setdefault(part, {}) if isinstance(here, dict) else here[part]
        here[last] = value
        return self.refused(scenario, "scenario.json: " + pointer, *messages)

    def test_unknown_key(self):
        self.refused_with("/devices/0/nr_request", 5, "unknown key", 'did you mean "nr_requests"?',
                          "allowed: name model")

    def test_duplicate_key(self):
        text = json.dumps(SMALL).replace('"capacity"', '"name": "d0", "capacity"')
        self.refused(text, "/devices/0/name: duplicate key")

    def test_missing_key(self):
        scenario = copy.deepcopy(SMALL)
        del scenario["workloads"][0]["filename"]
        self.refused(scenario, "/workloads/0/filename: is missing")
        del scenario["devices"]
        self.refused(scenario, "/devices: is missing")

    def test_files_that_fit_only_without_their_gaps(self):
        scenario = copy.deepcopy(SMALL)
        scenario["devices"][0]["capacity"] = "1GiB"
        scenario["filesystems"][0] |= {"extent_size": "4MiB", "gap_size": "1MiB",
                                       "files": [{"name": "f0", "size": "816MiB"}]}
        scenario["workloads"][0]["filename"] = scenario["filesystems"][0]["name"] + "/f0"
        self.expect(0, "validate", self.write(scenario))
        scenario["filesystems"][0]["files"][0]["size"] = "824MiB"
        self.refused(scenario, "/filesystems/0/files: need 263", "gap_size")

    def test_wrong_type(self):
        self.refused_with("/machine/cpus", "2", '"2" is not a whole number')
        self.refused_with("/machine/cpus", 1.5, "1.5 is not a whole number")
        self.refused_with("/workloads/0/end_fsync", 1, "1 is not true or false")
        self.refused_with("/devices/0", 7, "7 is not an object")
        self.refused_with("/devices", {}, "an object is not an array of objects")
        self.refused_with("/vm", [], "an array is not an object")

    def test_what_a_message_repeats_is_printable(self):
        for text, repeated in (("\0MiB", '"?MiB"'), ("\x1b[31m", '"?[31m"'),
                               ("x" * 59 + "\u00e4", '"' + "x" * 59 + '..."')):
            self.refused_with("/machine/memory", text, repeated + " does not begin with a number")
            self.refused_with("/machine/sched_clock", text, repeated + " is not known")

    def test_lazytime_belongs_to_kernels_since_4_0(self):
        self.refused_with("/filesystems/0/lazytime", True, "stands only with metadata other than")
        scenario = copy.deepcopy(SMALL)
        scenario["filesystems"][0].update(metadata="pinned", lazytime=True)
        for kernel in "2.4.17", "2.6.32", "3.10":
            scenario["kernel"] = {"preset": kernel}
            self.refused(scenario, f"/filesystems/0/lazytime: kernel {kernel} does not have it",
                         "4.0 brought it")
        scenario["kernel"] = {"preset": "6.1", "flusher": "bdi"}
        self.refused(scenario, 'flusher "bdi" knows no b_dirty_time')
        self.refused_with("/vm/dirtytime_expire_seconds", 60, "no file system has lazytime")

    def test_ext4_belongs_to_kernels_since_2_6_28(self):
        scenario = copy.deepcopy(SMALL)
        scenario["filesystems"][0].update(driver="ext4")
        for kernel in "2.4.17", "2.6.24":
            scenario["kernel"] = {"preset": kernel}
            self.refused(scenario, f"/filesystems/0/driver: kernel {kernel} has no ext4")
        scenario["kernel"] = {"preset": "6.1"}
        scenario["filesystems"][0].update(
            block_size="512B", metadata="pinned", extent_size="1MiB",
            files=[{"name": "f0", "size": "4KiB", "extents": [[0, 100, 8]]}])
        self.refused(scenario, "/filesystems/0/block_size: ext4 has blocks of 1 KiB and more",
                     "/filesystems/0/files/0/extents: stand only with driver ext2",
                     "/filesystems/0/metadata: stands only with driver ext2",
                     "/filesystems/0/extent_size: stands only with driver ext2 or a journal")
        self.refused_with("/filesystems/0/journal", True, "stands only with driver ext4")
        self.refused_with("/workloads/0/first_wait", True, "stands only with rate or period")

    def test_cgroups_belong_to_kernels_since_4_2(self):
        scenario = copy.deepcopy(SMALL)
        scenario["cgroups"] = [{"name": "batch", "memory.max": "16MiB"}]
        scenario["workloads"][0]["cgroup"] = "batch"
        for kernel in "2.4.17", "2.6.32", "3.10":
            scenario["kernel"] = {"preset": kernel}
            self.refused(scenario, f"/cgroups: kernel {kernel} does not have it", "4.2 brought")
        scenario["kernel"] = {"preset": "6.1", "throttle": "pause"}
        self.refused(scenario, '/kernel/throttle: "pause" does not know the write-back of cgroups')
        scenario["kernel"] = {"preset": "6.1"}
        scenario["workloads"][0]["cgroup"] = "bacth"
        self.refused(scenario, '/workloads/0/cgroup: "bacth" is no cgroup',
                     'did you mean "batch"?')
        scenario["workloads"][0]["cgroup"] = "batch"
        scenario["cgroups"].append({"name": "d0", "memory.high": "4KiB"})
        self.refused(scenario, '/cgroups/1/name: "d0" names something else already',
                     '/cgroups/1/memory.high: "4KiB" is out of range')

    def test_what_cannot_be_freed_is_of_the_file_cache(self):
        self.refused_with("/machine/unfreeable_at_start", "8MiB",
                          "is more than file_cache_at_start, 652KiB")

    def test_what_is_at_hand_and_in_slabs_is_of_memory_too(self):
        for key in ("pcp_at_start", "slab_at_start"):
            with self.subTest(key):
                self.refused({**SMALL, "machine": {"memory": "64MiB", key: "8MiB"}},
                             "/machine: free_at_start, pcp_at_start, slab_at_start and "
                             "file_cache_at_start are more than memory, 64MiB")

    def test_min_free_kbytes_leaves_memory_to_use(self):
        self.refused_with("/vm/min_free_kbytes", 16385,
                          "is more than a quarter of (low) memory, 64MiB")
        self.refused({**SMALL, "kernel": {"preset": "2.4.17"}, "vm": {"min_free_kbytes": 1024}},
                     "/vm/min_free_kbytes: kernel 2.4.17 does not have it", "2.6 brought it")

    def test_watermark_scale_factor_belongs_to_kernels_since_4_6(self):
        for kernel in "2.4.17", "2.6.32", "3.10":
            self.refused({**SMALL, "kernel": {"preset": kernel},
                          "vm": {"watermark_scale_factor": 100}},
                         f"/vm/watermark_scale_factor: kernel {kernel} does not have it",
                         "4.6 brought it")

    def test_highmem_belongs_to_kernels_that_count_it(self):
        self.refused_with("/machine/highmem", "63MiB", "leaves less than 16MiB of low memory")
        self.refused_with("/vm/highmem_is_dirtyable", 1, "stands only with machine highmem")
        self.refused({**SMALL, "machine": {"memory": "64MiB", "highmem": "32MiB"},
                      "kernel": {"preset": "2.4.17"}},
                     "/machine/highmem: not modelled under kernel 2.4.17: high memory")
        for kernel in ("2.6.18", "2.6.24"):
            self.refused({**SMALL, "machine": {"memory": "64MiB", "highmem": "32MiB"},
                          "kernel": {"preset": kernel}, "vm": {"highmem_is_dirtyable": 1}},
                         f"/vm/highmem_is_dirtyable: kernel {kernel} does not have it",
                         "2.6.25 brought it")

    def test_the_scheduling_policy_is_one_of_two(self):
        self.refused_with("/workloads/0/sched_policy", "rr", '"rr" is not known',
                          "allowed: other fifo")

    def test_strict_limit_is_not_in_old_kernels(self):
        self.refused_with("/devices/0/strict_limit", True, "it came with 3.12")
    def test_schedulers_and_queues_belong_to_kernels(self):
        self.refused_with("/devices/0/scheduler", "mq-deadline",
                          'kernel 2.6.32 has no scheduler "mq-deadline"; '
                          'it has cfq, deadline, noop')
        self.refused_with("/devices/0/wbt_lat_usec", 2000, "has no blk-wbt")
        self.refused_with("/devices/0/async_depth", 16, "has no mq-deadline")
        self.refused_with("/devices/0/nr_hw_queues", 4, "has one queue for each device")
        self.refused_with("/devices/0/nr_requests", 2, "takes no less than 4")

    def test_units(self):
        self.refused_with("/machine/memory", 64, "64 has no unit", '"64KiB"')
        self.refused_with("/machine/memory", "64", "has no unit")
        self.refused_with("/machine/memory", "16G", "has no unit this program accepts",
                          'use "16GiB" (powers of 1024) or "16GB" (powers of 1000)')
        self.refused_with("/devices/0/bandwidth", "50MB", "is not a rate")
        self.refused_with("/workloads/0/thinktime", "0.5ns", "not a whole number of nanoseconds")
        self.refused_with("/workloads/0/thinktime", "1 ms", "has a space before its unit")
        self.refused_with("/workloads/0/thinktime", "-1ms", "is negative")

    def test_out_of_range(self):
        self.refused_with("/devices/0/nr_requests", 0, "0 is out of range", "1 to 1000000")
        self.refused_with("/vm/dirty_ratio", 101, "101 is out of range", "0 to 100")
        self.refused_with("/machine/memory", "99999999TiB", "does not fit in 64 bits")
        self.refused_with("/machine/memory", "1" + "0" * 30 + "B", "has too many digits")
        self.refused_with("/run/seed", 10 ** 30, "does not fit in 64 bits")

    def test_words(self):
        self.refused_with("/workloads/0/rw", "reed", "is not known", 'did you mean "read"?')
        self.refused_with("/kernel/preset", "2.6.33", "is not known", "allowed: ")
        self.refused_with("/schema", "wbsim-scenario/2", "is not known")
        self.refused_with("/name", "../x", "is not a name")

    def test_the_format_of_a_newer_program(self):
        self.refused_with("/schema", "wbsim-scenario/2", "the file is for a newer wbsim",
                          "this one reads wbsim-scenario/1")
        self.refused_with("/schema", "wbsim-scenari/1", 'did you mean "wbsim-scenario/1"?')

    def test_key_of_another_model(self):
        self.refused_with("/devices/0/rpm", 7200, "stands only with model hdd")
        sync = {"name": "s", "rw": "sync", "bs": "4KiB"}
        self.refused({**SMALL, "workloads": [sync]}, "/workloads/0/bs: stands only with rw")

    def test_device_profiles(self):
        def refused(*messages, **keys):
            error = self.refused_with_device({"name": "d0", **keys})
            for message in messages:
                self.assertIn(message, error)

        refused('/profile: "sata-720" is no device profile', 'did you mean "sata-7200"?',
                profile="sata-720")
        refused("stands only with model ssd or nvme", profile="sata-7200", units=4)
        refused('/rpm: "7200" is not a whole number', profile="sata-7200", rpm="7200")
        refused("2GiB are more than the zones hold", profile="hp-97560", capacity="2GiB")
        (self.dir / "devices").mkdir()
        (self.dir / "devices" / "mine.json").write_text("[]", encoding="utf-8")
        refused("is not a device profile", "wbsim-device/1", profile="mine")

    def test_profile_beside_the_scenario(self):
        (self.dir / "devices").mkdir()
        (self.dir / "devices" / "mine.json").write_text(json.dumps(
            {"schema": "wbsim-device/1", "description": "d", "source": "s", "model": "hdd",
             "capacity": "2GiB", "rpm": 5400}), encoding="utf-8")
        name = self.variant(devices=[{"name": "d0", "profile": "mine", "capacity": "1GiB"}])
        device = json.loads(self.expect(0, "validate", name, "--resolved").stdout)["devices"][0]
        self.assertEqual((device["rpm"], device["capacity"]), (5400, "1GiB"))
        self.assertNotIn("profile", device)

    def test_arrays_and_faults(self):
        def device(**keys):
            return self.refused_with_device({"name": "d0", **keys})

        self.assertIn("an array has members", device(model="raid0"))
        self.assertIn("/devices/0/mbps: is 209710 bytes in each 20 ms, and requests grow to 262144",
                      device(mbps=10, max_sectors_kb=256))
        self.assertIn("allowed: fixed hdd ssd nvme usb",
                      device(model="jbod", members=[{"model": "raid0"}]))
        self.assertIn("/members: hold 2048TiB, more than 1024TiB",
                      device(model="jbod", members=[{"capacity": "1024TiB"}] * 2))
        self.assertIn("stands only with a model other",
                      device(model="raid0", capacity="1GiB", members=[{}]))
        self.assertIn("give the fault to a member",
                      device(model="jbod", members=[{}],
                             faults=[{"kind": "error", "offset": "1MiB"}]))
        self.assertIn("a hang must end", device(faults=[{"kind": "hang"}]))
        self.assertIn("/factor: stands only with kind slow",
                      device(faults=[{"kind": "error", "factor": 2}]))
        self.assertIn("beyond the capacity",
                      device(capacity="1GiB", faults=[{"kind": "error", "offset": "2GiB"}]))
        self.refused_with("/run/power_cut", "601s", "comes after the end of the run")

    def test_devices_that_contradict_themselves(self):
        one, gone = {"capacity": "1GiB"}, {"kind": "remove", "start": "1s"}
        curve = {"model": "hdd", "seek_table": [[1, 1000], [100, 2000]]}
        for message, device in (
                ("/members: is one device: there is nothing to stripe",
                 {"model": "raid0", "members": [one]}),
                ("/faults/0/size: ends beyond the capacity of 1GiB",
                 {**one, "faults": [{"kind": "error", "offset": "1000MiB", "size": "1GiB"}]}),
                ("/faults/0/duration: stands only with kind error, slow or hang",
                 {"faults": [{**gone, "duration": "1s"}]}),
                ("/faults/1/start: the device is removed by then, at 1s",
                 {"faults": [gone, {"kind": "slow", "start": "2s"}]}),
                ("/faults/0/start: the run lasts no longer than 600s",
                 {"faults": [{**gone, "start": "600s"}]}),
                ('/model: the profile is of another one, "hdd"',
                 {"profile": "hp-97560", "model": "ssd"}),
                ("/outer_rate: stands only with model hdd and no zones",
                 {"model": "hdd", "zones": [[100, 100, 0, 0]], "outer_rate": "100MB/s"}),
                ("/seek_a_ms: stands only with model hdd and no seek_table",
                 {**curve, "seek_a_ms": 1.0}),
                ("/driver_depth: 33 is more than its tags, 32",
                 {"model": "ssd", "driver_depth": 33}),
        ):
            with self.subTest(message):
                self.refused_with_device_says(message, device)

    def test_keys_that_nobody_reads(self):
        hdd, ssd, usb = {"model": "hdd"}, {"model": "ssd"}, {"model": "usb"}
        for message, device in (
                ("/link_rate: stands only with model hdd and read_ahead or drive_cache",
                 {**hdd, "link_rate": "300MB/s"}),
                ("/sptf: stands only with model hdd and a driver_depth above 1",
                 {**hdd, "sptf": False}),
                ("/age_limit: stands only with model hdd and a driver_depth above 1 and sptf",
                 {**hdd, "driver_depth": 8, "sptf": False, "age_limit": "1s"}),
                ("/seek_c_ms: stands only with model hdd and no seek_table and a seek_split",
                 {**hdd, "seek_c_ms": 9.0}),
                ("/head_switch: stands only with model hdd and several heads",
                 {**hdd, "heads": 1, "head_switch": "1ms"}),
                ("/sustained_rate: stands only with model ssd or nvme and a write_buffer",
                 {**ssd, "write_buffer": "0B", "sustained_rate": "100MB/s"}),
                ("/power_loss_protection: stands only with model ssd or nvme and a write_buffer",
                 {**ssd, "write_buffer": "0B", "power_loss_protection": True}),
                ("/buffer_latency: stands only with model ssd or nvme and a write_buffer",
                 {**ssd, "write_buffer": "0B", "buffer_latency": "1us"}),
                ("/gc_after: stands only with model ssd or nvme and a gc_stall",
                 {**ssd, "gc_after": "1GiB"}),
                ("/gc_interval: stands only with model ssd or nvme and a gc_stall",
                 {**ssd, "gc_interval": "1MiB", "gc_stall": "0s"}),
                ("/placement: stands only with model ssd or nvme and several units",
                 {**ssd, "units": 1, "placement": "any"}),
                ("/open_blocks: stands only with model usb and an erase_stall",
                 {**usb, "erase_stall": "0s", "open_blocks": 4}),
                ("/driver_depth: stands only with a model other than usb",
                 {**usb, "driver_depth": 2}),
        ):
            with self.subTest(message):
                self.refused_with_device_says(message, device)
        self.refused_with_device_says("/async_depth: stands only with scheduler mq-deadline",
                                      {"nr_hw_queues": 2, "async_depth": 4, "driver_depth": 32},
                                      kernel={"preset": "6.1"}, machine={"memory": "64MiB",
                                                                         "cpus": 2})

    def test_a_key_of_a_profile_that_nobody_reads_any_more(self):
        name = self.variant(devices=[{"name": "d0", "profile": "sata-7200", "driver_depth": 1,
                                      "drive_cache": "0B", "read_ahead": "0B"}])
        resolved = json.loads(self.expect(0, "validate", name, "--resolved").stdout)
        self.assertNotIn("link_rate", resolved["devices"][0])

    def test_seeks_and_zones_that_no_disk_has(self):
        hdd = {"model": "hdd", "capacity": "1GiB"}
        for message, device in (
                ("/seek_table/1: 900 us are less than the 1000 us of a shorter seek",
                 {**hdd, "seek_table": [[1, 1000], [100, 900]]}),
                ("/seek_table/1: does not go on from the row before it",
                 {**hdd, "seek_table": [[100, 1000], [100, 1100]]}),
                ("/seek_table/0: no cylinders are no seek",
                 {**hdd, "seek_table": [[0, 1000], [100, 1100]]}),
                ("/seek_split: the seek time falls there, from 6ms to 3201us",
                 {**hdd, "seek_a_ms": 1, "seek_b_ms": 0.5, "seek_split": 100, "seek_c_ms": 3.1,
                  "seek_e_ms": 0.001}),
                ("/zones/0: has a skew of a revolution or more",
                 {**hdd, "zones": [[40000, 100, 100, 20]]}),
                ("/inner_rate: the inner zone is faster, 75MB/s, than the outer one, 50MB/s",
                 {**hdd, "outer_rate": "50MB/s"}),
                ("/erase_block: 2GiB are more than the capacity of 1GiB",
                 {"model": "usb", "capacity": "1GiB", "erase_block": "2GiB"}),
        ):
            with self.subTest(message):
                self.refused_with_device_says(message, device)

    def test_queue_attributes_belong_to_kernels(self):
        for preset, key, value, message in (
                ("2.4.17", "max_sectors_kb", 128, "at most 127; without it 255 sectors"),
                ("2.4.0", "write_cache", "write back", "never flushes a drive's cache"),
                ("2.4.17", "rotational", False, "2.6.29 brought it"),
                ("2.6.24", "rotational", False, "2.6.29 brought it"),
                ("2.4.17", "nomerges", 1, "2.6.25 brought it"),
                ("2.6.24", "nomerges", 1, "2.6.25 brought it"),
                ("2.6.32", "nomerges", 2, "it takes 0 and 1"),
        ):
            with self.subTest(preset + " " + key):
                error = self.refused_with_device_says("/" + key, {key: value},
                                                      kernel={"preset": preset})
                self.assertIn(message, error)
        for preset, key, value in (("2.4.17", "max_sectors_kb", 127), ("2.6.31", "nomerges", 1),
                                   ("2.6.31", "rotational", False), ("3.10", "nomerges", 2)):
            with self.subTest(preset + " " + key + ", allowed"):
                self.accepted(preset, {key: value})

    def test_a_queue_attribute_without_effect_is_said_to_be_so(self):
        for preset, device, message in (
                ("3.10", {"rotational": False, "scheduler": "deadline"}, "only cfq does"),
                ("6.1", {"rotational": False, "wbt_lat_usec": 1000}, "nobody asks"),
                ("6.1", {"rotational": False, "scheduler": "bfq"}, "nobody asks"),
                ("6.1", {"max_sectors_kb": 513}, "no request gets there: 128 pages"),
        ):
            with self.subTest(message):
                self.assertIn(message, self.accepted(preset, device))
        self.assertEqual(self.accepted("6.1", {"max_sectors_kb": 1280, "max_segments": 320}), "")
        self.assertEqual(self.accepted("3.10", {"rotational": False}), "")

    def accepted(self, preset, device):
        name = self.variant(kernel={"preset": preset}, devices=[{"name": "d0", **device}])
        return self.expect(0, "validate", name).stderr

    def test_queues_that_blk_mq_cannot_share_out(self):
        for message, device in (
                ("/nr_hw_queues: 64 queues share a driver_depth of 32",
                 {"nr_hw_queues": 64, "driver_depth": 32}),
                ("/nr_hw_queues: 33 queues share a driver_depth of 32",
                 {"nr_hw_queues": 33, "model": "ssd"}),
                ("/nr_hw_queues: 5 queues serve 4 processors",
                 {"nr_hw_queues": 5, "driver_depth": 32}),
                ("/nr_requests: without a scheduler no more than the hardware queue has, 32",
                 {"scheduler": "none", "nr_requests": 33, "model": "ssd"}),
                ("/async_depth: 65 is more than nr_requests, 64",
                 {"async_depth": 65, "driver_depth": 32}),
                ("/async_depth: 400 is more than nr_requests, 64",
                 {"async_depth": 400, "nr_requests": 64}),
                ("/nr_requests: without a scheduler no more than the hardware queue has, 16",
                 {"scheduler": "none", "nr_requests": 17, "driver_depth": 32, "nr_hw_queues": 2}),
        ):
            with self.subTest(message):
                self.refused_with_device_says(message, device, kernel={"preset": "6.1"},
                                              machine={"memory": "1GiB", "cpus": 4})

    def refused_with_device_says(self, message, device, **more):
        scenario = {**SMALL, **more, "devices": [{"name": "d0", **device}]}
        return self.refused(scenario, "scenario.json: /devices/0" + message)

    def test_a_key_replaces_what_a_profile_says_in_another_way(self):
        for profile, given, gone in (("hp-97560", {"outer_rate": "100MB/s"}, "zones"),
                                     ("sata-7200", {"seek_table": [[1, 900], [9000, 9000]]},
                                      "seek_a_ms")):
            name = self.variant(devices=[{"name": "d0", "capacity": "1GiB", "profile": profile,
                                          **given}])
            resolved = json.loads(self.expect(0, "validate", name, "--resolved").stdout)
            self.assertLess(given.items(), resolved["devices"][0].items())
            self.assertFalse(resolved["devices"][0].get(gone))

    def refused_with_device(self, device):
        return self.refused({**SMALL, "devices": [device]}, "scenario.json: /devices/0/")

    def test_ratio_and_bytes(self):
        for pair in ("dirty", "dirty_background"):
            with self.subTest(pair):
                self.refused({**SMALL, "vm": {pair + "_ratio": 20, pair + "_bytes": "1MiB"}},
                             "/vm/" + pair + "_bytes: excludes " + pair + "_ratio")

    def test_references(self):
        self.refused_with("/workloads/0/filename", "fs0/f1", 'did you mean "fs0/f0"?')
        self.refused_with("/filesystems/0/device", "d1", 'did you mean "d0"?')
        self.refused_with("/workloads/0/filename", "/dev/d0", 'holds file system "fs0"')
        self.refused({**SMALL, "devices": SMALL["devices"] * 2},
                     '/devices/1/name: "d0" names something else already')

    def test_storage_that_does_not_fit(self):
        files = [{"name": "f0", "size": "64MiB"}, {"name": "f1", "size": "1GiB"}]
        self.refused_with("/filesystems/0/files", files, "the device has 262144")
        self.refused_with("/filesystems/0/files/0/extents", [[0, 10, 5]], "the size needs 16384")
        self.refused_with("/filesystems/0/files/0/extents", [[0, 0, 16384], [16384, 5, 9]],
                          "overlaps the disk blocks")
        huge = {"name": "d0", "capacity": "16TiB"}
        self.refused({**SMALL, "devices": [huge]}, "ext2 numbers blocks with 32 bits")
        large = {"name": "fs0", "device": "d0", "block_size": "1KiB",
                 "files": [{"name": "f0", "size": "17GiB"}]}
        terabyte = {"devices": [{**huge, "capacity": "1TiB"}], "filesystems": [large]}
        self.refused({**SMALL, **terabyte},
                     "/filesystems/0/files/0/size: 17GiB is more than ext2 maps of a file",
                     "blocks of 1024 bytes, 16843020KiB")
        large |= {"driver": "ext4", "journal": True}  # extents
        self.expect(0, "validate", self.variant(kernel={"preset": "6.1"}, **terabyte))
        self.refused_with("/devices/0/partitions", [{"name": "p", "start": "1GiB", "size": "1MiB"}],
                          "beyond the capacity")
        self.refused_with("/filesystems/0/files/0/extents", [[0, -1, 3]], "whole numbers from 0")

    def test_the_page_cache_numbers_16_tib_of_a_file(self):
        job = {"name": "w", "rw": "write", "filename": "/dev/d0", "bs": "4KiB", "size": "1GiB",
               "offset": "16TiB"}
        huge = {"devices": [{"name": "d0", "capacity": "17TiB"}], "filesystems": []}
        self.refused({**SMALL, **huge, "workloads": [job]}, "/workloads/0/size: the region ends at",
                     "the page cache numbers less than 16TiB")
        name = self.write({**SMALL, **huge, "workloads": [{**job, "direct": True}]})
        self.expect(0, "validate", name)

    def test_jobs_that_make_no_sense(self):
        self.refused_with("/workloads/0/time_based", True, "needs runtime")
        self.refused_with("/workloads/0/size", "65MiB", "ends beyond")
        self.refused_with("/workloads/0/bs", "8MiB", "is more than the region")
        self.refused_with("/workloads/0/offset", "64MiB", "begins beyond the end")
        self.refused_with("/workloads/0/startdelay", "601s", "not before the end of the run")
        self.refused_with("/workloads/0/zoneskip", "4KiB", "needs zonesize")
        self.refused_with("/workloads/0/wait_for", "nobody", "is no workload above this one")
        self.refused_with("/workloads/0", {"name": "dd", "filename": "fs0/new", "nrfiles": 3},
                          "size: is missing: the new files share it")
        self.refused_with("/workloads/0", {"name": "dd", "filename": "fs0/new", "nrfiles": 3,
                                           "direct": True, "size": "4KiB"},
                          "size: 4KiB are not whole sectors in each of 3 files, as direct is")
        self.refused_with("/workloads/0", {"name": "dd", "filename": "fs0/new", "nrfiles": 3,
                                           "ioengine": "mmap", "size": "12KiB"},
                          "nrfiles: makes new files, which are empty: nothing to map")
        self.refused_with("/workloads/0/catch_up", True, "stands only with period")
        self.refused_with("/workloads/0/randseed", 3, "stands only with random_generator")
        scenario = copy.deepcopy(SMALL)
        scenario["filesystems"][0]["files"][0]["size"] = "0B"
        scenario["workloads"] = [{"name": "a", "filename": "fs0/f0", "rw": "read"},
                                 {"name": "b", "filename": "fs0/f0"},
                                 {"name": "c", "rw": "sync", "period": "1s"}]
        self.refused(scenario, "nothing to read", "/workloads/1/size: is missing",
                     "/workloads/2: never ends")

    def test_expectations(self):
        for metric, message in {"writers": "is not a JSON pointer",
                                "/writers/ddd/bw_bytes": 'did you mean "dd"?',
                                "/aggregate/write": "is not one number",
                                "/memory/still_durty": 'did you mean "still_dirty"?'}.items():
            with self.subTest(metric):
                self.refused({**SMALL, "expect": [{"metric": metric, "at_least": 1}]},
                             "/expect/0/metric", message)
        self.refused({**SMALL, "expect": [{"metric": "/aggregate/bw_bytes", "at_least": "5s"}]},
                     "the unit does not fit")
        self.refused({**SMALL, "expect": [{"metric": "/aggregate/bw_bytes"}]}, "has no bound")
        bound = {"metric": "/aggregate/bw_bytes", "at_least": 1}
        self.refused({**SMALL, "expect": [{**bound, "since": "3.10", "until": "2.6.24"}]},
                     "/expect/0/until: is an earlier kernel than /since")
        self.refused({**SMALL, "expect": [{**bound, "kernel": "6.1", "since": "3.10"}]},
                     "/expect/0/since", "without kernel")

    def test_a_size_that_does_not_fit_has_one_beside_it(self):
        scenario = copy.deepcopy(SMALL)
        scenario["devices"][0]["capacity"] = "100GB"
        self.refused(scenario, '/devices/0/capacity: "100GB" is not a multiple of 4KiB',
                     "97656248KiB is one")

    def test_what_happens_and_where_it_was_seen_may_be_left_out(self):
        scenario = json.loads((ROOT / "scenarios/three-passes.json").read_text("utf-8"))
        del scenario["description"], scenario["source"]
        name = self.write(scenario)
        self.expect(0, "run", name, "--out", "out")
        self.assertIn("three-passes on 2.6.31\n",
                      self.expect(0, "run", name, "--narrate").stdout)
        self.assertIn("three-passes",
                      self.expect(0, "list", "scenarios", "--markdown", "--dir", ".").stdout)

    def test_all_errors_are_reported_at_once(self):
        scenario = copy.deepcopy(SMALL)
        scenario["descripton"] = scenario.pop("description")
        scenario["machine"] = {"memory": "16G", "cpu": 2}
        scenario["vm"] = {"dirty_ratio": 200}
        error = self.refused(scenario, "/descripton", "/machine/memory", "/machine/cpu",
                             "/vm/dirty_ratio", "4 errors; nothing was run")
        self.assertNotIn("/description: is missing", error)


class MalformedJson(CliTest):
    def refused(self, text, *messages):
        error = self.expect(3, "run", self.write(text)).stderr
        for message in messages:
            self.assertIn(message, error)

    def test_line_and_column(self):
        self.refused('{"schema": 1,\n  "name" 2}', "scenario.json: line 2, column 10: syntax error")

    def test_what_json_does_not_have(self):
        self.refused('{"a": NaN}', "no NaN, no Infinity")
        self.refused('{"a": -Infinity}', "no NaN, no Infinity")
        self.refused('{"a": 1} // x', "line 1")
        self.refused('{"a": 1 // x\n}', "JSON has no comments")
        self.refused("{'a': 1}", "double quotes")
        self.refused('{"a": 1,}', "no comma after the last element")

    def test_huge_and_odd_files(self):
        self.refused('{"a": 1e999}', "number overflow")
        self.refused("[" * 100000, "nested deeper than")
        self.refused("", "the file is empty")
        self.refused("[1]", "is an array, not an object")
        self.refused("null", "is null, not an object")
        (self.dir / "scenario.json").write_bytes(b'{"a": "\xff"}')
        self.assertIn("ill-formed UTF-8", self.expect(3, "run", "scenario.json").stderr)

    def test_files_that_cannot_be_read(self):
        self.assertIn("No such file or directory", self.expect(3, "run", "nosuch.json").stderr)
        self.variant()
        self.assertIn("did you mean scenario.json?", self.expect(3, "run", "scenari.json").stderr)
        self.assertIn("it is a directory", self.expect(3, "run", ".").stderr)


class NotText(CliTest):
    def test_it_is_said_what_it_is(self):
        scenario = json.dumps(SMALL)
        for data, says in (
                (gzip.compress(scenario.encode()), "is compressed by gzip\n    gzip -d"),
                (lzma.compress(scenario.encode()), "is compressed by xz\n    xz -d"),
                (scenario.encode("utf-16"), "is UTF-16\n    iconv"),
                (scenario.encode("utf-16-le"), "looks like UTF-16"),
                (struct.pack("<I", 0x65617407) + bytes(44),
                 "is a recording of blktrace\n    blkparse -i"),
                (b"\x17\x08Dtracing6\0", "is a recording of trace-cmd\n"),
                (b"\x7fELF\2\1\1\0\0", "is a program"),
                (b'{"a": \0}', "is not text: byte 6 of it is 0\n")):
            (self.dir / "file").write_bytes(data)
            for command in (("validate",), ("import", "fio"),
                            ("import", "strace", "--out", "made.json")):
                with self.subTest(says=says, command=command):
                    error = self.expect(3, *command, "file").stderr
                    self.assertIn("file: " + says, error)
                    self.assertTrue(all(c.isprintable() or c == "\n" for c in error), error)

    def test_a_byte_order_mark_is_no_letter(self):
        (self.dir / "marked.json").write_text(json.dumps(SMALL), encoding="utf-8-sig")
        self.expect(0, "validate", "marked.json")
        (self.dir / "job.fio").write_text("[a]\nrw=write\nsize=1m\n", encoding="utf-8-sig")
        self.expect(0, "import", "fio", "job.fio")


class ValidScenario(CliTest):
    def test_the_shipped_ones(self):
        for path in sorted((ROOT / "scenarios").glob("*.json")):
            with self.subTest(path.name):
                self.assertIn(": ok", self.expect(0, "validate", path).stdout)
                self.assertEqual(json.loads(path.read_text("utf-8"))["name"], path.stem)

    def test_the_resolved_scenario_is_its_own_resolution(self):
        for path in [self.dir / self.variant(), *(ROOT / "scenarios").glob("*.json")]:
            first = self.expect(0, "validate", "--resolved", path).stdout
            self.write(first, "resolved.json")
            second = self.expect(0, "validate", "--resolved", "resolved.json").stdout
            self.assertEqual(second, first)

    def test_set_takes_json_words_and_names(self):
        def resolved(*sets):
            options = [word for s in sets for word in ("--set", s)]
            return json.loads(self.expect(0, "validate", "--resolved", self.variant(),
                                          *options).stdout)
        self.assertEqual(resolved("/vm/dirty_ratio=7")["vm"]["dirty_ratio"], 7)
        self.assertEqual(resolved("/run/duration=20s")["run"]["duration"], "20s")
        self.assertEqual(resolved("/devices/d0/nr_requests=64")["devices"][0]["nr_requests"], 64)
        self.assertEqual(resolved("/kernel/preset=pdflush")["kernel"],
                         {"preset": "2.6.31", "flusher": "pdflush", "throttle": "congestion_wait",
                          "hz": 250, "smp": True})
        self.assertIn("there is no", self.expect(3, "run", self.variant(), "--set",
                                                 "/devices/d9/nr_requests=64").stderr)

    def test_a_sysctl_may_have_its_full_name(self):
        name = self.variant(vm={"vm.dirty_ratio": 7})
        self.assertEqual(json.loads(self.expect(0, "validate", "--resolved", name).stdout)
                         ["vm"]["dirty_ratio"], 7)
        self.variant(vm={"vm.dirty_ratio": 7, "dirty_ratio": 7})
        self.assertIn("duplicate key", self.expect(3, "validate", name).stderr)

    def test_warnings_do_not_refuse(self):
        name = self.variant(vm={"dirty_ratio": 10, "dirty_background_ratio": 10})
        self.assertIn("warning: ", self.expect(0, "validate", name).stderr)

    def test_what_a_kernel_brought_later_is_named(self):
        device = {"name": "d0", "capacity": "1GiB"}
        job = {"name": "dd", "filename": "fs0/f0", "size": "1MiB", "ioengine": "mmap"}
        for kernel, what, says in (
                ("2.6.24", {"vm": {"dirty_bytes": "1MiB"}}, "/vm/dirty_bytes"),
                ("2.6.18", {"vm": {"dirty_background_bytes": "1MiB"}},
                 "/vm/dirty_background_bytes"),
                ("2.6.24", {"devices": [{**device, "min_ratio": 5}]}, "/devices/0/min_ratio"),
                ("2.6.18", {"devices": [{**device, "max_ratio": 50}]}, "/devices/0/max_ratio")):
            with self.subTest(kernel=kernel, key=says):
                name = self.variant(kernel={"preset": kernel}, **what)
                self.assertIn(f"{says}: kernel {kernel} does not have it",
                              self.expect(3, "run", name).stderr)
        name = self.variant(kernel={"preset": "2.6.18"}, workloads=[job])
        self.assertIn("/workloads/0/ioengine: not modelled under kernel 2.6.18: mapped files",
                      self.expect(3, "run", name).stderr)

    def test_a_policy_replaces_the_kernel(self):
        name = self.variant(kernel={"preset": "2.6.24", "throttle": "pause"})
        kernel = json.loads(self.expect(0, "validate", "--resolved", name, "--policy", "pdflush")
                            .stdout)["kernel"]
        self.assertEqual((kernel["preset"], kernel["throttle"]), ("2.6.31", "congestion_wait"))


if __name__ == "__main__":
    unittest.main()
