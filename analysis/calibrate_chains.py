"""What the pages of a file cost that go many to a bio, where a bio may be longer than a request.

Such a bio is split, its pieces are sent one after another, and all its pages end with the last. So
the flusher first takes all the pages, then sends; and of the pieces only the last costs the
interrupt something. calibrate_spec.py asks.
"""

import statistics

import numpy

from calibrate_interrupts import OTHERS, full_sectors, plain_writers
from job_language import PAGE_BYTES as PAGE

SECTORS_A_PAGE = PAGE // 512
MANY = 100  # pages; of few, the rest of the interrupt counts
DATA = "W"


def file_writers(experiments):
    for experiment, number, job in plain_writers(experiments):
        if experiment.file_system(job)[0] is not None:
            yield experiment, number, job


def chains(experiment):
    """[(first sector, pages, last sector)]: pieces that follow each other on the disk, up to one
    shorter than a request can be. One that ends with a full piece cannot be told from the next."""
    full, found, run = full_sectors(experiment), [], []
    for event in experiment.events("block_rq_issue"):
        fields = event.fields
        if fields["rwbs"] != DATA:
            continue
        sector, length = int(fields["sector"]), int(fields["nr_sector"])
        if run and sector != sum(run[-1]):
            run = []
        run.append((sector, length))
        if length < full:
            found.append((run[0][0], sum(piece[1] for piece in run) // SECTORS_A_PAGE, sector))
            run = []
    return found


def page_completion(experiments):
    """How much longer a call is that the last piece of a chain ended in, for each page."""
    found = []
    for experiment, number, _ in file_writers(experiments):
        pages = {last: count for _, count, last in chains(experiment) if count >= MANY}
        events = list(experiment.events(*OTHERS))
        times = numpy.array([event.t_s for event in events])
        t_us, latency = experiment.calls(number)
        lost = latency - float(numpy.median(latency))
        first, ends = (numpy.searchsorted(times, (t_us + more) / 1e6) for more in (0, latency))
        for call in numpy.flatnonzero(ends == first + 1):
            event = events[first[call]]
            last = int(event.fields.get("sector", -1))
            if event.name == "block_rq_complete" and last in pages and lost[call] > 0:
                found.append(lost[call] / pages[last])
    return statistics.median(found) if found else None


def page_taking(experiments):
    """From the begin of an inode's round to its first request, for each page of the first chain;
    of rounds in which no writer ran, of files with one block a page."""
    found = []
    for experiment, _, job in file_writers(experiments):
        made, block = experiment.file_system(job)
        if made == "ext4" or block != PAGE:
            continue  # writes through a path of its own, or has more to map
        pages = {first: count for first, count, _ in chains(experiment) if count >= MANY}
        begun = None
        for event in experiment.events("block_rq_issue", "writeback_single_inode_start",
                                       "global_dirty_state", "balance_dirty_pages"):
            if event.name == "writeback_single_inode_start":
                begun = event.t_s
            elif begun is not None and event.name == "block_rq_issue":
                first = int(event.fields["sector"])
                if first in pages:
                    found.append((event.t_s - begun) * 1e6 / pages[first])
                begun = None
            else:
                begun = None
    return statistics.median(found) if found else 0.0
