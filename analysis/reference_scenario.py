#!/usr/bin/python3
"""Writes the wbsim scenario that means the same as a recorded experiment's conditions.json.

Usage: reference_scenario.py EXPERIMENT_DIR [--calibration FILE] > scenario.json

Every field of conditions.json is either expressed in the scenario or listed here as having no
effect, with the reason. Anything else is an error that names the field (exit code 2): a condition
is never ignored. No experiment is known by name.
"""

import argparse
import csv
import json
import pathlib
import re
import sys
from fractions import Fraction

import ext2_layout
import recording

DEFAULT_CALIBRATION = pathlib.Path(__file__).resolve().parent / "calibration.json"
PAGE_BYTES = 4096
LEAST_DIRTY_RATIO = 5  # the kernels take a smaller one for this
DEFAULT_WRITEBACK_CENTISECS = 500
SECTOR_BYTES = 512
SERVICE_MODEL = (
    "t = overhead + (0 if 0 <= start - head <= near_sectors else seek_base + seek_full * "
    "|start - head| / capacity_in_sectors) + bytes / bandwidth; back-to-back requests start when "
    "the previous one ends; one at a time")
FSYNC_NOTE = "next start is the first multiple of the period not before the previous fsync ended"
# The recorder goes on until clean for 1 s, or for 60 s after the last writer.
SETTLE_S = 1
RECORDED_AFTER_WRITERS_S = 60


class CannotExpress(Exception):
    """A condition that no scenario can say; the text names it."""


# What CpuCosts of models/scenario.hpp has; the calibration also measures what the models leave out.
MODELLED_COSTS = ("write_syscall", "write_page", "write_buffer", "refill", "copy_per_kib",
                  "writeback_page", "writeback_buffer", "request", "context_switch",
                  "complete_page", "complete_request", "reclaim_page", "user_call")


# vm sysctls that this scenario format has no word for, and the values for which none is needed.
# None: any value.
SYSCTLS_WITHOUT_EFFECT = {
    "overcommit_memory": (None, "page cache is not committed memory"),
    "overcommit_ratio": (None, "page cache is not committed memory"),
    "overcommit_kbytes": (None, "page cache is not committed memory"),
    "admin_reserve_kbytes": (None, "page cache is not committed memory"),
    "user_reserve_kbytes": (None, "page cache is not committed memory"),
    "panic_on_oom": (None, "nothing runs out of memory: reclaim finds clean cache"),
    "oom_kill_allocating_task": (None, "nothing runs out of memory"),
    "oom_dump_tasks": (None, "nothing runs out of memory"),
    "page-cluster": (None, "swap read-ahead; there is no swap"),
    "swappiness": (None, "there is no swap (kernel.swap is checked)"),
    "nr_pdflush_threads": (None, "read-only: the number of threads at that moment, a result"),
    "max_map_count": (None, "nothing is mapped"),
    "mmap_min_addr": (None, "nothing is mapped"),
    "legacy_va_layout": (None, "layout of user addresses"),
    "scan_unevictable_pages": (None, "an action by hand, not taken"),
    "vfs_cache_pressure": (None, "reclaim of dentries and inodes; all inodes here are open"),
    "laptop_mode": ({"0"}, "would start write-back after every read"),
    "block_dump": ({"0"}, "would log every request"),
    "drop_caches": (None, "an action by hand, done before the start if at all"),
    "percpu_pagelist_fraction": ({"0"}, "would change the per-processor free lists"),
    "zone_reclaim_mode": ({"0"}, "one node: no other node to turn to"),
    "lowmem_reserve_ratio": ({"256\t256\t32", "256\t32", "256\t32\t32", "256\t256\t32\t1"},
                             "defaults; the watermarks that reclaim uses assume them"),
}


def take(where, fields, known, path):
    """The fields named in `known`; anything else in `fields` is refused by name."""
    if not isinstance(fields, dict):
        raise CannotExpress(f"{path.rstrip('.') or where} = {fields!r}: expected named fields")
    for key in fields:
        if key not in known:
            raise CannotExpress(f"{path}{key} = {fields[key]!r}: this field is not known")
    missing = [key for key, required in known.items() if required and key not in fields]
    if missing:
        raise CannotExpress(f"{where} has no {missing[0]!r}")
    return fields


