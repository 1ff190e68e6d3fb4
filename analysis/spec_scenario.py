"""The scenario of a recording whose conditions.json has `setup` and `spec` lines, as those of 6.1.

Every line and every field is either expressed in the scenario or listed here as having no effect,
with the reason. Anything else is an error that names it.
"""

import re
from fractions import Fraction

import cgroup_words
import guest_setup
import job_language
import memory_at_start
import recording
import trace_events
from scenario_words import (CannotExpress, PAGE_BYTES, cpu_costs_of, duration, require, size, take,
                            vm_section)

SERVICE_MODEL = (
    "svcdisk: start=max(now,busy_until); busy_until=start+overhead_ns+bytes*1e9/bps; completion at "
    "busy_until+latency_ns; at most qd requests in the driver")
NULL_BLK_MODEL = "null_blk, see setup"
HZ = 250  # of Debian's kernels
SETTLE_S = 1
LIMIT_MS = 300_000
TIMER_SLACK_S = Fraction(50, 1_000_000)  # of the timers that the runner's processes sleep by
MOST_SCHEDULED = 128  # requests of the hardware that blk_mq_init_sched() doubles
INFINITE_RATE = "1000GB/s"  # a transfer that takes no time: 4 ns a page
# null_blk irqmode: a request completes at once (none), in a soft interrupt, or after a fixed time.
AT_ONCE, SOFT_INTERRUPT, TIMER = 0, 1, 2
# Only these words of the kernel's command line: they neither change write-back nor its timing.
HARMLESS_ARGUMENTS = re.compile(
    r"(console|loglevel|panic|memmap|random\.trust_cpu|root|init|rdinit)=\S*|nokaslr|quiet|"
    r"mitigations=off|tsc=reliable|nowatchdog|transparent_hugepage=never|init_on_alloc=0")
MORE_SYSCTLS_WITHOUT_EFFECT = {
    "dirtytime_expire_seconds": (None, "nothing is mounted with lazytime"),
    "stat_interval": (None, "counters of the simulator are exact at any time"),
}
# ext4 allocates what was delayed 2048 blocks at a time (MAX_WRITEPAGES_EXTENT_LEN), and each such
# piece goes in bios of its own though the next follows it on the disk. A gap says that.
EXT4_PIECE_BYTES = 2048 * PAGE_BYTES
SYSCTLS_THAT_SET_THE_LIMIT = ("dirty_ratio", "dirty_bytes")


def release_of(conditions):
    """6.1 of "Linux version 6.1.0-56-cloud-amd64 ..."."""
    found = re.match(r"Linux version (\d+\.\d+)\.", conditions["kernel"])
    if not found or "debian" not in conditions["kernel"].lower():
        raise CannotExpress(f"kernel = {conditions['kernel']!r}: HZ is only known of Debian's")
    return found[1]


def check_boot(conditions):
    for word in conditions["cmdline"].split():
        if not HARMLESS_ARGUMENTS.fullmatch(word):
            raise CannotExpress(f"cmdline: {word!r} is not known")


def cpus_of(conditions):
    found = re.search(r"-smp (\d+)(?: |$)", conditions["qemu"])
    if not found:
        raise CannotExpress(f"qemu = {conditions['qemu']!r}: no -smp N")
    return int(found[1])


class Names:
    """Which words of the guest are which words of the scenario: disks, partitions, files."""

    def __init__(self, guest, spec):
        self.guest = guest
        self.spec = spec
        self.parts = {f"{self.disk(part['disk'])}p{part['n']}": part for part in spec.parts}

    def disk(self, path):
        name = path.removeprefix("/dev/")
        if name not in self.guest.disks:
            raise CannotExpress(f"{path} is no disk that the setup lines made")
        return name

    def node(self, path):
        """A disk or a partition."""
        name = path.removeprefix("/dev/")
        return name if name in self.parts else self.disk(path)

    def mount(self, path):
        for mount in self.guest.mounts:
            if path == mount.directory or path.startswith(mount.directory + "/"):
                return mount
        raise CannotExpress(f"{path} is on nothing that the setup lines mounted")

    @staticmethod
    def filesystem(mount):
        return mount.directory.strip("/").replace("/", "-")

    def file(self, path):
        mount = self.mount(path)
        inside = path.removeprefix(mount.directory).strip("/").replace("/", "-")
        return f"{self.filesystem(mount)}/{inside or 'files'}"

    def target(self, path):
        return f"/dev/{self.node(path)}" if path.startswith("/dev/") else self.file(path)

    def block_bytes(self, name):
        """Of a device node: what whoever holds it open set, 4096 without."""
        held = {self.node(hold["path"]): hold.get("bsz", PAGE_BYTES) for hold in self.spec.holds}
        return held.get(name, PAGE_BYTES)


