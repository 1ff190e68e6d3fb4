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
                   round in a region that is; their longer call, where the page had been written
dirty_page         out meanwhile, is for a page that was clean.
page_fault         a store through a mapping to a page that is in memory.
sample_cost        the longest of those calls: the recorder's sampler ran in it.
sample_disk        how much later the first job begins for each disk sampled beside the first: once
                   the sample at the start is taken.
tree_level         how much longer calls become at page 4096, for each page: a level more.
tree_node          how much longer those of a writer at random are that make a node of the tree.
write_buffer,      the same call where a page has several buffers and one is written, for each
dirty_buffer       further one; and where all are written, besides.
balance_dirty,     how much longer a call is in which the task looked at the limits; in which the
timer_tick,        timer ticked; of the first call that begins after a tick: it changes the file's
update_time        times.
clock_check        the recorder's: what a call costs besides of a job that stops by the clock.
dirty_bytes        what a new page costs besides under vm.dirty_bytes: node_dirty_ok() then counts
                   the dirtyable memory for each.
indirect_block     how much longer calls become where a file of ext2 needs an indirect block more.
extent_level       how much longer they are where the tree of its pieces has a level more.
allocate_block     the same call into a new file of a file system, for each block, without those.
writeback_page,    time between two issues of full requests by a flusher nobody interrupts, less
writeback_by_bio,  what a request costs, for each page: of a file whose pages go many to a bio
writeback_by_buffers,  (before the first of them the pages are taken: calibrate_chains.py); of pages
writeback_buffer   with one buffer and with several, the difference being the buffers'. The least
                   is what any page costs, the rest what one of either kind costs besides.
complete_page, ... how much longer calls are that a full request ends in, for each page of it, and
                   of a file those that the last of a bio ends in, for each page of the bio.
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
from calibrate_blocks import allocation_costs, extent_level, indirect_block
from calibrate_common import COPY_NS_PER_KIB, VIRTUAL_CLOCKS
from calibrate_chains import page_completion, page_taking
from calibrate_interrupts import commonest, completion_costs, full_sectors, reclaim_cost
from calibrate_writes import PAGE_BATCH, buffered_sequences, usual, write_costs
from job_language import PAGE_BYTES as PAGE

BUSY_SHARE = 0.9  # of the most requests a sample saw: the disk had enough to do
ALIKE = 0.03  # times of one kind of request
BIOS_A_SLAB = 16
SECTOR = 512
INITIAL_JIFFIES = -300  # seconds, as 32 bits


class Recorded:
    """One experiment, read as far as it is asked for."""

    hz = spec_recording.HZ

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

    def offsets(self, number):
        return self.writes["offset"][self.writes["job"] == number]

    def all_logged(self, number):
        told = self.summary["jobs"][f"job{number}"]["write_us"]
        return told and told["n"] == len(self.calls(number)[0])

    def blocks_a_page(self, job):
        held = {hold["path"]: hold.get("bsz", PAGE) for hold in self.spec.holds}
        return PAGE // held.get(job["path"], PAGE)

    def raw(self, job):
        return job.get("path", "").startswith("/dev/")

    def file_system(self, job):
        """(as it was made, bytes of a block), or (None, 4096) of a job that uses none."""
        for made, mount in zip(self.conditions["file_systems"], self.guest.mounts):
            if job["path"].startswith(mount.directory + "/"):
                return made, int(made.rpartition("-b ")[2]) if "-b " in made else PAGE
        return None, PAGE

    def disk_rests(self, number):
        told = self.summary["jobs"][f"job{number}"]
        return not any(told["first_s"] <= event.t_s <= told["end_s"]
                       for event in self.events("block_rq_issue", "balance_dirty_pages"))


def median_store(experiments):
    """The median store of the first job that maps its file, or None."""
    for experiment in experiments:
        for number, job in enumerate(experiment.spec.jobs):
            if job["op"] == "mmap":
                return experiment.summary["jobs"][f"job{number}"]["write_us"]["p50"]
    return None


def issue_intervals(experiment):
    """us between two issues of full requests, one after another on the disk, by one thread that
    waited for no other one to end."""
    last = None
    for event in experiment.events("block_rq_issue", "block_rq_complete"):
        fields = event.fields
        if event.name == "block_rq_complete":
            last = None
            continue
        if last and fields["rwbs"] == "W" and event.thread == last[0]:
            if int(fields["nr_sector"]) == last[2] and int(fields["sector"]) == last[3]:
                yield (event.t_s - last[1]) * 1e6, last[2]
        sectors = int(fields["nr_sector"])
        last = (event.thread, event.t_s, sectors, int(fields["sector"]) + sectors)


def submission_costs(experiments, slab, request=0.0):
    """{(how pages go, events of each page in the trace): us a page, less what requests cost and, of
    bios, new slabs}; how: 0 of a file, else the number of buffers, and so of bios, of a page."""
    found = collections.defaultdict(list)
    for experiment, _, job in buffered_sequences(experiments):
        if len(experiment.spec.jobs) != 1:
            continue
        made, block = experiment.file_system(job)
        if made == "ext4" or block != PAGE:
            continue  # writes through a path of its own, or by buffers as well
        full = full_sectors(experiment)
        intervals = [us for us, sectors in issue_intervals(experiment) if sectors == full]
        if len(intervals) < 20:
            continue
        us, often = commonest(intervals)
        if often >= 20:
            # For the pages of bios, some find the processor's list empty and some do not.
            us = statistics.mean(other for other in intervals if abs(other - us) < ALIKE * us)
            how = 0 if made else experiment.blocks_a_page(job)
            pages = full / 8
            us -= request + slab * how * pages / BIOS_A_SLAB
            found[how, job_language.events_of_each_page(experiment.spec)].append(us / pages)
    return {how: statistics.median(values) for how, values in found.items()}