def require(path, value, allowed, why):
    if value not in allowed:
        raise CannotExpress(f"{path} = {value!r}: {why}")


def exact(value):
    """The decimal number as written, without binary rounding."""
    return Fraction(repr(value)) if isinstance(value, float) else Fraction(value)


def duration(seconds):
    ns = exact(seconds) * 10**9
    if ns.denominator != 1:
        raise CannotExpress(f"{seconds} s is not a whole number of nanoseconds")
    for unit, scale in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if ns % scale == 0:
            return f"{int(ns // scale)}{unit}"
    return f"{int(ns)}ns"


def size(count):
    if exact(count).denominator != 1:
        raise CannotExpress(f"{count} is not a whole number of bytes")
    count = int(count)
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count and count % scale == 0:
            return f"{count // scale}{unit}"
    return f"{count}B"


def kernel_section(conditions):
    kernel = take("kernel", conditions["kernel"], {
        "release": True, "arch": True, "cpus": True, "HZ": True, "preempt": True,
        "high_res_timers": True, "no_hz": True, "smp": True, "swap": True, "cgroups": True},
        "kernel.")
    require("kernel.arch", kernel["arch"], ("x86_64",), "only 64-bit x86 is modelled")
    require("kernel.preempt", kernel["preempt"], ("none",), "only kernels without preemption")
    require("kernel.high_res_timers", kernel["high_res_timers"], (True,),
            "sleeps of programs are modelled with high-resolution timers")
    # Tickless idle: a tick costs nothing in the model, so neither value changes it.
    require("kernel.no_hz", kernel["no_hz"], (True, False), "not a truth value")
    require("kernel.swap", kernel["swap"], (False,), "swap is not modelled")
    require("kernel.cgroups", kernel["cgroups"], (False,), "control groups are not modelled")
    # A kernel built for several processors that has one behaves as one built for one.
    require("kernel.smp", kernel["smp"], (True, False), "not a truth value")
    release = kernel["release"]
    preset = release if release.startswith("2.6.") else ".".join(release.split(".")[:2])
    return {"preset": preset, "hz": kernel["HZ"]}


def machine_section(conditions, cpu_costs):
    guest = take("guest", conditions["guest"], {
        "memory_MiB": False,  # what MemTotal leaves of it is given exactly
        "MemTotal": True,
        "clock": False,  # how the machine's clock was made; the costs come from the calibration
        "page_bytes": True, "free_pages_at_start": True, "lru_pages_at_start": True,
        "dirtyable_pages_about": False,  # the sum of the two before
    }, "guest.")
    require("guest.page_bytes", guest["page_bytes"], (PAGE_BYTES,), "pages have 4096 bytes")
    total = re.fullmatch(r"(\d+) kB", guest["MemTotal"])
    if not total:
        raise CannotExpress(f"guest.MemTotal = {guest['MemTotal']!r}: expected 'N kB'")
    return {"memory": size(int(total[1]) * 1024), "cpus": conditions["kernel"]["cpus"],
            "free_at_start": size(guest["free_pages_at_start"] * PAGE_BYTES),
            "file_cache_at_start": size(cached_pages_at_start(conditions) * PAGE_BYTES),
            "cpu_costs": cpu_costs}


