"""The scenario of a recording whose conditions.json has `workload.jobs`, as those of 2.6 and 3.10.

Every field of conditions.json is either expressed in the scenario or listed here as having no
effect, with the reason. Anything else is an error that names the field.
"""

import re
from fractions import Fraction

import ext2_layout
import first_look
import recording
from scenario_words import (CannotExpress, PAGE_BYTES, cpu_costs_of, duration, exact, require, size,
                            take, vm_section)

SECTOR_BYTES = 512
LEAST_DIRTY_RATIO = 5  # the kernels take a smaller one for this
DEFAULT_WRITEBACK_CENTISECS = 500
SERVICE_MODEL = (
    "t = overhead + (0 if 0 <= start - head <= near_sectors else seek_base + seek_full * "
    "|start - head| / capacity_in_sectors) + bytes / bandwidth; back-to-back requests start when "
    "the previous one ends; one at a time")
FSYNC_NOTE = "next start is the first multiple of the period not before the previous fsync ended"
# The recorder goes on until clean for 1 s, or for 60 s after the last writer.
SETTLE_S = 1
RECORDED_AFTER_WRITERS_S = 60
FIRST_RECLAIM_MS = 1000  # takes less, the waits for what cannot be freed included


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
    require("kernel.smp", kernel["smp"], (True, False), "not a truth value")
    release = kernel["release"]
    preset = release if release.startswith("2.6.") else ".".join(release.split(".")[:2])
    return {"preset": preset, "hz": kernel["HZ"], "smp": kernel["smp"]}


# In the recordings of these a writer whom the flusher interrupts goes on afterwards, until a tick:
# their schedulers count ticks on that machine. (On 2.6.31 it is the last buddy.)
SCHED_CLOCK_IS_JIFFIES = ("2.6.24",)

# Pages that a kernel's memory lacked when it took its first dirty limit, at boot: those it had
# used, and its init sections and initramfs, given back later. By calibrate_boot.py.
TAKEN_AT_BOOT = {"3.10.4": 1183}
DIRTY_RATIO_AT_BOOT = 20


def at_start(directory):
    """Free pages and pages on the LRU lists in the last sample before the writers start, or the
    first."""
    series = recording.table(directory, "series")
    last = max((i for i, t_s in enumerate(series["t_s"]) if t_s < 0), default=0)
    lists = [name for name in ("nr_active", "nr_inactive", "nr_active_file", "nr_inactive_file")
             if name in series]
    return int(series["nr_free_pages"][last]), sum(int(series[name][last]) for name in lists)


def machine_section(directory, conditions, cpu_costs, by_boot):
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
    jiffies = conditions["kernel"]["release"] in SCHED_CLOCK_IS_JIFFIES
    free, on_lru = at_start(directory)
    return {"memory": size(int(total[1]) * 1024), "cpus": conditions["kernel"]["cpus"],
            "sched_clock": "jiffies" if jiffies else "tsc",
            "free_at_start": size(free * PAGE_BYTES),
            "file_cache_at_start": size(cached_pages_at_start(conditions, free, on_lru)
                                        * PAGE_BYTES),
            **dirty_limit_at_start(conditions),
            **unfreeable_at_start(directory, conditions),
            **dirtied_at_start(directory, conditions, by_boot),
            "cpu_costs": cpu_costs}


def memory_kib(conditions):
    return int(conditions["guest"]["MemTotal"].split()[0])