def parts(costs):
    """(a page; besides, one that goes many to a bio; besides, one that goes by buffers; each
    buffer)."""
    one, several = costs[1], max(how for how in costs if how > 0)
    a_buffer = (costs[several] - one) / (several - 1) if several > 1 else 0.0
    shared = costs.get(0, one - a_buffer)
    page = min(shared, one - a_buffer)
    return page, shared - page, one - a_buffer - page, a_buffer


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


def sample_disk(experiments):
    """us; jobs that look at the clock before their first call begin later for that, too."""
    began = {}
    for experiment in experiments:
        job = experiment.spec.jobs[0]
        t_us, _ = experiment.calls(0)
        if len(t_us) and not {"rate", "period_ms", "start_ms"} & job.keys():
            sampled_us = recording.table(experiment.directory, "series")["t_s"][0] * 1e6
            began.setdefault(len(experiment.spec.disks), []).append(float(t_us[0] - sampled_us))
    if 1 not in began or len(began) == 1:
        return 0.0
    one = statistics.median(began.pop(1))
    return statistics.median((us - one) / (disks - 1) for disks, all_us in began.items()
                             for us in all_us)


def calibrate(directories):
    experiments = [Recorded(directory) for directory in directories]
    if not any(clock in experiments[0].conditions["qemu"] for clock in VIRTUAL_CLOCKS):
        raise SystemExit(f"qemu says none of {VIRTUAL_CLOCKS}: the copy speed is not known")
    costs = write_costs(experiments)
    costs["indirect_block"] = indirect_block(experiments, costs["tree_level"])
    costs["extent_level"] = extent_level(experiments, costs["tree_level"], costs["indirect_block"])
    single = costs["write_syscall"] + costs["page"]
    ended = completion_costs(experiments)
    call, taken, service = direct_page(experiments)
    switch = seen_idle(experiments) - (taken - service) - ended[1]
    next_issue = one_at_a_time(experiments) - ended[1] - switch  # a page and a request
    slab = costs["refill"] * (1 + 1 / PAGE_BATCH)  # and its page
    with_request = submission_costs(experiments, slab)[1, 0]
    traced = submission_costs(experiments, slab, next_issue - with_request)
    request = next_issue - traced[1, 0]
    submission = {how: us for (how, events), us in traced.items() if events == 0}
    if 0 in submission:
        submission[0] += page_taking(experiments)
    page, by_bio, by_buffers, a_buffer = parts(submission)
    of_files = page_completion(experiments)
    if of_files is not None:
        ended[0] = of_files
    end_page, end_by_bio, end_by_buffers, end_buffer = parts(ended)
    fault = median_store(experiments)
    fields = {
        "write_syscall": costs["write_syscall"], "update_time": costs["update_time"],
        "write_page": (costs["page"] - costs["new_page"] - costs["dirty_page"] - costs["buffer"]
                       - costs["dirty_buffer"] - PAGE / 1024 * COPY_NS_PER_KIB / 1000),
        "tree_level": costs["tree_level"], "tree_node": costs["tree_node"],
        "indirect_block": costs["indirect_block"],
        "extent_level": costs["extent_level"],
        "new_page": costs["new_page"], "dirty_page": costs["dirty_page"],
        "page_fault": fault or 0.0,
        "write_buffer": costs["buffer"], "dirty_buffer": costs["dirty_buffer"],
        "balance_dirty": costs["balance_dirty"], "timer_tick": costs["timer_tick"],
        "refill": costs["refill"], "lru_batch": costs["lru_batch"],
        "copy_per_kib": COPY_NS_PER_KIB / 1000, "writeback_page": page,
        "writeback_by_bio": by_bio, "writeback_by_buffers": by_buffers,
        "writeback_buffer": a_buffer,
        "request": request, "context_switch": switch,
        "complete_page": end_page, "complete_by_bio": end_by_bio,
        "complete_by_buffers": end_by_buffers, "complete_buffer": end_buffer,
        "complete_request": taken - service, "reclaim_page": reclaim_cost(experiments),
        "user_call": costs["user_call"]}
    return {"cpu_costs": {name: f"{round(us * 1000)}ns" for name, us in fields.items()},
            "allocate_block": {kind: f"{round(us * 1000)}ns" for kind, us in
                               allocation_costs(experiments, costs).items()},
            "sample_cost": f"{round(costs['sample'] * 1000)}ns",
            "sample_disk": f"{round(sample_disk(experiments) * 1000)}ns",
            "clock_check": f"{round(costs['clock_check'] * 1000)}ns",
            "dirty_bytes": f"{round(costs['dirty_bytes'] * 1000)}ns",
            "trace_event": f"{round(trace_event_cost(traced) * 1000)}ns",
            "first_tick": f"{first_tick_ms(experiments, spec_recording.HZ)}ms",
            "dirty_limit": dirty_limit(experiments), "inodes": inodes_in_use(experiments),
            "measured": {"one-page write(), us": round(single, 3),
                         **{f"submission of a page, {how} buffers, us": round(us, 3)
                            for how, us in sorted(submission.items())},
                         **{f"completion of a page, {how} buffers, us": round(us, 3)
                            for how, us in sorted(ended.items())},
                         "direct one-page write, us": round(call, 1)}}