def cached_pages_at_start(conditions):
    """What counts as dirtyable beside free memory. A limit that is a share of it says it exactly
    where it was read at the start (the kernels differ in which LRU pages they count)."""
    guest, sysctl, limits = conditions["guest"], conditions["sysctl"], conditions["thresholds"]
    if recording.kernel_number(conditions["kernel"]["release"]) >= (3,):
        return guest["lru_pages_at_start"]  # the simulator takes the kernel's reserves off itself
    limit = limits.get("DirtyThresh_pages_at_start")
    background = limits.get("BackgroundThresh_pages_at_start")
    if limit is not None and int(sysctl.get("dirty_bytes", 0)) == 0:
        dirtyable = limit * 100 // max(int(sysctl["dirty_ratio"]), LEAST_DIRTY_RATIO)
    elif (background is not None and int(sysctl.get("dirty_background_bytes", 0)) == 0
          and int(sysctl["dirty_background_ratio"]) > 0 and background < limit // 2):
        dirtyable = background * 100 // int(sysctl["dirty_background_ratio"])
    else:
        return guest["lru_pages_at_start"]
    return max(dirtyable - guest["free_pages_at_start"], 0)


def check_min_free(value, conditions):
    """min_free_kbytes is not a word of the scenario: the kernel's own formula is used there."""
    lowmem_kb = int(conditions["guest"]["MemTotal"].split()[0])
    default = (16 * lowmem_kb) ** 0.5
    if abs(int(value) - default) > 0.05 * default:
        raise CannotExpress(f"sysctl.min_free_kbytes = {value!r}: only the kernel's default "
                            f"(about {default:.0f} here) can be expressed")


def vm_section(conditions):
    sysctl = conditions["sysctl"]
    vm = {}
    for name, value in sysctl.items():
        if name in ("dirty_expire_centisecs", "dirty_writeback_centisecs"):
            vm[name] = int(value)
        elif name in ("dirty_ratio", "dirty_background_ratio"):
            if sysctl.get(name.replace("_ratio", "_bytes"), "0") == "0":
                vm[name] = int(value)
        elif name in ("dirty_bytes", "dirty_background_bytes"):
            if value != "0":
                vm[name] = size(int(value))
        elif name == "min_free_kbytes":
            check_min_free(value, conditions)
        elif name in SYSCTLS_WITHOUT_EFFECT:
            allowed, why = SYSCTLS_WITHOUT_EFFECT[name]
            if allowed is not None and value not in allowed:
                raise CannotExpress(f"sysctl.{name} = {value!r}: {why}")
        else:
            raise CannotExpress(f"sysctl.{name} = {value!r}: this setting is not known")
    return vm


def queue_settings(conditions):
    queue = take("queue", conditions["queue"], {
        "scheduler": True, "nr_requests": True, "max_sectors_kb": True, "max_segments": True,
        "read_ahead_kb": True}, "queue.")
    chosen = re.search(r"\[(\w+)\]", queue["scheduler"])
    scheduler = chosen[1] if chosen else queue["scheduler"]
    require("queue.scheduler", scheduler, ("deadline", "noop"), "elevator not modelled")
    return dict(queue, scheduler=scheduler)


def written_at_start(directory, conditions):
    """Bytes each disk was written before the first sample; from 3.10 on its share of the limits
    follows from them."""
    if recording.kernel_number(conditions["kernel"]["release"]) < (3,):
        return {}
    with open(directory / "series.csv", newline="", encoding="utf-8") as series:
        first = next(csv.DictReader(series))
    return {disk["name"]: size(int(first[disk["name"] + "_BdiWritten"]) * 1024)
            for disk in conditions["disks"]}


def device(disk, queue, soft_block_bytes, written):
    take("a disk", disk, {
        "name": True, "capacity_MiB": True, "bandwidth_bytes_per_s": True, "overhead_us": True,
        "seek_base_us": True, "seek_full_us": True, "near_sectors": True,
        "device_queue_depth": True}, f"disks[{disk.get('name')}].")
    microseconds = lambda key: duration(exact(disk[key]) / 10**6)
    result = {"name": disk["name"], "model": "fixed",
              "capacity": size(exact(disk["capacity_MiB"]) * 2**20),
              "driver_depth": disk["device_queue_depth"],
              "bandwidth": size(disk["bandwidth_bytes_per_s"]) + "/s",
              "overhead": microseconds("overhead_us"), "seek_base": microseconds("seek_base_us"),
              "seek_full": microseconds("seek_full_us"), "near_sectors": disk["near_sectors"]}
    result.update(queue)
    if disk["name"] in written:
        result["written_at_start"] = written[disk["name"]]
    if soft_block_bytes:
        result["soft_block_size"] = size(soft_block_bytes)
    return result


def begin_of(job, writers):
    """When the job's process first ran. Freshly forked processes wait for the processor in an order
    that depends on how their parent made them; the recording says when each was let go, to the ms.
    """
    began = [writer["start_s"] for writer in writers if str(writer["id"]) == str(job["id"])]
    let_go = Fraction(int(exact(began[0]) * 1000), 1000) if began else exact(job["start_s"])
    return max(exact(job["start_s"]), let_go)


def job_section(job, raw_disks, writers):
    common = {"id": True, "op": True, "disk": True, "path": True, "bs": True,
              "wrap_at_bytes": True, "start_s": True}
    path = f"workload.jobs[{job.get('id')}]."
    name = str(job["id"])
    target = f"/dev/{job['disk']}" if job["disk"] in raw_disks else f"{job['disk']}fs/{job['path']}"
    result = {"name": name, "rw": "write", "filename": target, "bs": size(job["bs"]),
              "size": size(job["wrap_at_bytes"]), "startdelay": duration(begin_of(job, writers))}
    if job["op"] == "seq_overwrite":
        take("a job", job, dict(common, stride=True, bytes=False, stop_at_s=False,
                                rate_bytes_per_s=False), path)
        if job["stride"] < job["bs"]:
            raise CannotExpress(f"{path}stride = {job['stride']}: smaller than bs")
        if job["stride"] > job["bs"]:
            result["zonesize"] = size(job["bs"])
            result["zoneskip"] = size(job["stride"] - job["bs"])
        if "rate_bytes_per_s" in job:
            result["rate"] = size(job["rate_bytes_per_s"]) + "/s"
    elif job["op"] == "overwrite_and_fsync":
        take("a job", job, dict(common, period_s=True, stop_at_s=False, bytes=False, note=False),
             path)
        require(f"{path}note", job.get("note", FSYNC_NOTE), (FSYNC_NOTE,), "note not understood")
        result["fsync"] = 1
        result["period"] = duration(job["period_s"])
    else:
        raise CannotExpress(f"{path}op = {job['op']!r}: this operation is not known")
    if "bytes" in job:
        result["io_size"] = size(job["bytes"])
    if "stop_at_s" in job:
        result["runtime"] = duration(exact(job["stop_at_s"]) - begin_of(job, writers))
        # Without a total it goes round until then.
        result["time_based"] = "bytes" not in job
    if "bytes" not in job and "stop_at_s" not in job:
        raise CannotExpress(f"{path}: neither bytes nor stop_at_s, it would never end")
    return result


def writers_bound_s(conditions):
    """Later than any writer can end: everything at the slowest disk's speed, a seek for each call
    and memory full of dirty pages before it. The run ends as soon as all is clean."""
    slowest = 0
    memory_bytes = int(conditions["guest"]["MemTotal"].split()[0]) * 1024
    for disk in conditions["disks"]:
        jobs = [job for job in conditions["workload"]["jobs"] if job["disk"] == disk["name"]]
        per_call_s = (disk["overhead_us"] + disk["seek_base_us"] + disk["seek_full_us"]) / 1e6
        total = memory_bytes / disk["bandwidth_bytes_per_s"]
        for job in jobs:
            total += max(job["start_s"], job.get("stop_at_s", 0))
            if "bytes" in job:
                calls = job["bytes"] / job["bs"]
                total += calls * (per_call_s + job.get("period_s", 0))
                total += job["bytes"] / disk["bandwidth_bytes_per_s"]
                total += job["bytes"] / job.get("rate_bytes_per_s", float("inf"))
        slowest = max(slowest, total)
    return int(2 * slowest) + 60


def flusher_threads_at_start(series):
    """Whether per-device flusher threads ran when the recording began; false before 2.6.32."""
    return bool("flush" in series and series["flush"][0] > 0)


def periodic_start(conditions, uptime_s, first_sample_s, calibration):
    """From when on periodic write-back ticks. The calibration says it of the interval that is set
    at boot. Another one was set before the first sample, just before for all that is known: the
    timer of pdflush counts from then; a 2.6.32 thread sleeps the old interval to its end."""
    release = conditions["kernel"]["release"]
    text = calibration["kernels"][release]["periodic_start"]
    interval = int(conditions["sysctl"]["dirty_writeback_centisecs"])
    if interval in (0, DEFAULT_WRITEBACK_CENTISECS):
        return text
    boot_ms = int(text.removesuffix("ms"))
    first_ms = set_ms = round((uptime_s + first_sample_s) * 1000)
    if recording.kernel_number(release) >= (2, 6, 32):
        default_ms = DEFAULT_WRITEBACK_CENTISECS * 10
        first_ms = boot_ms + -(-max(set_ms - boot_ms, 0) // default_ms) * default_ms
    # Later than the start of the run it cannot be, so the same ticks counted from earlier.
    while first_ms > set_ms and first_ms >= interval * 10:
        first_ms -= interval * 10
    return f"{min(first_ms, set_ms)}ms"


def run_section(directory, conditions, calibration):
    uptime = re.fullmatch(r"t_s = 0 is when the writers start \(uptime ([\d.]+) s\)",
                          conditions["time_zero"])
    if not uptime:
        raise CannotExpress(f"time_zero = {conditions['time_zero']!r}: text not understood")
    series = recording.table(directory, "series")
    return {"seed": 1, "until": "clean", "settle": duration(SETTLE_S),
            "duration": duration(writers_bound_s(conditions) + RECORDED_AFTER_WRITERS_S),
            "sample_interval": duration(Fraction(conditions["sampling_ms"], 1000)),
            "uptime_at_start": duration(Fraction(uptime[1])),
            "periodic_start": periodic_start(conditions, float(uptime[1]),
                                             float(series["t_s"][0]), calibration),
            "flusher_threads_at_start": flusher_threads_at_start(series)}


def cpu_costs_of(release, calibration):
    try:
        costs = calibration["kernels"][release]["cpu_costs"]
        return {name: costs[name] for name in MODELLED_COSTS}
    except KeyError:
        raise CannotExpress(f"kernel.release = {release!r}: no CPU costs were measured for it "
                            "(run analysis/calibrate.py on its recordings)") from None


def scenario_of(directory, calibration):
    directory = pathlib.Path(directory)
    conditions = json.loads((directory / "conditions.json").read_text(encoding="utf-8"))
    take("conditions.json", conditions, {
        "kernel": True, "guest": True, "sysctl": True, "queue": True, "disks": True,
        "service_model": True, "filesystem": True, "workload": True, "sampling_ms": True,
        "time_zero": True,
        "thresholds": True,
        "summary": False,  # results
    }, "")
    require("service_model", conditions["service_model"], (SERVICE_MODEL,), "not modelled")
    workload = take("workload", conditions["workload"], {
        "experiment": True, "description": True, "jobs": True, "layout": True,
        "metadata_pinned": True,
        "bytes_total": False,  # a result
        "writers": True,
    }, "workload.")
    soft_block_bytes, filesystems = ext2_layout.filesystems_of(directory, conditions, CannotExpress)
    raw_disks = {job["disk"] for job in workload["jobs"] if job["path"] == "raw"}
    mounted = {job["disk"] for job in workload["jobs"] if job["path"] != "raw"}
    if raw_disks & mounted:
        raise CannotExpress("workload.jobs: one disk used raw and through a file system")
    release = conditions["kernel"]["release"]
    written = written_at_start(directory, conditions)
    return {"schema": "wbsim-scenario/1",
            "name": f"{workload['experiment']}-{release}",
            "description": workload["description"],
            "source": f"recording of Linux {release}, experiment {workload['experiment']}",
            "kernel": kernel_section(conditions),
            "machine": machine_section(conditions, cpu_costs_of(release, calibration)),
            "vm": vm_section(conditions),
            "devices": [device(disk, queue_settings(conditions),
                               soft_block_bytes if disk["name"] in raw_disks else None, written)
                        for disk in conditions["disks"]],
            "filesystems": filesystems,
            "workloads": [job_section(job, raw_disks, workload["writers"])
                          for job in workload["jobs"]],
            "run": run_section(directory, conditions, calibration)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--calibration", type=pathlib.Path, default=DEFAULT_CALIBRATION)
    options = parser.parse_args()
    calibration = json.loads(options.calibration.read_text(encoding="utf-8"))
    try:
        scenario = scenario_of(options.directory, calibration)
    except CannotExpress as error:
        print(f"{options.directory}: {error}", file=sys.stderr)
        return 2
    json.dump(scenario, sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
