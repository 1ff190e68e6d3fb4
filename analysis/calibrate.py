#!/usr/bin/python3
"""Reads the machine's CPU costs out of recordings: calibrate.py REFERENCE_ROOT [--out FILE].

Nothing here is fitted to a simulated result. Each cost is the solution of a small equation whose
left side was recorded; README of the recordings: one CPU, 1 ns an instruction. The fields are those
of CpuCosts in models/scenario.hpp:

copy_per_kib     not measured: the kernel of these machines copies 8 bytes an instruction
                 (conditions.json, guest.clock says 1 ns an instruction), 128 ns for 1024 bytes.
write_page,      from the unthrottled write() to a file for two or more sizes (the bulk writers'
write_syscall    64 KiB; the fsync-er's 4 KiB, of direct blocks): latency = syscall + pages * (page
                 + buffers * buffer + 4 copies) + indirect blocks on the way, a straight line in
                 the number of pages.
indirect_block   of the pages of a file, those behind two indirect blocks cost so much more than
                 those behind one: the calls of a lone writer before the first write-out.
refill           mean less median of one-page writes to a raw device, for each time the allocators
                 must fetch a new page of buffer heads or tree nodes, or a new batch of pages.
write_buffer     from writes that touch one page with several buffers (raw device, small soft
                 blocks): what is left after syscall, page and copy, for each further buffer.
writeback_page   what submitting a page costs: requests allocated (`queued`) between the first
                 service start of a write-out and a later one, no write() beginning, so that the
                 flusher is the only thread that runs. It fills some 90 queue entries in 10 ms.
writeback_buffer, request
                 the same for one-buffer requests (raw device, small soft blocks), which no
                 recording separates further: split evenly.
complete_request the time a completion takes from whoever runs. One page: how much longer the mean
                 write() is while a raw device completes one-buffer requests at a known pace than
                 before its first request.
complete_page    a full request's completion: how much longer a write() to a file is, before memory
                 is full, in which one ends and the next begins; less complete_request, for each
                 page.
reclaim_page     once memory is full, a write() is now and then longer by the time in which the
                 kernel frees the pages for the writes until the next such write().
user_call        what a writer's own code takes between two calls.
slow_allocation, balance_dirty, wake_flusher
                 see calibrate_limits.py.
context_switch   how long after the tick that woke it a sleeping writer begins its write(): timer
                 interrupt, switch, return to user space.

periodic_start is no cost: the phase of periodic write-back, from data that did nothing but age.
sample_cost_us, kept_pages and dirtied_by_boot: see calibrate_recorder.py.
"""

import argparse
import collections
import json
import pathlib
import statistics

import endings
import numpy

import calibrate_limits
import calibrate_recorder
import calibrate_spec
import ext2_layout
import recording
import spec_scenario
from calibrate_common import COPY_NS_PER_KIB, VIRTUAL_CLOCKS
from scenario_words import CannotExpress

STALL_US = 1000
QUICK_US = 200  # a call that met an interrupt or two, but did not wait
CLOCK_STEP_US = 1  # of recorded times: less is no delay
AGED_S = 30
USUAL_AT_MOST = 4  # medians: what lies above was interrupted
BUFFER_HEADS_A_SLAB = 37  # 104 bytes, and 4 of SLAB beside each
PAGES_A_BATCH = 31  # of a processor's list of free pages
PAGES_A_SLAB_OF_NODES = 7 * 64  # 576 bytes, each for 64 pages
PAGE_KIB = 4
SECTORS_A_PAGE = 8


def soft_block_kib(conditions):
    block_bytes, soft_bytes = ext2_layout.parse_text(conditions, ValueError)
    return (block_bytes or soft_bytes) / 1024


def indirect_levels(block, pointers):
    """So many indirect blocks lie on the way to a block of a file of ext2."""
    return numpy.searchsorted(numpy.cumsum([12, pointers, pointers**2]), block, side="right")


