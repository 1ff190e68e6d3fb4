"""What a buffered write(2) costs its writer, while the disks rest; calibrate_spec.py asks.

Each page is an insertion into the tree of its file's pages; a longer tree, from page 64, 4096 and
262144 on, is a level more. The costs here are without any level above the leaves.
"""

import collections
import statistics

import numpy

import job_language
from calibrate_common import COPY_NS_PER_KIB
from job_language import PAGE_BYTES as PAGE

LRU_BATCH, PAGE_BATCH, HEADS_A_SLAB, NODES_A_SLAB = 15, 63, 39, 14
TREE_BITS = 6  # 64 pages or nodes in a node
NEAR = 0.1
ENOUGH = 100  # calls, for a mean
ALONE_PAGES = 3 * 64**2
LEAST_LOGGED = 8192  # of a job's calls, every k-th


def buffered_sequences(experiments, partial=False):
    """(experiment, number, job) of plain sequential buffered writers of whole blocks, or of those
    that write a part of each."""
    for experiment in experiments:
        for number, job in enumerate(experiment.spec.jobs):
            plain = job["op"] == "seq" and not {"direct", "read", "rate", "cgroup"} & set(job)
            if plain and ("wlen" in job) == partial:
                yield experiment, number, job


def pages_a_call(job):
    return job_language.block_bytes(job) // PAGE


def fast(latency_us):
    return float(numpy.percentile(latency_us, 10))


def usual(latency):
    """The mean of the calls in which nothing else happened, not even a look at the limits. Times
    are of 0.1 us: a median is too coarse for what is paid for each of a hundred thousand pages."""
    median = float(numpy.median(latency))
    return float(numpy.mean(latency[numpy.abs(latency - median) < NEAR * median]))


def at_rest(experiment, number):
    """(begin, latency, us; last page) of the logged calls before the disks had work."""
    told = experiment.summary["jobs"][f"job{number}"]
    begun = [event.t_s for event in experiment.events("block_rq_issue", "balance_dirty_pages")
             if event.t_s >= told["first_s"]]
    t_us, latency = experiment.calls(number)
    resting = t_us + latency < min(begun, default=told["end_s"]) * 1e6
    last = experiment.offsets(number) + job_language.call_bytes(experiment.spec.jobs[number]) - 1
    return t_us[resting], latency[resting], last[resting] // PAGE


def levels(page):
    """Above the leaves, of a tree whose last page this is."""
    return numpy.floor(numpy.log2(numpy.maximum(page, 1))).astype(int) // TREE_BITS


def tree_level(experiments):
    """us of a page for each further level: how much longer calls of many pages become."""
    found = []
    for experiment, number, job in buffered_sequences(experiments):
        pages = pages_a_call(job)
        if not experiment.raw(job) or pages <= LRU_BATCH:
            continue
        _, latency, page = at_rest(experiment, number)
        of = [latency[levels(page) == above] for above in (1, 2)]
        if min(map(len, of)) >= ENOUGH:
            found.append((fast(of[1]) - fast(of[0])) / pages)
    return statistics.median(found) if found else 0.0