def null_blk_words(disk, path):
    take(path, disk, dict.fromkeys(guest_setup.NULL_BLK, False) | {"driver": True}, f"{path}.")
    irqmode = disk.get("irqmode", SOFT_INTERRUPT)
    require(f"{path}.irqmode", irqmode, (AT_ONCE, SOFT_INTERRUPT, TIMER), "not a mode of null_blk")
    for key, plain in (("memory_backed", 0), ("submit_queues", 1)):
        require(f"{path}.{key}", disk.get(key, plain), (plain,), "not modelled for null_blk")
    latency_ns = disk.get("completion_nsec", 10_000) if irqmode == TIMER else 0
    return {"capacity": size(disk["size"] * 2**20),
            "driver_depth": disk.get("hw_queue_depth", 64),
            "bandwidth": INFINITE_RATE, "overhead": "0ns",
            "completion_latency": f"{latency_ns}ns", "mbps": disk.get("mbps", 0)}


def svcdisk_words(disk, path):
    require(f"{path}.wc", disk["wc"], (0,), "a volatile cache is not expressed")
    return {"capacity": size(disk["size_mb"] * 2**20), "driver_depth": disk["qd"],
            "bandwidth": size(disk["bps"]) + "/s" if disk["bps"] else INFINITE_RATE,
            "overhead": f"{disk['overhead_ns']}ns",
            "completion_latency": f"{disk['latency_ns']}ns"}


def queue_words(queue, depth, path):
    take(path, queue, {
        "scheduler": True, "nr_requests": True, "max_sectors_kb": True, "wbt_lat_usec": False,
        "write_cache": True, "nomerges": True, "min_ratio": True, "max_ratio": True,
        "read_ahead_kb": True,
        "rotational": False,  # decides on defaults that stand here as they came out
        "rq_affinity": False,  # which processor completes; there is one
    }, f"{path}.")
    require(f"{path}.write_cache", queue["write_cache"], ("write through",), "not expressed")
    require(f"{path}.nomerges", queue["nomerges"], ("0",), "not expressed")
    chosen = re.search(r"\[([\w-]+)\]", queue["scheduler"])
    words = {"scheduler": chosen[1] if chosen else queue["scheduler"],
             # The pages of a request lie anywhere; the driver takes them all.
             "max_segments": 65535}
    for key in ("max_sectors_kb", "read_ahead_kb", "min_ratio", "max_ratio"):
        words[key] = int(queue[key])
    # blk-mq's own choice for this depth needs no word.
    own = depth if words["scheduler"] == "none" else 2 * min(depth, MOST_SCHEDULED)
    if int(queue["nr_requests"]) != own:
        words["nr_requests"] = int(queue["nr_requests"])
    if "wbt_lat_usec" in queue:
        words["wbt_lat_usec"] = int(queue["wbt_lat_usec"])
    return words


def written_at_start(directory, disks):
    """What mounting had written to the only disk there is."""
    pages = int(recording.table(directory, "series")["nr_written"][0])
    return {"written_at_start": size(pages * PAGE_BYTES)} if pages and len(disks) == 1 else {}


def strict_limit_of(name, guest, bdis):
    """bdis: disk -> major:minor, as the recorder saw them."""
    told = guest.bdi.get(name, {}) | guest.bdi.get(bdis.get(name, {}).get("dev"), {})
    return {"strict_limit": told["strict_limit"] == "1"} if "strict_limit" in told else {}


def device_section(name, names, conditions, bdis):
    disk = names.guest.disks[name]
    known = {**disk}
    words = null_blk_words if known["driver"] == "null_blk" else svcdisk_words
    device = words(known, name)
    queue = queue_words(conditions["queue"][name], device["driver_depth"], f"queue.{name}")
    result = {"name": name, "model": "fixed", **device, **queue,
              **strict_limit_of(name, names.guest, bdis),
              "soft_block_size": size(names.block_bytes(name))}
    parts = [(part_name, part) for part_name, part in names.parts.items()
             if names.disk(part["disk"]) == name]
    if parts:
        result["partitions"] = [
            {"name": part_name, "start": size(part["start"]), "size": size(part["len"]),
             "soft_block_size": size(names.block_bytes(part_name))} for part_name, part in parts]
    return result