def dirty_limit_at_start(conditions):
    """Where boot left it, and nobody set a limit since."""
    release, sysctl = conditions["kernel"]["release"], conditions["sysctl"]
    if (release not in TAKEN_AT_BOOT or int(sysctl.get("dirty_bytes", 0)) != 0
            or int(sysctl["dirty_ratio"]) != DIRTY_RATIO_AT_BOOT):
        return {}
    pages = memory_kib(conditions) * 1024 // PAGE_BYTES - TAKEN_AT_BOOT[release]
    return {"dirty_limit_at_start": size(pages * DIRTY_RATIO_AT_BOOT // 100 * PAGE_BYTES)}


def cached_pages_at_start(conditions, free, on_lru):
    """What counts as dirtyable beside free memory. A limit that is a share of it says it exactly
    where it was read at the start (the kernels differ in which LRU pages they count)."""
    sysctl, limits = conditions["sysctl"], conditions["thresholds"]
    if recording.kernel_number(conditions["kernel"]["release"]) >= (3,):
        return on_lru  # the simulator takes the kernel's reserves off itself
    limit = limits.get("DirtyThresh_pages_at_start")
    background = limits.get("BackgroundThresh_pages_at_start")
    if limit is not None and int(sysctl.get("dirty_bytes", 0)) == 0:
        dirtyable = limit * 100 // max(int(sysctl["dirty_ratio"]), LEAST_DIRTY_RATIO)
    elif (background is not None and int(sysctl.get("dirty_background_bytes", 0)) == 0
          and int(sysctl["dirty_background_ratio"]) > 0 and background < limit // 2):
        dirtyable = background * 100 // int(sysctl["dirty_background_ratio"])
    else:
        return on_lru
    return max(dirtyable - free, 0)


def queue_settings(conditions):
    queue = take("queue", conditions["queue"], {
        "scheduler": True, "nr_requests": True, "max_sectors_kb": True, "max_segments": True,
        "read_ahead_kb": True}, "queue.")
    chosen = re.search(r"\[(\w+)\]", queue["scheduler"])
    scheduler = chosen[1] if chosen else queue["scheduler"]
    require("queue.scheduler", scheduler, ("deadline", "noop"), "elevator not modelled")
    return dict(queue, scheduler=scheduler)


def written_at_start(directory, conditions):
    """Bytes each disk was written before the first sample: its share of the limits follows."""
    series = recording.table(directory, "series")
    return {disk["name"]: size(int(series[disk["name"] + "_wr_sectors"][0]) * SECTOR_BYTES)
            for disk in conditions["disks"]}


def heads_at_start(directory, conditions):
    """The sector at which the head of each disk that seeks stood before its first request."""
    disks = [disk["name"] for disk in conditions["disks"]]
    if not any(disk["seek_base_us"] or disk["seek_full_us"] for disk in conditions["disks"]):
        return {}
    requests = recording.group_by(recording.table(directory, "requests"), "disk", disks)
    return {disk: int(rows["head_before"][0]) for disk, rows in requests.items()
            if len(rows["head_before"])}


def dirtied_at_start(directory, conditions, by_boot):
    """Pages dirtied before the start, by boot and to make the file systems: as many as the disks
    were written, unless the writers' first look at the limits says otherwise."""
    if by_boot is None:
        return {}
    series = recording.table(directory, "series")
    sectors = sum(int(series[disk["name"] + "_wr_sectors"][0]) for disk in conditions["disks"])
    pages = by_boot + sectors * SECTOR_BYTES // PAGE_BYTES
    look = first_look.first_look(directory, conditions, sum(at_start(directory)))
    return {"dirtied_at_start": size(PAGE_BYTES * (first_look.agreeing(pages, look) if look
                                                   else pages))}


def unfreeable_at_start(directory, conditions):
    """Up to 2.6.27 pages that nobody can free (of the initramfs, and held metadata) lie on the
    inactive list. Reclaim moves them to the active one as soon as memory is full."""
    if recording.kernel_number(conditions["kernel"]["release"]) >= (2, 6, 28):
        return {}
    series = recording.table(directory, "series")
    active = [int(pages) for pages in series["nr_active"]]
    # The zones' watermarks are multiples of it, up to 3/2.
    full_pages = int(conditions["sysctl"]["min_free_kbytes"]) * 1024 // PAGE_BYTES * 4
    full = next((i for i, free in enumerate(series["nr_free_pages"]) if int(free) < full_pages),
                None)
    span = FIRST_RECLAIM_MS // conditions["sampling_ms"]
    if full is None or full <= span or full + span >= len(active):
        return {}
    moved = max(active[full:full + span]) - active[full - 1]
    usual = active[full - 1] - active[full - 1 - span]  # pages that are dirtied again
    return {"unfreeable_at_start": size(max(moved - usual, 0) * PAGE_BYTES)}


def device(disk, queue, soft_block_bytes, written, heads):
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
    if disk["name"] in heads:
        result["head_at_start"] = heads[disk["name"]]
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
    memory_bytes = memory_kib(conditions) * 1024
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


def recorder(conditions, series, calibration):
    """Processor time that the recording itself took."""
    calibrated = calibration["kernels"][conditions["kernel"]["release"]]
    costs, kept = calibrated["sample_cost_us"], calibrated["kept_pages"]
    table = {"kept_pages": size(kept["pages"] * PAGE_BYTES),
             "kept_pages_search": f"{kept['search_ns']}ns"} if kept else {}
    first_s = min(t_s for t_s in series["t_s"] if t_s >= 0)
    each = costs["each"] + costs["disk"] * len(conditions["disks"])
    # By then it had read the clock only.
    return {"sample_cost": f"{each}us", "thread_census": f"{costs['census']}us",
            **table, "first_sample_delay": duration(Fraction(int(first_s * 1000), 1000))}


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
            "flusher_threads_at_start": flusher_threads_at_start(series),
            **recorder(conditions, series, calibration)}


def scenario_of(directory, conditions, calibration):
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
            "machine": machine_section(directory, conditions, cpu_costs_of(release, calibration),
                                       calibration["kernels"][release].get("dirtied_by_boot")),
            "vm": vm_section(conditions["sysctl"]),
            "devices": [device(disk, queue_settings(conditions),
                               soft_block_bytes if disk["name"] in raw_disks else None, written,
                               heads_at_start(directory, conditions))
                        for disk in conditions["disks"]],
            "filesystems": filesystems,
            "workloads": [job_section(job, raw_disks, workload["writers"])
                          for job in workload["jobs"]],
            "run": run_section(directory, conditions, calibration)}
