"""What a writer's calls lose to others: the ends of requests, and kswapd. calibrate_spec.py asks.

A call that a request ended in, and nobody else did anything in, is longer than the others by that
request's completion; one without any event, once memory is full, by a pass of kswapd.
"""

import collections
import statistics

import numpy

import job_language
import recording

HISTOGRAM_US = 20
FEW = 5  # completions a writer met; fewer say nothing
SLOW_US = 100  # of these calls every one was logged
OFTEN = 0.1  # of a pass of kswapd seen whole, among the samples that saw pages taken
OTHERS = ("block_rq_complete", "block_rq_issue", "balance_dirty_pages", "writeback_start",
          "writeback_written", "writeback_single_inode_start", "writeback_single_inode")


def commonest(values):
    """The commonest value, us, and how often it comes."""
    steps = numpy.floor(numpy.asarray(values) / HISTOGRAM_US)
    names, counts = numpy.unique(steps, return_counts=True)
    best = names[counts.argmax()]
    near = [value for value, step in zip(values, steps) if abs(step - best) <= 1]
    return float(numpy.median(near)), len(near)


def full_sectors(experiment):
    return int(next(iter(experiment.conditions["queue"].values()))["max_sectors_kb"]) * 2


def delays(experiment, number):
    """How much longer calls were than the median: (those one full request ended in, those in which
    nothing happened)."""
    events = list(experiment.events(*OTHERS))
    times = numpy.array([event.t_s for event in events])
    t_us, latency = experiment.calls(number)
    usual = float(numpy.median(latency))
    ends, first = (numpy.searchsorted(times, (t_us + more) / 1e6) for more in (latency, 0))
    met, alone = [], []
    for start, end, lost in zip(first, ends, latency - usual):
        if start == end and lost > SLOW_US:
            alone.append(lost)
        elif end == start + 1 and events[start].name == "block_rq_complete":
            fields = events[start].fields
            if fields["nr_sector"] == str(full_sectors(experiment)) and fields["rwbs"] == "W":
                met.append(lost)
    return met, alone


def plain_writers(experiments):
    for experiment in experiments:
        for number, job in enumerate(experiment.spec.jobs):
            if job["op"] == "seq" and not {"direct", "read", "wlen"} & set(job):
                if len(experiment.calls(number)[1]):
                    yield experiment, number, job


def completion_costs(experiments):
    """{buffers of a page: us a page of a full request}, of writers to a device."""
    found = collections.defaultdict(list)
    for experiment, number, job in plain_writers(experiments):
        met, _ = delays(experiment, number)
        if len(met) < FEW or not experiment.raw(job):
            continue
        pages = full_sectors(experiment) * 512 / job_language.PAGE_BYTES
        found[experiment.blocks_a_page(job)].append(commonest(met)[0] / pages)
    return {how: statistics.median(values) for how, values in found.items()}


def pages_a_pass(experiment):
    """Of kswapd: the least number of pages that samples often saw it take."""
    taken = numpy.diff(recording.table(experiment.directory, "series")["pgsteal_kswapd"])
    counts = collections.Counter(int(pages) for pages in taken if pages > 0)
    often = [pages for pages, count in counts.items() if count >= OFTEN * counts.total()]
    return min(often, default=None)


def reclaim_cost(experiments):
    """us a page, of files with one block a page that nobody else writes."""
    found = []
    for experiment, number, job in plain_writers(experiments):
        one_block = experiment.raw(job) and experiment.blocks_a_page(job) == 1
        pages = pages_a_pass(experiment)
        if not one_block or pages is None or len(experiment.spec.jobs) != 1:
            continue
        _, alone = delays(experiment, number)
        if len(alone) >= FEW:
            found.append(commonest(alone)[0] / pages)
    return statistics.median(found)