def call_levels(writer, job, kib):
    """Of the last block of each call, calls that lie on both sides of a border told apart by .5."""
    if job["path"] == "raw":
        return numpy.zeros(len(writer.t_s))
    end = numpy.cumsum(writer.call_bytes)
    blocks = [(end - writer.call_bytes) // (kib * 1024), end // (kib * 1024) - 1]
    return sum(indirect_levels(block, kib * 256) for block in blocks) / 2


def first_write_out_s(run):
    return min(float(rows["t_start_s"][0]) for rows in run.requests.values())


def lone_writers(directories):
    """(run, job, its soft block in KiB) of the recordings with one bulk writer."""
    for directory in directories:
        conditions = recording.conditions_of(directory)
        run = recording.load_recorded(directory)
        if len(run.writers) <= 1:
            for job in conditions["workload"]["jobs"]:
                yield run, job, soft_block_kib(conditions)


def indirect_block_us(directories):
    """How much more each page costs behind two indirect blocks than behind one."""
    more = []
    for run, job, kib in lone_writers(directories):
        writer = run.writers.get(str(job["id"]))
        if writer is None or job["path"] == "raw":
            continue
        levels = call_levels(writer, job, kib)
        quick = ((writer.t_s + writer.latency_us * 1e-6 < first_write_out_s(run))
                 & (writer.latency_us < QUICK_US))
        one, two = (writer.latency_us[quick & (levels == level)] for level in (1, 2))
        if len(one) and len(two):
            more.append((numpy.median(two) - numpy.median(one)) / (job["bs"] / 1024 / PAGE_KIB))
    return statistics.median(more) if more else 0.0


def write_sizes(directories, indirect_us):
    """{(raw, pages of a call, KiB of a call, buffers of a page): [(median, mean) latency in us]} of
    writers that are alone: the fsync-er's calls, and the others' before the first write-out,
    without the indirect blocks on the way."""
    found = collections.defaultdict(list)
    for run, job, block_kib in lone_writers(directories):
        kib = job["bs"] / 1024
        pages = max(1, round(kib / PAGE_KIB))
        if job["op"] == "overwrite_and_fsync":  # its first pages: direct blocks
            latency = run.fsyncs[str(job["id"])]["write_us"]
        else:
            writer = run.writers[str(job["id"])]
            latency = writer.latency_us - indirect_us * pages * call_levels(writer, job, block_kib)
            latency = latency[writer.t_s + writer.latency_us * 1e-6 < first_write_out_s(run)]
        latency = latency[latency < USUAL_AT_MOST * numpy.median(latency)]
        found[job["path"] == "raw", pages, kib, round(PAGE_KIB / block_kib)].append(
            (float(numpy.median(latency)), float(numpy.mean(latency))))
    return found


def refills_of_new_page(buffers):
    return buffers / BUFFER_HEADS_A_SLAB + 1 / PAGES_A_BATCH + 1 / PAGES_A_SLAB_OF_NODES


def write_costs(directories):
    """(cost fields in ns, what they were read from)."""
    indirect = indirect_block_us(directories)
    sizes = {key: numpy.median(values, axis=0)
             for key, values in write_sizes(directories, indirect).items()}
    raws = [(kib, buffers, median, mean) for (raw, pages, kib, buffers), (median, mean)
            in sizes.items() if raw and pages == 1 and buffers > 1]
    if not raws:
        raise SystemExit("the write costs need a raw device with small soft blocks")
    kib, buffers, median, mean = raws[0]
    refill = (mean - median) / refills_of_new_page(buffers) * 1000
    # One page finds everything at hand as a rule, many pages never do.
    files = [(pages, median * 1000 if pages == 1 else
              mean * 1000 - pages * refills_of_new_page(1) * refill)
             for (raw, pages, _, _), (median, mean) in sizes.items() if not raw]
    if len(files) < 2:
        raise SystemExit("the write costs need files written with two sizes")
    slope, intercept = numpy.polyfit([pages for pages, _ in files], [ns for _, ns in files], 1)
    syscall = max(intercept, 0.0)
    page_with_buffer = slope - PAGE_KIB * COPY_NS_PER_KIB
    # One page: syscall + page + all its buffers + copy; page_with_buffer has one of the buffers.
    rest = median * 1000 - syscall - page_with_buffer - kib * COPY_NS_PER_KIB
    buffer = max(rest / (buffers - 1), 0.0)
    fields = {"write_syscall": syscall, "write_page": page_with_buffer - buffer,
              "write_buffer": buffer, "indirect_block": indirect * 1000, "refill": refill,
              "copy_per_kib": COPY_NS_PER_KIB}
    measured = {("raw" if raw else "file") + f" write() of {kib:g} KiB, us": round(float(us), 3)
                for (raw, _, kib, _), (us, _) in sorted(sizes.items())}
    return fields, measured


def nobody_writes(run, start_s, end_s):
    return not any(((writer.t_s >= start_s) & (writer.t_s < end_s)).any()
                   for writer in run.writers.values())


def grows_until(run, rows, first):
    """The last start at which a flusher that began alone still submits, and nobody else runs. Of
    small requests the second: later the interrupts of those that end take as long as it does."""
    start, queued = rows["t_start_s"], rows["queued"]
    most = 1 if rows["sectors"][first + 1] <= SECTORS_A_PAGE else len(start)
    last = first
    while (last < min(first + most, len(start) - 2) and not rows["idle_start"][last + 1]
           and nobody_writes(run, start[first], start[last + 1])
           and queued[last + 2] >= queued[last + 1]):
        last += 1
    return last


def submissions(run, completion_us):
    """(width, cost of one request's submission in us, pages of it) for each lone flusher's start.

    Between the first start (the queue's plug was pulled by the 4th request) and a later one, N
    requests were allocated; the next one was under way, so the cost lies between T/(N+1) and T/N.
    """
    found = []
    for rows in run.requests.values():
        start, queued = rows["t_start_s"], rows["queued"]
        pages = numpy.ceil(rows["sectors"] / SECTORS_A_PAGE)
        for i in numpy.flatnonzero(rows["idle_start"][:-2] == 1):
            last = grows_until(run, rows, i)
            count = int(queued[last] - queued[i] + last - i)
            mine = pages[i + 4:i + 4 + count]
            if count < 2 or len(mine) < count:
                continue
            interrupts_us = float(completion_us(pages[i:last]).sum())
            interval_us = (start[last] - start[i]) * 1e6 - interrupts_us
            found.append((1 / count, interval_us / (count + 0.5), float(mine.mean())))
    return found


def finest(estimates):
    """The median of those (width, cost) that are at most twice as wide as the narrowest."""
    narrow = 2 * min(width for width, _ in estimates)
    return statistics.median(cost for width, cost in estimates if width <= narrow)


def submission_costs(directories, completion_us):
    """(us a page of full requests, request included; us of a one-page request), of the finest."""
    full, single = [], []
    for directory in directories:
        for width, cost_us, pages in submissions(recording.load_recorded(directory), completion_us):
            if pages > 120:
                full.append((width, cost_us / pages))
            elif pages == 1:
                single.append((width, cost_us))
    if not full or not single:
        raise SystemExit("the submission costs need lone write-outs to a file and a raw device")
    return finest(full), finest(single)


def usual(latency_us):
    return float(numpy.median(latency_us[latency_us < STALL_US]))


def one_page_completion_us(run):
    """Processor time of one completion, from the mean write() before and after the first request.

    A share completion / interval of the time is taken away while the disk completes one request
    each interval. Calls into which the flusher's turn fell (10 requests and more) are left out.
    """
    (rows,), (writer,) = run.requests.values(), run.writers.values()
    first = rows["t_start_s"][0]
    stall = writer.t_s[(writer.t_s > first) & (writer.latency_us > STALL_US)][0]
    short = writer.latency_us < 6 * usual(writer.latency_us)
    before = writer.latency_us[short & (writer.t_s < first)].mean()
    after = writer.latency_us[short & (writer.t_s > first) & (writer.t_s < stall)].mean()
    return float(numpy.median(rows["service_us"])) * (1 - before / after)


def full_completion_us(run, until_s):
    """How much longer a quick write() is in which one request ends and the next begins."""
    (rows,), (writer,) = run.requests.values(), run.writers.values()
    begun_s = rows["t_start_s"][rows["idle_start"] == 0]
    first, behind = (numpy.searchsorted(begun_s, writer.t_s + more / 1e6)
                     for more in (0, writer.latency_us))
    extra = writer.latency_us - usual(writer.latency_us)
    met = ((behind == first + 1) & (writer.t_s < until_s)
           & (extra > CLOCK_STEP_US) & (extra < QUICK_US))
    return float(numpy.median(extra[met])) if met.any() else None


def commonest_extra(writer, chosen, low_us, high_us):
    """The commonest delay beyond the usual write(), in steps of 3 us, and the calls that met it."""
    step = 3.0
    extra = writer.latency_us - usual(writer.latency_us)
    steps = numpy.round(extra / step)
    candidates = steps[chosen & (extra > low_us) & (extra < high_us)]
    if len(candidates) == 0:
        return None, []
    values, counts = numpy.unique(candidates, return_counts=True)
    best = values[counts.argmax()]
    met = numpy.flatnonzero(chosen & (numpy.abs(steps - best) <= 1))
    return float(numpy.median(extra[met])), met


def full_since_s(run):
    """When reclaim began: free memory came near its lowest level."""
    free, t_s = run.samples["nr_free_pages"], run.samples["t_s"]
    low = free.min()
    return float(t_s[free < 1.5 * low][0]) if low < 0.05 * free[0] else float("inf")


def completion_and_reclaim(directories):
    """(one-page completion us, full completion us, pages of it, reclaim us a page)."""
    single, full, reclaim = [], [], []
    for directory in directories:
        conditions = recording.conditions_of(directory)
        jobs = conditions["workload"]["jobs"]
        if len(jobs) != 1 or len(conditions["disks"]) != 1 or jobs[0]["op"] != "seq_overwrite":
            continue
        run = recording.load_recorded(directory)
        if jobs[0]["path"] == "raw":
            single.append(one_page_completion_us(run))
            continue
        (writer,) = run.writers.values()
        full_s = full_since_s(run)
        delay = full_completion_us(run, full_s)
        if delay is not None:
            full.append(delay)
        delay, met = commonest_extra(writer, writer.t_s > full_s, 150, STALL_US)
        if delay is not None:
            done = numpy.cumsum(writer.call_bytes) / (PAGE_KIB * 1024)
            reclaim.append(delay / float(numpy.median(numpy.diff(done[met]))))
    pages = conditions["queue"]["max_sectors_kb"] / PAGE_KIB
    return (statistics.median(single), statistics.median(full), pages, statistics.median(reclaim))


def switch_us(directories):
    """Shortest time from the tick that ended a sleep to the write() after it."""
    delays = []
    for directory in directories:
        run = recording.load_recorded(directory)
        for fsync in run.fsyncs.values():
            delays.extend((fsync["t_s"] % run.tick_s) * 1e6)
    return statistics.median(delay for delay in delays if delay < 20)


def periodic_phase_ms(directories):
    """When after boot periodic write-back began to tick: the first write-out of data that only
    aged, nobody having written for half a minute, comes on a tick of it."""
    for directory in directories:
        run = recording.load_recorded(directory)
        conditions = recording.conditions_of(directory)
        first = min((float(rows["t_start_s"][0]) for rows in run.requests.values()
                     if len(rows["t_start_s"])), default=None)
        if first is None or first < run.writers_end_s + AGED_S or run.fsyncs:
            continue
        uptime = float(conditions["time_zero"].rpartition("uptime ")[2].split()[0])
        interval = int(conditions["sysctl"]["dirty_writeback_centisecs"]) / 100
        phase = (uptime + first) % interval
        return round(phase / run.tick_s - 0.5) * run.tick_s * 1000
    return 0


def user_call_us(directories):
    """What a writer's own code takes between two calls that did not sleep."""
    gaps = []
    for directory in directories:
        for writer in recording.load_recorded(directory).writers.values():
            quick = writer.latency_us[:-1] < STALL_US
            gap = (numpy.diff(writer.t_s) * 1e6 - writer.latency_us[:-1])[quick]
            gaps.extend(gap[gap < 10])
    return float(numpy.mean(gaps))


def calibrate(directories):
    conditions = recording.conditions_of(directories[0])
    if not any(clock in conditions["guest"].get("clock", "") for clock in VIRTUAL_CLOCKS):
        raise SystemExit(f"guest.clock is none of {VIRTUAL_CLOCKS}: the copy speed is not known")
    fields, measured = write_costs(directories)
    done_single_us, done_us, done_pages, reclaim_us = completion_and_reclaim(directories)
    done_page = (done_us - done_single_us) / (done_pages - 1)
    page_us, single_us = submission_costs(
        directories, lambda pages: done_single_us + (pages - 1) * done_page)
    pages = conditions["queue"]["max_sectors_kb"] / PAGE_KIB
    request = max(single_us - page_us, 0.0) / 2
    fields["writeback_page"] = (page_us - request / pages) * 1000
    fields["writeback_buffer"] = request * 1000
    fields["request"] = request * 1000
    fields["complete_page"] = done_page * 1000
    fields["complete_request"] = max(done_single_us - done_page, 0.0) * 1000
    fields["reclaim_page"] = reclaim_us * 1000
    for name, cost_us in calibrate_limits.limit_costs(directories, full_since_s).items():
        fields[name] = cost_us * 1000
    fields["context_switch"] = switch_us(directories) * 1000
    fields["user_call"] = user_call_us(directories) * 1000
    measured.update({"submission of a page of a full request, us": round(page_us, 3),
                     "submission of a one-buffer request, us": round(single_us, 3),
                     "completion of a full request, us": round(done_us, 1),
                     "completion of a one-buffer request, us": round(done_single_us, 2)})
    result = {"cpu_costs": {name: f"{round(value)}ns" for name, value in fields.items()},
              "periodic_start": f"{round(periodic_phase_ms(directories))}ms",
              "sample_cost_us": calibrate_recorder.sample_cost_us(directories),
              "kept_pages": calibrate_recorder.kept_pages(directories)}
    if recording.kernel_number(conditions["kernel"]["release"]) < (3,):
        result["dirtied_by_boot"] = calibrate_recorder.dirtied_by_boot(directories)
    return {**result, "measured": measured}


def key_of(conditions):
    """(release, whether it has a job language)."""
    spec = recording.has_spec(conditions)
    return spec_scenario.release_of(conditions) if spec else conditions["kernel"]["release"], spec


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("root", type=pathlib.Path, metavar="REFERENCE_ROOT")
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE",
                        default=pathlib.Path(__file__).resolve().parent / "calibration.json",
                        help="default: calibration.json beside this script")
    options = parser.parse_args()
    endings.check_outputs([options.out], [])
    by_kernel = collections.defaultdict(list)
    for path in sorted(options.root.rglob("conditions.json")):
        if path.parent.name != "repeat":
            try:
                by_kernel[key_of(recording.conditions_of(path.parent))].append(path.parent)
            except (recording.Damaged, CannotExpress) as error:
                raise endings.Unusable(f"{path.parent}: {error}") from error
    if not by_kernel:
        raise endings.Unusable(f"no conditions.json below {options.root}")
    result = {"schema": "wbsim-calibration/1",
              "kernels": {release: (calibrate_spec.calibrate if spec else calibrate)(directories)
                          for (release, spec), directories in sorted(by_kernel.items())}}
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    endings.run(main, recording.Damaged, CannotExpress)