def filesystem_sections(names, conditions):
    """Where data lies on ext4 is not told, only where a bio ends."""
    kinds = conditions["file_systems"]
    if len(kinds) != len(names.guest.mounts):
        raise CannotExpress(f"file_systems = {kinds!r}: not one for each mount")
    result = []
    for kind, mount in zip(kinds, names.guest.mounts):
        made = re.fullmatch(r"(ext2|ext4)(?: -b (\d+))?", kind)
        if not made or made[1] != mount.kind:
            raise CannotExpress(f"file_systems: {kind!r} is not known")
        mine = [job for job in names.spec.jobs
                if job.get("path", "").startswith(mount.directory + "/") and job["op"] != "many"]
        files = dict.fromkeys(names.file(job["path"]).partition("/")[2] for job in mine)
        block_bytes = int(made[2] or PAGE_BYTES)
        # Debian's kernel mounts both with the driver of ext4.
        layout = {"driver": "ext4"}
        if made[1] == "ext4":
            layout |= {"journal": True, "extent_size": size(EXT4_PIECE_BYTES),
                       "gap_size": size(block_bytes)}
        result.append({"name": names.filesystem(mount), "type": "ext2",
                       "device": names.node(mount.device), "block_size": size(block_bytes),
                       **layout,
                       "files": [{"name": name, "size": "0B"} for name in files]})
    return result


def kind_words(job):
    op, read = job["op"], bool(job.get("read", 0))
    if op in ("sync", "fsync"):
        return {"rw": op}
    if op == "rand":
        return {"rw": "randread" if read else "randwrite",
                "random_generator": "xorshift64star", "randseed": job["seed"]}
    words = {"rw": "read" if read else "write"}
    if op == "append":
        words["fsync"] = 1
    if op == "mmap":
        words["ioengine"] = "mmap"
    if op == "many":
        words["nrfiles"] = job["count"]
    return words


def rate_words(job):
    if not job.get("rate"):
        return {}
    # Blocks are what counts, even where only a part of each is written.
    rate = Fraction(job["rate"] * job_language.call_bytes(job), job_language.block_bytes(job))
    if rate.denominator != 1:
        raise CannotExpress(f"spec line {job['line']!r}: rate is no whole number of bytes written")
    return {"rate": size(int(rate)) + "/s", "first_wait": True}


def first_begin(directory, spec, calibrated):
    """When the jobs that begin with the run were woken, in s: the recorder's first sample, which
    comes before them, takes longer than the others."""
    told = recording.summary_of(directory)["jobs"]
    began_s = [told[f"job{number}"]["first_s"] for number, job in enumerate(spec.jobs)
               if not job.get("start_ms") and f"job{number}" in told]
    if not began_s:
        return TIMER_SLACK_S
    switch_ns = nanoseconds(calibrated["cpu_costs"]["context_switch"])
    return Fraction(repr(min(began_s))) - Fraction(switch_ns, 10**9)


def pace_words(job, first_begin_s):
    begin_s = (Fraction(job["start_ms"], 1000) + TIMER_SLACK_S if job.get("start_ms")
               else first_begin_s)
    words = {"startdelay": duration(begin_s), **rate_words(job)}
    if job.get("period_ms"):
        words |= {"period": f"{job['period_ms']}ms", "catch_up": True, "first_wait": True}
    if job.get("think_us"):
        words["thinktime"] = f"{job['think_us']}us"
    if job.get("dur_ms"):
        words["runtime"] = f"{job['dur_ms']}ms"
    return words


def many_words(job):
    """New files of `bytes` each, in pieces of wlen."""
    if not job.get("count") or not job.get("bytes"):
        raise CannotExpress(f"spec line {job['line']!r}: op=many needs count and bytes")
    return {"bs": size(min(job.get("wlen", job["bytes"]), job["bytes"])),
            "size": size(job["count"] * job["bytes"])}


