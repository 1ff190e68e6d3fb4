"""CPU costs out of recordings with a job language; calibrate.py asks for them.

As in calibrate.py nothing is fitted to a simulated result. No experiment is known by name: each
cost is read from every job or trace that isolates it. Pages are of 4 KiB; times in us.

user_call          gap between two calls that were all logged.
write_page,        calls of one and of several pages into the cache while the disk rests: a
write_syscall      straight line, of calls in which no batch ends. The kernel puts new pages on the
lru_batch          LRU lists 15 at a time, takes 63 pages at a time from the zone and 39 buffer
refill             heads from a slab page: every 15th page is longer by the one, every 63rd and 39th
                   by the other.
new_page           the same call to a page that was not in memory, less that of writers who go
                   round in a region that is.
page_fault         a store through a mapping to a page that is in memory.
sample_cost        the longest of those calls: the recorder's sampler ran in it.
write_buffer       the same call where a page has several buffers, for each further one.
allocate_block     the same call into a new file of a file system, for each block.
writeback_page     time between two issues of full requests by a flusher nobody interrupts, for
                   each page: of a file whose pages go many to a bio; of pages with one buffer and
writeback_buffer,  with several, the difference being the buffers' and the rest what a page that
writeback_by_buffers  goes buffer by buffer costs besides.
complete_page,     how much longer calls are that a full request ends in, for each page of it: of a
complete_by_buffers,  file whose pages go many to a bio, and as for the submission of pages that go
complete_buffer    buffer by buffer.
complete_request   issue to completion of a direct one-page request, less the service.
request,           from the end of a one-page request to the issue of the next where a disk takes
context_switch     one at a time, less the rest of that end and the submission of a page: waking the
                   flusher, allocating and issuing. The kernel sees the disk idle until the request
                   is allocated, so what it counts as busy parts the two.
reclaim_page       how much longer calls are in which kswapd ran, for each page it takes at a time.
trace_event        the recorder's: how much longer submission takes where a trace has events of each
                   page, for each of them.
first_tick         jiffies in the trace against the time of the event.
dirty_limit        what the first look at the limits found: pages.
inodes             in use: what a periodic work on a clean machine asks for.
"""

import collections
import statistics

import numpy

import guest_setup
import job_language
import recording
import spec_recording
import trace_events
from calibrate_common import COPY_NS_PER_KIB, VIRTUAL_CLOCKS
from calibrate_interrupts import commonest, completion_costs, full_sectors, reclaim_cost
from job_language import PAGE_BYTES as PAGE

LRU_BATCH, PAGE_BATCH, HEADS_A_SLAB = 15, 63, 39
USUAL_SPREAD = 0.25
BUSY_SHARE = 0.9  # of the most requests a sample saw: the disk had enough to do
SECTOR = 512
INITIAL_JIFFIES = -300  # seconds, as 32 bits


class Recorded:
    """One experiment, read as far as it is asked for."""

    def __init__(self, directory):
        self.directory = directory
        self.conditions = recording.conditions_of(directory)
        self.spec = job_language.parse(self.conditions["spec"])
        self.guest = guest_setup.parse(self.conditions["setup"])
        self.summary = recording.summary_of(directory)
        self.writes = recording.table(directory, "writes")

    def events(self, *names):
        return trace_events.recorded(self.directory, set(names))

    def calls(self, number):
        mine = self.writes["job"] == number
        return self.writes["t_us"][mine], self.writes["lat_us"][mine]

    def all_logged(self, number):
        told = self.summary["jobs"][f"job{number}"]["write_us"]
        return told and told["n"] == len(self.calls(number)[0])

    def blocks_a_page(self, job):
        held = {hold["path"]: hold.get("bsz", PAGE) for hold in self.spec.holds}
        return PAGE // held.get(job["path"], PAGE)

    def raw(self, job):
        return job.get("path", "").startswith("/dev/")

    def file_blocks_a_page(self, job):
        kind, block = file_block_bytes(self, job)
        return PAGE // block if kind else 0

    def disk_rests(self, number):
        told = self.summary["jobs"][f"job{number}"]
        return not any(told["first_s"] <= event.t_s <= told["end_s"]
                       for event in self.events("block_rq_issue", "balance_dirty_pages"))


def buffered_sequences(experiments):
    """(experiment, number, job) of plain sequential buffered writers of whole blocks."""
    for experiment in experiments:
        for number, job in enumerate(experiment.spec.jobs):
            plain = job["op"] == "seq" and not {"direct", "read", "wlen", "rate"} & set(job)
            if plain and "cgroup" not in job:
                yield experiment, number, job


