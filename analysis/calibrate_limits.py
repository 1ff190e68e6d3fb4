"""What writers pay near the dirty limit, from 3.1 on, read out of calls before memory is full.

Of each call the samples before and after it tell three things: whether more is dirty than the limit
(over; calls near it are left out), whether its disk has more than its share (exceeded), and whether
its flusher is at work (busy: more than the background limit is dirty, of all or of its share).

slow_allocation  over, and not exceeded: the writer looks at the limits as seldom as below them. So
                 much longer a page takes than there.
balance_dirty    over, exceeded and busy: balance_dirty_pages() looks at every page from the eighth
                 after a pause on, so at each one of the second call. A page takes so much longer
                 than below the limit, its allocation apart.
wake_flusher     over, exceeded and not busy: each look tries to start the flusher besides.
"""

import collections
import statistics

import numpy

import recording

STALL_US = 1000
USUAL_SPREAD = 1 / 8
NEAR = 0.01  # of the limit: pages of two zones, and what a sample does not see
CALLS_BETWEEN_PAUSES = 5  # and more: then no period ends in the second one
ENOUGH = 30  # calls
PAGE = 4096
DIRECT = (12 + 1024) * PAGE  # bytes of a file in front of which there is one indirect block at most


def usual(latency_us):
    """The mean of the calls in which nothing else happened."""
    median = numpy.median(latency_us)
    return float(numpy.mean(latency_us[numpy.abs(latency_us - median) < USUAL_SPREAD * median]))


def second_after_pause(latency_us):
    """Which calls are the second after a pause and far from the next one."""
    pauses = numpy.flatnonzero(latency_us > STALL_US)
    chosen = numpy.zeros(len(latency_us), bool)
    chosen[pauses[:-1][numpy.diff(pauses) > CALLS_BETWEEN_PAUSES] + 2] = True
    return chosen


def states(samples, disk):
    """Of each sample: -1 below the limit, 0 near it; else 4, 2 more if exceeded, 1 if busy."""
    dirty = samples["nr_dirty"] + samples["nr_writeback"]
    limit, background = samples["nr_dirty_threshold"], samples["nr_dirty_background_threshold"]
    share, reclaimable = (samples[f"{disk}_Bdi{name}"] for name in ("DirtyThresh", "Reclaimable"))
    exceeded = reclaimable + samples[f"{disk}_BdiWriteback"] > share
    busy = (samples["nr_dirty"] > background) | (reclaimable > share * background / limit)
    over = 4 + 2 * exceeded + busy
    return numpy.where(dirty > (1 + NEAR) * limit, over,
                       numpy.where(dirty < (1 - NEAR) * limit, -1, 0))


def state_of_calls(run, writer, disk, until_s):
    """That of the samples around it, if they are alike; 0 for calls to be left out."""
    t_s, state = run.samples["t_s"], states(run.samples, disk)
    sample = numpy.searchsorted(t_s, writer.t_s).clip(1, len(t_s) - 1)
    good = ((writer.t_s < until_s) & (writer.latency_us < STALL_US)
            & (numpy.cumsum(writer.call_bytes) > DIRECT) & (state[sample - 1] == state[sample]))
    return numpy.where(good, state[sample], 0)


def extra_us_a_page(directories, full_since_s):
    """{state: [how much longer a page takes than below the limit]}."""
    found = collections.defaultdict(list)
    for directory in directories:
        run = recording.load_recorded(directory)
        if "nr_dirty_threshold" not in run.samples or run.fsyncs:
            continue
        for job in recording.conditions_of(directory)["workload"]["jobs"]:
            writer = run.writers[str(job["id"])]
            state = state_of_calls(run, writer, job["disk"], full_since_s(run))
            if job["path"] == "raw" or (state == -1).sum() < ENOUGH:
                continue
            second = second_after_pause(writer.latency_us)
            for number in range(4, 8):
                chosen = (state == number) & (second | (number < 6))
                if chosen.sum() >= ENOUGH:
                    more = (usual(writer.latency_us[chosen])
                            - usual(writer.latency_us[state == -1]))
                    found[number].append(more * PAGE / float(numpy.median(writer.call_bytes)))
    return found


def limit_costs(directories, full_since_s):
    """Cost fields in us; those that no recording shows are left out."""
    extra = extra_us_a_page(directories, full_since_s)
    seldom, idle, busy = extra[4] + extra[5], extra[6], extra[7]
    if not seldom:
        return {}
    costs = {"slow_allocation": statistics.median(seldom)}
    if busy:
        costs["balance_dirty"] = statistics.median(busy) - costs["slow_allocation"]
    if busy and idle:
        costs["wake_flusher"] = statistics.median(idle) - statistics.median(busy)
    return costs
