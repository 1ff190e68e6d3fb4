"""How a recording's file system laid its files out: the longest runs of data on the disk."""

import collections

import trace_events
from scenario_words import PAGE_BYTES, size

SECTOR = 512
DATA = "W"
OFTEN = 3  # runs of one length: those of whole block groups
# ext4 allocates what was delayed 2048 blocks at a time (MAX_WRITEPAGES_EXTENT_LEN), and each such
# piece goes in bios of its own though the next follows it on the disk. A gap says that.
EXT4_PIECE_BYTES = 2048 * PAGE_BYTES
# Of both recorded files on ext2, whatever the block size: 48 and 16 blocks, then twice as many.
EXT2_FIRST_RUN_BLOCKS = 64


def data_runs(directory):
    """[(first, end)] sectors that were written as data, in order."""
    written = {(int(event.fields["sector"]), int(event.fields["nr_sector"]))
               for event in trace_events.recorded(directory, {"block_rq_issue"})
               if event.fields["rwbs"] == DATA and event.t_s >= 0}
    runs = []
    for sector, length in sorted(written):
        if runs and sector <= runs[-1][1]:
            runs[-1][1] = max(runs[-1][1], sector + length)
        else:
            runs.append([sector, sector + length])
    return runs


def commonest(values):
    value, count = max(collections.Counter(values).items(), key=lambda item: item[1],
                       default=(0, 0))
    return value if count >= OFTEN else None


def extents(directory, kind, block_bytes):
    """Keys of the scenario's file system."""
    if kind == "ext4":
        return {"extent_size": size(EXT4_PIECE_BYTES), "gap_size": size(block_bytes)}
    runs = data_runs(directory)
    length = commonest([end - first for first, end in runs])
    gap = commonest([later[0] - end for (_, end), later in zip(runs, runs[1:])])
    if length is None or gap is None:
        return {}
    return {"extent_size": size(length * SECTOR), "gap_size": size(gap * SECTOR),
            "first_extent_size": size(EXT2_FIRST_RUN_BLOCKS * block_bytes)}
