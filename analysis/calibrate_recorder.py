"""What the recorder itself did, before and during a recording; for calibrate.py.

sample_cost_us   processor time of a sample. The write() in which one fell took so much longer than
                 the usual one: `each` and for each `disk`, and in every fifth, in which the
                 recorder counted threads, the `census` more.
dirtied_by_boot  pages that write(2) had dirtied before anything was written to a disk, modulo
                 4 MiB: up to 2.6.39 writers look at the dirty limits when a counter of pages is
                 full. A lone writer of one page a call, to a raw device, is first made to wait in
                 the call that fills it.
kept_pages       of a device node, which the recorder's disk keeps in a table, and how much longer
                 the end of a one-page request takes once that is full: of the calls of such a
                 writer in which one request ended, those of later pages against those of the first.
"""

import numpy

import recording

LEAST_US, MOST_US = 60, 1100  # an interrupt takes less; a writer that waits, longer
LOW_PERCENT = 20  # completions and flushers lengthen some of these calls further
SAMPLES_PER_CENSUS = 5
RATELIMIT_PAGES = 1024
PAGE_BYTES = 4096
TABLE_PAGES = [2**power for power in range(8, 15)]


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


def one_page_writers(directories):
    """(run, writer) of those who alone write one page a call to a raw device."""
    for directory in directories:
        jobs = recording.conditions_of(directory)["workload"]["jobs"]
        if (len(jobs) == 1 and jobs[0]["path"] == "raw" and jobs[0]["bs"] <= PAGE_BYTES
                and jobs[0]["stride"] == PAGE_BYTES):
            run = recording.load_recorded(directory)
            (writer,) = run.writers.values()
            yield run, writer


def dirtied_by_boot(directories):
    """None if no recording says it."""
    for run, writer in one_page_writers(directories):
        calls = int(numpy.argmax(writer.latency_us > 2 * run.tick_s * 1e6)) + 1
        return -calls % RATELIMIT_PAGES
    return None


def told_apart(values):
    """(median of the two parts, sum of distances from it)."""
    medians = [float(numpy.median(part)) for part in values]
    return medians, sum(numpy.abs(part - median).sum() for part, median in zip(values, medians))


def kept_pages(directories):
    """{pages, search_ns}, the table being full where it tells the calls apart best."""
    for run, writer in one_page_writers(directories):
        (rows,) = run.requests.values()
        ends_s = rows["t_start_s"] + (rows["service_us"] + rows["late_us"]) / 1e6
        page, behind = (numpy.searchsorted(ends_s, writer.t_s + more / 1e6)
                        for more in (0, writer.latency_us))
        met = (behind == page + 1) & (writer.latency_us < LEAST_US)
        splits = {pages: [writer.latency_us[met & (page < pages)],
                          writer.latency_us[met & (page >= pages)]] for pages in TABLE_PAGES}
        pages = min(splits, key=lambda pages: told_apart(splits[pages])[1])
        (first, later), _ = told_apart(splits[pages])
        return {"pages": pages, "search_ns": round((later - first) * 1000)}
    return None