def tree_node(experiments, seen_again, refill):
    """us of a new node: from how many of them, and how many pages, a writer at random has made
    since it began, a straight line. seen_again: what it saves in a call to a page it has made."""
    found = []
    for experiment in experiments:
        for number, job in enumerate(experiment.spec.jobs):
            if job["op"] != "rand" or job_language.block_bytes(job) != PAGE:
                continue
            if {"direct", "read", "rate", "cgroup"} & set(job) or not experiment.raw(job):
                continue
            begin, _, _ = at_rest(experiment, number)
            if len(begin) < ENOUGH:
                continue
            told = experiment.summary["jobs"][f"job{number}"]["write_us"]["n"]
            calls = numpy.arange(len(begin)) * max(1, told // LEAST_LOGGED)
            pages, nodes = (
                size * (1 - numpy.exp(-calls / size)) for size in
                (job_language.region_bytes(job) / PAGE / part for part in (1, 2**TREE_BITS)))
            taken = begin - begin[0] + (calls - pages) * seen_again
            each = numpy.linalg.lstsq(numpy.c_[calls, nodes], taken, rcond=None)[0][1]
            found.append(each - refill / NODES_A_SLAB)
    return statistics.median(found) if found else 0.0


def leveled(latency, page, pages, level):
    return latency - level * pages * levels(page)


def quiet_calls(experiments, level):
    """({pages of a call: [latencies]}, gap) of raw writers with one buffer a page, the disk at
    rest."""
    found = collections.defaultdict(list)
    gaps = []
    for experiment, number, job in buffered_sequences(experiments):
        if not experiment.raw(job) or experiment.blocks_a_page(job) != 1:
            continue
        if not experiment.all_logged(number) or not experiment.disk_rests(number):
            continue
        t_us, latency, page = at_rest(experiment, number)
        gaps.extend(numpy.diff(t_us) - latency[:-1])
        pages = pages_a_call(job)
        found[pages].append(leveled(latency, page, pages, level))
    return found, float(numpy.mean(gaps))


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


def goes_round(experiment, job):
    """Writes pages that are in memory, most of the time: its region is small."""
    told = experiment.summary["jobs"][f"job{experiment.spec.jobs.index(job)}"]["bytes"]
    return (job["op"] == "seq" and experiment.raw(job) and not {"direct", "wlen"} & set(job)
            and experiment.blocks_a_page(job) == 1 and job_language.block_bytes(job) == PAGE
            and "region" in job and told > 4 * job["region"])


def pages_again(experiments, level):
    """(the median call to a page that is in memory; the commonest of the longer ones, in which the
    page had been written out), less the median), or zeros."""
    for experiment in experiments:
        for number, job in enumerate(experiment.spec.jobs):
            if goes_round(experiment, job):
                above = levels(numpy.array([job["region"] // PAGE - 1]))[0]
                median = experiment.summary["jobs"][f"job{number}"]["write_us"]["p50"]
                _, latency = experiment.calls(number)
                longer, often = numpy.unique(latency[latency > (1 + NEAR) * median],
                                             return_counts=True)
                return median - level * float(above), float(longer[often.argmax()]) - median
    return 0.0, 0.0


def page_by_buffers(experiments, single, level):
    """(each buffer of a page, besides each that is written), us."""
    def further(partial):
        for experiment, number, job in buffered_sequences(experiments, partial):
            blocks = experiment.blocks_a_page(job) if experiment.raw(job) else 1
            if blocks > 1 and job_language.block_bytes(job) == PAGE:
                _, latency, page = at_rest(experiment, number)
                not_copied = PAGE - job_language.call_bytes(job)
                call = usual(leveled(latency, page, 1, level))
                call += not_copied / 1024 * COPY_NS_PER_KIB / 1000
                return (call - single) / (blocks - 1)
        return None

    whole, one_of_them = further(False), further(True)
    if whole is None:
        return 0.0, 0.0
    if one_of_them is None:
        return whole, 0.0
    return one_of_them, whole - one_of_them


def event_costs(experiments, level):
    """us that a call is longer (in which the task looked at the limits, in which the timer
    ticked, which is the first to begin after a tick)."""
    looked, ticked, stamped = [], [], []
    for experiment, number, job in buffered_sequences(experiments):
        if not experiment.raw(job) or pages_a_call(job) != 1 or experiment.blocks_a_page(job) != 1:
            continue
        if not experiment.all_logged(number) or not experiment.disk_rests(number):
            continue
        t_us, latency, page = at_rest(experiment, number)
        begin, lost = t_us, leveled(latency, page, 1, level)
        lost = lost - usual(lost)
        looks = numpy.array([event.t_s * 1e6 for event in experiment.events("global_dirty_state")])
        tick_us = 1e6 / experiment.hz
        tick = numpy.floor((begin + latency) / tick_us) > numpy.floor(begin / tick_us)
        look = (numpy.searchsorted(looks, begin + latency) > numpy.searchsorted(looks, begin))
        looked.extend(lost[look & ~tick])
        ticked.extend(lost[tick & ~look])
        first = numpy.diff(numpy.floor(begin / tick_us), prepend=0) > 0
        stamped.extend(lost[first & ~tick & ~look])
    return tuple(float(numpy.median(values)) if len(values) else 0.0
                 for values in (looked, ticked, stamped))


def clock_check(experiments, usual_us, level):
    """What a call of a job costs besides that goes on for a given time: it asks for the time.
    usual_us: from the begin of a call in which nothing happens to that of the next."""
    found = []
    for experiment, number, job in buffered_sequences(experiments):
        if (not experiment.raw(job) or pages_a_call(job) != 1 or experiment.blocks_a_page(job) != 1
                or "dur_ms" not in job):
            continue
        t_us, _, page = at_rest(experiment, number)
        pages = numpy.diff(page)
        taken = leveled(numpy.diff(t_us), page[:-1], pages, level)
        few = (pages > 0) & (pages < LRU_BATCH)  # some of so many calls end no batch
        if few.sum() > ENOUGH:
            a_page = taken[few] / pages[few]
            found.append(float(numpy.mean(a_page[a_page < (1 + NEAR / 10) * fast(a_page)])))
    return max(0.0, statistics.median(found) - usual_us) if found else 0.0


def dirty_bytes(experiments):
    """What a page costs besides where the limit is in bytes: of jobs with a machine of their own,
    all the time up to the same page."""
    found = {True: [], False: []}
    for experiment, number, job in buffered_sequences(experiments):
        if (experiment.raw(job) and pages_a_call(job) == 1 and experiment.blocks_a_page(job) == 1
                and len(experiment.spec.jobs) == 1 and "dur_ms" not in job):
            t_us, _, page = at_rest(experiment, number)
            if page[-1] > ALONE_PAGES:
                some = page < ALONE_PAGES
                taken = (t_us[some][-1] - t_us[0]) / (page[some][-1] - page[0])
                found[experiment.guest.limited_in_bytes()].append(float(taken))
    if not all(found.values()):
        return 0.0
    return max(0.0, statistics.median(found[True]) - statistics.median(found[False]))


def write_costs(experiments):
    level = tree_level(experiments)
    calls, user_call = quiet_calls(experiments, level)
    several = [pages for pages in calls if pages > LRU_BATCH]
    if 1 not in calls or not several:
        raise SystemExit("the write costs need unthrottled writers of one and of many pages a call")
    single, lru, refill = one_page_costs(calls[1])
    again, cleaned = pages_again(experiments, level)
    node = tree_node(experiments, single - again, refill)
    asked_the_time = clock_check(experiments, single + user_call, level)
    single -= node / 2**TREE_BITS  # a writer in sequence makes one every 64 pages
    pages = min(several)
    many = statistics.median(map(fast, calls[pages])) - lru * (pages // LRU_BATCH)
    page = (many - single) / (pages - 1)
    sample = statistics.median(float(latency.max()) for latency in calls[1]) - single
    buffer, dirty_buffer = page_by_buffers(experiments, single, level)
    look, tick, stamp = event_costs(experiments, level)
    return {"user_call": user_call, "write_syscall": single - page, "lru_batch": lru,
            "refill": refill, "page": page, "new_page": single - again - cleaned if again else 0.0,
            "dirty_page": cleaned,
            "sample": sample, "tree_level": level,
            "tree_node": node, "buffer": buffer, "dirty_buffer": dirty_buffer,
            "balance_dirty": look, "timer_tick": tick, "update_time": stamp,
            "clock_check": asked_the_time,
            "dirty_bytes": dirty_bytes(experiments)}
