"""What the recorder itself did, before and during a recording; for calibrate.py.

sample_cost_us   processor time of a sample. The write() in which one fell took so much longer than
                 the usual one: `each` and for each `disk`, and in every fifth, in which the
                 recorder counted threads, the `census` more.
dirtied_by_boot  pages that write(2) had dirtied before anything was written to a disk, modulo
                 4 MiB: up to 2.6.39 writers look at the dirty limits when a counter of pages is
                 full. A lone writer of one page a call, to a raw device, is first made to wait in
                 the call that fills it.
"""

import numpy

import recording

LEAST_US, MOST_US = 60, 1100  # an interrupt takes less; a writer that waits, longer
LOW_PERCENT = 20  # completions and flushers lengthen some of these calls further
SAMPLES_PER_CENSUS = 5
RATELIMIT_PAGES = 1024
PAGE_BYTES = 4096


def samples_in_calls(run):
    """(number of the sample, us by which the call it fell into was longer than usual)."""
    for number, t_s in enumerate(run.samples["t_s"]):
        for writer in run.writers.values():
            inside = (writer.t_s <= t_s) & (writer.t_s + writer.latency_us / 1e6 > t_s)
            for longer_us in writer.latency_us[inside] - numpy.median(writer.latency_us):
                if LEAST_US < longer_us < MOST_US:
                    yield number, float(longer_us)


def sample_cost_us(directories):
    usual, counting = {}, {}
    for directory in directories:
        run = recording.load_recorded(directory)
        for number, longer_us in samples_in_calls(run):
            chosen = usual if number % SAMPLES_PER_CENSUS else counting
            chosen.setdefault(len(run.requests), []).append(longer_us)
    low = {disks: numpy.percentile(found, LOW_PERCENT) for disks, found in usual.items()}
    disk, each = numpy.polyfit(list(low), list(low.values()), 1)
    census = [longer_us - low[disks] for disks, found in counting.items() if disks in low
              for longer_us in found if longer_us > low[disks]]
    return {"each": round(each), "disk": round(disk),
            "census": round(numpy.percentile(census, LOW_PERCENT))}


def dirtied_by_boot(directories):
    """None if no recording says it."""
    for directory in directories:
        conditions = recording.conditions_of(directory)
        jobs = conditions["workload"]["jobs"]
        if (len(jobs) != 1 or jobs[0]["path"] != "raw" or jobs[0]["bs"] > PAGE_BYTES
                or jobs[0]["stride"] != PAGE_BYTES):
            continue
        run = recording.load_recorded(directory)
        (writer,) = run.writers.values()
        calls = int(numpy.argmax(writer.latency_us > 2 * run.tick_s * 1e6)) + 1
        return -calls % RATELIMIT_PAGES
    return None