def transfer_words(job):
    """What a call transfers, where the next one goes, and how many there are."""
    block, call, offset = (job_language.block_bytes(job), job_language.call_bytes(job),
                           job.get("poff", 0))
    if offset + call > block:
        raise CannotExpress(f"spec line {job['line']!r}: poff + wlen reach beyond the block")
    region = job_language.region_bytes(job)
    words = {"bs": size(call), "offset": size(job.get("base", 0) + offset)}
    if region is not None:
        words["size"] = size(region - offset)
    if call < block:
        if job["op"] == "rand":
            words["blockalign"] = size(block)
        else:
            words |= {"zonesize": size(call), "zoneskip": size(block - call)}
    if job.get("direct"):
        words["direct"] = True
    if job.get("dur_ms"):
        words["time_based"] = True
    elif "bytes" in job:
        words["io_size"] = size(job["bytes"] // block * call)
    else:
        raise CannotExpress(f"spec line {job['line']!r}: neither bytes nor dur_ms")
    if job.get("fsync_end"):
        words["end_fsync"] = True
    return words


def job_section(number, job, names, first_begin_s):
    job = {"seed": number, **job}
    result = {"name": str(number), **kind_words(job)}
    if "cgroup" in job:
        result |= cgroup_words.cgroup_of(job, names.guest.cgroups)
    if job["op"] == "many":
        result["filename"] = names.file(job["path"])
        result |= many_words(job)
    elif "path" in job:
        result["filename"] = names.target(job["path"])
    if job["op"] != "many" and job_language.transfers(job):
        result |= transfer_words(job)
    return result | pace_words(job, first_begin_s)


def allocation_cost(made, calibrated):
    """What a new block costs depends on the file system; a machine has one such cost."""
    made = set(made)
    if len(made) > 1:
        raise CannotExpress(f"file systems of several kinds: {sorted(made)}")
    known = calibrated["allocate_block"]
    costs = {known.get(kind) or known.get(kind.split()[0]) for kind in made}
    return {"allocate_block": cost for cost in costs if cost}  # others: filesystem_sections()


def more(costs, name, times, by):
    costs[name] = f"{nanoseconds(costs[name]) + times * nanoseconds(by)}ns"


def nanoseconds(text):
    return int(text.removesuffix("ns"))


def recorded_costs(names, made, release, calibration):
    """What the recorder did for each page counts as submission, for each call as the program's."""
    spec = names.spec
    calibrated = calibration["kernels"][release]
    costs = cpu_costs_of(release, calibration) | allocation_cost(made, calibrated)
    more(costs, "writeback_page", job_language.events_of_each_page(spec), calibrated["trace_event"])
    if any("dur_ms" in job for job in spec.jobs):
        more(costs, "user_call", 1, calibrated["clock_check"])
    if names.guest.limited_in_bytes():
        more(costs, "new_page", 1, calibrated["dirty_bytes"])
    return costs


def buffers_a_page(names, kinds):
    """Of the smallest blocks that are written: of a file system, or of a device node."""
    blocks = ([int(kind.partition(" -b ")[2] or PAGE_BYTES) for kind in kinds]
              or [hold.get("bsz", PAGE_BYTES) for hold in names.spec.holds])
    return PAGE_BYTES // min(blocks, default=PAGE_BYTES)


def machine_section(conditions, names, directory, release, calibration):
    guest, spec = names.guest, names.spec
    memory = take("meminfo_kB", conditions["meminfo_kB"], {
        "MemTotal": True,
        # As the set-up found them; the first sample says what the jobs found.
        "MemFree": False, "MemAvailable": False, "Cached": False, "Buffers": False}, "meminfo_kB.")
    series = recording.table(directory, "series")
    cached = series["nr_inactive_file"][0] + series["nr_active_file"][0]
    result = {"memory": size(memory["MemTotal"] * 1024), "cpus": cpus_of(conditions),
              "free_at_start": size(int(series["nr_free_pages"][0]) * PAGE_BYTES),
              "file_cache_at_start": size(int(cached) * PAGE_BYTES),
              "inodes_at_start": calibration["kernels"][release]["inodes"],
              "cpu_costs": recorded_costs(names, conditions["file_systems"], release, calibration)}
    limit = dirty_limit_pages(directory, guest, calibration["kernels"][release])
    if limit is not None:
        result["dirty_limit_at_start"] = size(limit * PAGE_BYTES)
    buffers = buffers_a_page(names, conditions["file_systems"])
    # Pages that are dirtied by a store have none until they are written.
    mapped = any(job["op"] == "mmap" for job in spec.jobs)
    at_hand = memory_at_start.pcp_at_start(series, 0 if mapped else buffers)
    if at_hand is not None:
        result["pcp_at_start"] = size(at_hand * PAGE_BYTES)
    result["slab_at_start"] = size(memory_at_start.slab_at_start(series, buffers) * PAGE_BYTES)
    return result


def dirty_limit_pages(directory, guest, calibrated):
    """The tracked limit before the first job: boot left it, or who set a limit."""
    for event in trace_events.recorded(directory, {"global_dirty_state"}):
        return int(event.fields["dirty_limit"])
    return None if set(guest.vm) & set(SYSCTLS_THAT_SET_THE_LIMIT) else calibrated["dirty_limit"]


def vm_words(conditions, guest):
    shown = conditions["sysctl_vm"]
    for name, value in guest.vm.items():
        if shown.get(name, value) != value:
            raise CannotExpress(f"sysctl_vm.{name} = {shown[name]!r}, but setup wrote {value!r}")
    return vm_section({**shown, **guest.vm}, MORE_SYSCTLS_WITHOUT_EFFECT)


PERIODIC = "3"  # reason of a writeback_start


def periodic_start(directory, conditions):
    """When the flusher last looked for old inodes before the first job. It does so at boot, or,
    where something was dirtied before, at its first wake-up after that: mounting dirties blocks."""
    last = None
    for event in trace_events.recorded(directory, {"writeback_start"}):
        if event.t_s >= 0:
            break
        if event.fields["reason"] == PERIODIC:
            last = Fraction(repr(event.t_s)) + Fraction(repr(conditions["t0_uptime_s"]))
    return {} if last is None else {"periodic_start": duration(last)}


def sample_cost(spec, calibrated):
    more_disks = max(len(spec.disks) - 1, 0)
    cost_ns = nanoseconds(calibrated["sample_cost"])
    return f"{cost_ns + more_disks * nanoseconds(calibrated['sample_disk'])}ns"


def run_section(directory, conditions, spec, calibrated):
    settings = spec.settings
    return {"seed": 1, "until": "clean", "settle": duration(SETTLE_S),
            "duration": f"{settings.get('limit_ms', LIMIT_MS)}ms",
            "sample_interval": f"{settings['sample_ms']}ms",
            "uptime_at_start": duration(Fraction(repr(conditions["t0_uptime_s"]))),
            "first_tick": calibrated["first_tick"], "sample_cost": sample_cost(spec, calibrated),
            "recorder_competes": True,
            **periodic_start(directory, conditions)}


def check_model(conditions, guest):
    drivers = {disk["driver"] for disk in guest.disks.values()}
    model = NULL_BLK_MODEL if drivers == {"null_blk"} else SERVICE_MODEL
    require("device_model", conditions["device_model"], (model,), "not modelled")


def scenario_of(directory, conditions, calibration):
    take("conditions.json", conditions, {
        "experiment": True, "description": True, "kernel": True, "cmdline": True, "qemu": True,
        "t0_uptime_s": True, "meminfo_kB": True, "sysctl_vm": True, "queue": True,
        "device_model": True, "file_systems": True, "setup": True, "spec": True,
        "devices": False,  # again what insmod says
        "dirty_memory_at_start": False,  # follows from memory and sysctls
        "run": False, "collected": False,  # which run; results
    }, "")
    check_boot(conditions)
    guest = guest_setup.parse(conditions["setup"])
    spec = job_language.parse(conditions["spec"])
    names = Names(guest, spec)
    check_model(conditions, guest)
    release = release_of(conditions)
    calibrated = calibration["kernels"][release]
    machine = machine_section(conditions, names, directory, release, calibration)
    bdis = recording.summary_of(directory).get("bdis", {})
    begin_s = first_begin(directory, spec, calibrated)
    return {"schema": "wbsim-scenario/1",
            "name": f"{conditions['experiment']}-{release}",
            "description": conditions["description"],
            "source": f"recording of Linux {release}, experiment {conditions['experiment']}",
            "kernel": {"preset": release, "hz": HZ},
            "machine": machine,
            "vm": vm_words(conditions, guest),
            "devices": [device_section(disk, names, conditions, bdis)
                        | written_at_start(directory, guest.disks) for disk in guest.disks],
            "filesystems": filesystem_sections(names, conditions),
            "cgroups": cgroup_words.cgroup_section(guest.cgroups),
            "workloads": [job_section(number, job, names, begin_s)
                          for number, job in enumerate(spec.jobs)],
            "run": run_section(directory, conditions, spec, calibrated)}
