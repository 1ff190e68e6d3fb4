"""What the blocks of a new file of ext2 or ext4 cost its writer; calibrate_spec.py asks.

The driver of ext4 keeps the pieces that a file has on the disk in a red-black tree. A file that
grows goes down its right side with each new block: 10, 14, 22, 30, 46, 62 ... pieces are a level
more each, and each time calls become longer.
"""

import collections
import statistics

import numpy

import job_language
from calibrate_writes import (ENOUGH, HEADS_A_SLAB, LRU_BATCH, PAGE_BATCH, TREE_BITS, at_rest,
                              buffered_sequences, fast, leveled, pages_a_call, usual)
from job_language import PAGE_BYTES as PAGE

DIRECT_BLOCKS = 12  # of ext2
SECTOR = 512
LONG_SECTORS = 512
FIRST_DEVICE_INODE = 2**20  # a device's is its major and minor number


def of_ext2(made):
    return made is not None and made.startswith("ext2")


def indirect_levels(page, block_bytes):
    """How many indirect blocks lead to the last block of a page of an ext2 file."""
    pointers = block_bytes // 4
    last = (page + 1) * (PAGE // block_bytes) - 1
    return sum((last >= DIRECT_BLOCKS + sum(pointers ** n for n in range(1, depth))).astype(int)
               for depth in (1, 2, 3))


def indirect_block(experiments, level):
    """us of a new block for each indirect block on the way: how much longer calls become where a
    file of ext2 needs one more, between as many of them on either side."""
    found = []
    for experiment, number, job in buffered_sequences(experiments):
        made, block = experiment.file_system(job)
        if not of_ext2(made):
            continue
        pages = pages_a_call(job)
        _, latency, page = at_rest(experiment, number)
        latency = leveled(latency, page, pages, level)
        depth = indirect_levels(page, block)
        for first in numpy.flatnonzero(numpy.diff(depth)) + 1:
            before, after = (latency[depth == depth[call]][part][:ENOUGH] for call, part in
                             ((first - 1, slice(None, -ENOUGH - 1, -1)), (first, slice(None))))
            calls = min(len(before), len(after))
            if calls >= ENOUGH / 2:
                longer = usual(after[:calls]) - usual(before[:calls])
                found.append(longer / (pages * (PAGE // block)))
    return statistics.median(found) if found else 0.0


def levels_of_last_node(nodes):
    """Of a red-black tree whose nodes came in ascending order."""
    doubled = numpy.floor(numpy.log2(nodes + 2)).astype(int)
    return 2 * (doubled - 1) + (nodes + 2 >= 3 * 2 ** (doubled - 1))


def short_pieces(experiment, block_bytes):
    """The first ones of a file, which go in its first round; one block is a bitmap."""
    sent = []
    for event in experiment.events("block_rq_issue", "writeback_single_inode"):
        if event.name == "block_rq_issue":
            sent.append(int(event.fields["nr_sector"]))
        elif int(event.fields["ino"]) < FIRST_DEVICE_INODE and int(event.fields["wrote"]) > 0:
            return sum(block_bytes < sectors * SECTOR < LONG_SECTORS * SECTOR for sectors in sent)
        else:
            sent = []
    return 0


def first_pages(experiment, block_bytes):
    """Where in the file its pieces begin, in pages: what follows no other long request on the
    disk. Later on only indirect blocks and bitmaps go in shorter ones."""
    sent = [(int(event.fields["sector"]), int(event.fields["nr_sector"]))
            for event in experiment.events("block_rq_issue")]
    sent = [(sector, sectors) for sector, sectors in sent if sectors >= LONG_SECTORS]
    ends = {sector + sectors for sector, sectors in sent}
    found, pages = [0] * short_pieces(experiment, block_bytes), 0
    for sector, sectors in sent:
        if sector not in ends:
            found.append(pages)
        pages += sectors * SECTOR // PAGE
    return numpy.array(found)


def extent_levels(experiment, page, block_bytes):
    begun = first_pages(experiment, block_bytes)
    return levels_of_last_node(numpy.searchsorted(begun, page, "right"))


def extent_level(experiments, page_level, indirect_us):
    """us of a new block for each level; of the quickest calls at each level, a straight line."""
    found = []
    for experiment, number, job in buffered_sequences(experiments):
        made, block = experiment.file_system(job)
        if not of_ext2(made):
            continue
        pages, blocks = pages_a_call(job), PAGE // block
        page = (experiment.offsets(number) + job_language.call_bytes(job) - 1) // PAGE
        _, latency = experiment.calls(number)
        latency = leveled(latency, page, pages, page_level)
        latency = latency - indirect_us * pages * blocks * indirect_levels(page, block)
        level = extent_levels(experiment, page, block)
        at = [one for one in numpy.unique(level) if (level == one).sum() >= ENOUGH]
        if len(at) > 1:
            quick = [fast(latency[level == one]) for one in at]
            found.append(numpy.polyfit(at, quick, 1)[0] / (pages * blocks))
    return max(0.0, statistics.median(found)) if found else 0.0


def allocation_costs(experiments, costs):
    """{file system as it was made: us a block}, of calls that no sample fell into."""
    found = collections.defaultdict(list)
    for experiment, number, job in buffered_sequences(experiments):
        made, block = experiment.file_system(job)
        pages = pages_a_call(job)
        if made is None or pages == 0:
            continue
        blocks = PAGE // block
        known = costs["page"] + costs["lru_batch"] / LRU_BATCH
        known += (blocks - 1) * (costs["buffer"] + costs["dirty_buffer"])
        known += costs["tree_node"] / 2**TREE_BITS
        known += costs["refill"] * (1 / PAGE_BATCH + blocks / HEADS_A_SLAB)
        _, latency, page = at_rest(experiment, number)
        latency = leveled(latency, page, pages, costs["tree_level"])
        if of_ext2(made):
            on_the_way = (costs["indirect_block"] * indirect_levels(page, block)
                          + costs["extent_level"] * extent_levels(experiment, page, block))
            latency = latency - pages * blocks * on_the_way
        others = float(numpy.mean(latency)) * costs["timer_tick"] * experiment.hz / 1e6
        latency = latency[latency < numpy.median(latency) + costs["sample"] / 2]
        call = float(latency.mean()) - others - costs["write_syscall"]
        found[made].append((call / pages - known) / blocks)
    return {made: statistics.median(values) for made, values in found.items()}