def fast(latency_us):
    return float(numpy.percentile(latency_us, 10))


def quiet_calls(experiments):
    """{pages of a call: [latencies]} of raw writers with one buffer a page, the disk at rest."""
    found = collections.defaultdict(list)
    gaps = []
    for experiment, number, job in buffered_sequences(experiments):
        if not experiment.raw(job) or experiment.blocks_a_page(job) != 1:
            continue
        if not experiment.all_logged(number) or not experiment.disk_rests(number):
            continue
        t_us, latency = experiment.calls(number)
        gaps.extend(numpy.diff(t_us) - latency[:-1])
        found[job_language.block_bytes(job) // PAGE].append(latency)
    return found, float(numpy.mean(gaps))


def median_of_calls(experiments, wanted):
    """The median call of the first job that is `wanted`, or None."""
    for experiment in experiments:
        for number, job in enumerate(experiment.spec.jobs):
            if wanted(experiment, job):
                return experiment.summary["jobs"][f"job{number}"]["write_us"]["p50"]
    return None


def goes_round(experiment, job):
    """Writes pages that are in memory, most of the time: its region is small."""
    told = experiment.summary["jobs"][f"job{experiment.spec.jobs.index(job)}"]["bytes"]
    return (job["op"] == "seq" and experiment.raw(job) and not {"direct", "wlen"} & set(job)
            and experiment.blocks_a_page(job) == 1 and job_language.block_bytes(job) == PAGE
            and "region" in job and told > 4 * job["region"])


def usual(latency):
    """The mean of the calls in which nothing else happened. Times are of 0.1 us: a median is too
    coarse for what is paid for each of a hundred thousand pages."""
    median = float(numpy.median(latency))
    return float(numpy.mean(latency[numpy.abs(latency - median) < USUAL_SPREAD * median]))


def ends_batch(latency, length):
    """Which calls end a batch of `length`: every so manieth, from where those are longest."""
    page = numpy.arange(len(latency))
    sums = [float(numpy.median(latency[page % length == phase])) for phase in range(length)]
    return page % length == int(numpy.argmax(sums))


def one_page_costs(latencies):
    """(a call without any batch, lru_batch, refill)."""
    plain, lru, refill = [], [], []
    for latency in latencies:
        at_lru = ends_batch(latency, LRU_BATCH)
        at_refill = ends_batch(latency, PAGE_BATCH) | ends_batch(latency, HEADS_A_SLAB)
        base = usual(latency[~at_lru & ~at_refill])
        plain.append(base)
        lru.append(usual(latency[at_lru & ~at_refill]) - base)
        refill.append(usual(latency[at_refill & ~at_lru]) - base)
    return statistics.median(plain), statistics.median(lru), statistics.median(refill)


def write_costs(experiments):
    calls, user_call = quiet_calls(experiments)
    several = [pages for pages in calls if pages > LRU_BATCH]
    if 1 not in calls or not several:
        raise SystemExit("the write costs need unthrottled writers of one and of many pages a call")
    single, lru, refill = one_page_costs(calls[1])
    pages = min(several)
    many = statistics.median(map(fast, calls[pages])) - lru * (pages // LRU_BATCH)
    page = (many - single) / (pages - 1)
    syscall = single - page
    again = median_of_calls(experiments, goes_round)
    sample = statistics.median(float(latency.max()) for latency in calls[1]) - single
    return {"user_call": user_call, "write_syscall": syscall, "lru_batch": lru, "refill": refill,
            "page": page, "new_page": single - again if again else 0.0, "sample": sample}


def further_buffer(experiments, single):
    for experiment, number, job in buffered_sequences(experiments):
        blocks = experiment.blocks_a_page(job) if experiment.raw(job) else 1
        if blocks > 1 and job_language.block_bytes(job) == PAGE:
            return (float(numpy.median(experiment.calls(number)[1])) - single) / (blocks - 1)
    return 0.0


def file_block_bytes(experiment, job):
    for kind, mount in zip(experiment.conditions["file_systems"], experiment.guest.mounts):
        if job["path"].startswith(mount.directory + "/"):
            return mount.kind, int(kind.rpartition("-b ")[2]) if "-b " in kind else PAGE
    return None, PAGE


def allocation_costs(experiments, costs):
    """{kind of file system: us a block}."""
    found = collections.defaultdict(list)
    for experiment, number, job in buffered_sequences(experiments):
        kind, block = file_block_bytes(experiment, job)
        pages = job_language.block_bytes(job) // PAGE
        if kind is None or pages == 0 or block != PAGE:
            continue
        known = costs["write_syscall"] + pages * costs["page"]
        known += pages // LRU_BATCH * costs["lru_batch"]
        latency = float(numpy.median(experiment.calls(number)[1]))
        found[kind].append((latency - known) / pages)
    return {kind: statistics.median(values) for kind, values in found.items()}


def issue_intervals(experiment):
    """us between two issues of full requests, one after another on the disk, by one thread."""
    last = None
    for event in experiment.events("block_rq_issue"):
        fields = event.fields
        if last and fields["rwbs"] == "W" and event.thread == last[0]:
            if int(fields["nr_sector"]) == last[2] and int(fields["sector"]) == last[3]:
                yield (event.t_s - last[1]) * 1e6, last[2]
        sectors = int(fields["nr_sector"])
        last = (event.thread, event.t_s, sectors, int(fields["sector"]) + sectors)


def submission_costs(experiments):
    """{(how pages go, events of each page in the trace): us a page}; how: 0 of a file, else the
    number of buffers of a page."""
    found = collections.defaultdict(list)
    for experiment, _, job in buffered_sequences(experiments):
        if len(experiment.spec.jobs) != 1:
            continue
        kind, block = file_block_bytes(experiment, job)
        if kind == "ext4" or block != PAGE:
            continue  # writes through a path of its own, or by buffers as well
        full = full_sectors(experiment)
        intervals = [us for us, sectors in issue_intervals(experiment) if sectors == full]
        if len(intervals) < 20:
            continue
        us, often = commonest(intervals)
        if often >= 20:
            how = 0 if kind else experiment.blocks_a_page(job)
            found[how, job_language.events_of_each_page(experiment.spec)].append(us / (full / 8))
    return {how: statistics.median(values) for how, values in found.items()}


def by_buffers(costs):
    """(a page that goes many to a bio, besides one that goes by buffers, each buffer)."""
    one, several = costs[1], max(how for how in costs if how > 0)
    a_buffer = (costs[several] - one) / (several - 1) if several > 1 else 0.0
    plain = costs.get(0, one - a_buffer)
    return plain, one - a_buffer - plain, a_buffer


def trace_event_cost(submission):
    traced = [(us - submission[how, 0]) / events for (how, events), us in submission.items()
              if events > 0 and (how, 0) in submission]
    return statistics.median(traced) if traced else 0.0


def direct_page(experiments):
    """(call, issue to completion, service) of direct one-page writes, us."""
    for experiment in experiments:
        for number, job in enumerate(experiment.spec.jobs):
            if not job.get("direct") or job_language.block_bytes(job) != PAGE:
                continue
            disk = experiment.guest.disks[job["path"].removeprefix("/dev/")]
            service = (disk["overhead_ns"] + disk["latency_ns"]) / 1000
            service += PAGE / disk["bps"] * 1e6 if disk["bps"] else 0
            issued, taken = {}, []
            for event in experiment.events("block_rq_issue", "block_rq_complete"):
                key = event.fields["sector"]
                if event.name == "block_rq_issue":
                    issued[key] = (event.t_s, event.fields["nr_sector"])
                elif key in issued and issued[key][1] == "8":
                    taken.append((event.t_s - issued[key][0]) * 1e6)
            call = float(numpy.median(experiment.calls(number)[1]))
            return call, statistics.median(taken), service
    raise SystemExit("the request costs need direct writes of 4 KiB")


def of_small_requests(experiments):
    """Those of one disk of depth one that is written at random, a page at a time."""
    for experiment in experiments:
        depths = [disk.get("qd", disk.get("hw_queue_depth"))
                  for disk in experiment.guest.disks.values()]
        if depths == [1] and any(job["op"] == "rand" for job in experiment.spec.jobs):
            yield experiment


def seen_idle(experiments):
    """us for each request that its disk counted as idle, in samples with as many as ever."""
    idle_us, requests = 0.0, 0.0
    for experiment in of_small_requests(experiments):
        series = recording.table(experiment.directory, "series")
        disk = next(iter(experiment.guest.disks))
        t_us, done, busy_us = (numpy.diff(series[column]) * scale for column, scale in
                               (("t_s", 1e6), (f"{disk}_writes", 1), (f"{disk}_io_ms", 1e3)))
        often = done / t_us > BUSY_SHARE * (done / t_us).max()
        idle_us += float((t_us - busy_us)[often].sum())
        requests += float(done[often].sum())
    return idle_us / requests


def one_at_a_time(experiments):
    """us from the end of a one-page request to the issue of the next, of disks of depth one."""
    gaps = []
    for experiment in of_small_requests(experiments):
        ended = None
        for event in experiment.events("block_rq_issue", "block_rq_complete",
                                       "balance_dirty_pages"):
            one_page = event.fields.get("nr_sector") == str(PAGE // SECTOR)
            if event.name == "block_rq_issue" and ended is not None and one_page:
                gaps.append((event.t_s - ended) * 1e6)
            ended = event.t_s if event.name == "block_rq_complete" and one_page else None
    if not gaps:
        raise SystemExit("the request costs need one-page requests to a disk of depth one")
    return usual(numpy.array(gaps))


def first_tick_ms(experiments, hz):
    """No event can come before the tick of its jiffies."""
    latest = []
    initial = INITIAL_JIFFIES * hz % 2**32
    for experiment in experiments:
        uptime = experiment.conditions["t0_uptime_s"]
        for event in experiment.events("writeback_queue_io"):
            if event.fields["age"] == "0":
                ticks = (int(event.fields["older"]) - initial) % 2**32
                latest.append(uptime + event.t_s - ticks / hz)
    return int(min(latest) * 1000)


def dirty_limit(experiments):
    for experiment in experiments:
        if any(name.startswith("dirty_") for name in experiment.guest.vm):
            continue
        for event in experiment.events("global_dirty_state"):
            return int(event.fields["dirty_limit"])
    return None


def inodes_in_use(experiments):
    """A periodic work asks for every dirty page and every inode in use, less what its rounds have
    written: on a clean machine for the inodes alone. The least of most experiments is that."""
    least = []
    for experiment in experiments:
        asked = [int(event.fields["nr_pages"]) for event in experiment.events("writeback_start")
                 if event.fields["for_kupdate"] == "1"]
        if asked:
            least.append(min(asked))
    return statistics.median_low(least)


def calibrate(directories):
    experiments = [Recorded(directory) for directory in directories]
    if not any(clock in experiments[0].conditions["qemu"] for clock in VIRTUAL_CLOCKS):
        raise SystemExit(f"qemu says none of {VIRTUAL_CLOCKS}: the copy speed is not known")
    costs = write_costs(experiments)
    single = costs["write_syscall"] + costs["page"]
    buffer = further_buffer(experiments, single)
    traced = submission_costs(experiments)
    submission = {how: us for (how, events), us in traced.items() if events == 0}
    plain, buffered, a_buffer = by_buffers(submission)
    ended = completion_costs(experiments)
    end_plain, end_buffered, end_buffer = by_buffers(ended)
    fault = median_of_calls(experiments, lambda _, job: job["op"] == "mmap")
    call, taken, service = direct_page(experiments)
    rest = one_at_a_time(experiments) - submission[1] - ended[1]
    switch = seen_idle(experiments) - (taken - service) - ended[1]
    fields = {
        "write_syscall": costs["write_syscall"],
        "write_page": (costs["page"] - costs["new_page"] - buffer
                       - PAGE / 1024 * COPY_NS_PER_KIB / 1000),
        "new_page": costs["new_page"], "page_fault": fault or 0.0,
        "write_buffer": buffer, "refill": costs["refill"], "lru_batch": costs["lru_batch"],
        "copy_per_kib": COPY_NS_PER_KIB / 1000, "writeback_page": plain,
        "writeback_by_buffers": buffered, "writeback_buffer": a_buffer,
        "request": rest - switch, "context_switch": switch,
        "complete_page": end_plain, "complete_by_buffers": end_buffered,
        "complete_buffer": end_buffer, "complete_request": taken - service,
        "reclaim_page": reclaim_cost(experiments),
        "user_call": costs["user_call"]}
    return {"cpu_costs": {name: f"{round(us * 1000)}ns" for name, us in fields.items()},
            "allocate_block": {kind: f"{round(us * 1000)}ns" for kind, us in
                               allocation_costs(experiments, costs).items()},
            "sample_cost": f"{round(costs['sample'] * 1000)}ns",
            "trace_event": f"{round(trace_event_cost(traced) * 1000)}ns",
            "first_tick": f"{first_tick_ms(experiments, spec_recording.HZ)}ms",
            "dirty_limit": dirty_limit(experiments), "inodes": inodes_in_use(experiments),
            "measured": {"one-page write(), us": round(single, 3),
                         **{f"submission of a page, {how} buffers, us": round(us, 3)
                            for how, us in sorted(submission.items())},
                         **{f"completion of a page, {how} buffers, us": round(us, 3)
                            for how, us in sorted(ended.items())},
                         "direct one-page write, us": round(call, 1)}}
