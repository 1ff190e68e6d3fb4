"""The file systems of a recorded experiment: where every file and its metadata lie on the disk."""

import json
import re

INODE_BYTES = 128  # revision-1 ext2 as mke2fs made it then; 256 came with ext4
FIRST_FILE_INODE = 12  # 11 is lost+found
DIRECT_BLOCKS = 12
# Phrases of conditions.json's `filesystem` text after the type, and what makes each one true here.
KNOWN_PHRASES = (
    r"noatime", r"nodiratime",  # overwriting does not touch the access time
    r"files preallocated contiguously",  # the extents say exactly how
    r"indirect blocks cached before the start( and held in memory)?",  # metadata_pinned
    r"data pages overwritten whole",  # nothing is read before it is changed
    r"no page of the files cached at the start",
)


def layout_of(directory, name, error):
    """The layout file; its path is relative to the folder that holds the kernel versions."""
    if not isinstance(name, str):
        raise error(f"workload.layout = {name!r}: expected one file's path")
    for parent in list(directory.resolve().parents)[:3]:
        if (parent / name).is_file():
            return json.loads((parent / name).read_text(encoding="utf-8"))
    raise error(f"workload.layout = {name!r}: no such file above {directory.name}")


def inode_table_block(index, disk_bytes, block_bytes):
    """The disk block that holds the inode of the index-th file created on a fresh ext2.

    Group 0 is: super block, group descriptors, block bitmap, inode bitmap, inode table. (With 1 KiB
    blocks the boot block comes first.) The recorded metadata writes go to this block.
    """
    first = 1 if block_bytes == 1024 else 0
    groups = -(-disk_bytes // (8 * block_bytes * block_bytes))
    descriptor_blocks = -(-groups * 32 // block_bytes)
    table = first + 1 + descriptor_blocks + 2
    return table + (FIRST_FILE_INODE - 1 + index) * INODE_BYTES // block_bytes


def indirect_blocks(listed, blocks_in_file, block_bytes, error):
    """[disk block, first file block, file blocks it is read for], in the order of the file."""
    pointers = block_bytes // 4
    spans = {"IND": pointers, "DIND": pointers**2, "TIND": pointers**3}
    result = []
    next_block = DIRECT_BLOCKS
    for kind, disk_block in listed:
        if kind not in spans:
            raise error(f"layout: indirect block kind {kind!r} is not known")
        span = min(spans[kind], blocks_in_file - next_block)
        result.append([disk_block, next_block, span])
        if kind == "IND":
            next_block += span
    if next_block < blocks_in_file:
        raise error(f"layout: no indirect block maps file block {next_block}")
    return result


def file_of(name, entry, index, disk_bytes, block_bytes, error):
    extents = entry["extents_file_block__disk_block__blocks"]
    blocks = max(first + count for first, _, count in extents)
    if sum(count for _, _, count in extents) != blocks:
        raise error(f"layout: file {name!r} has holes")
    listed = entry["indirect_blocks"]
    return {"name": name, "size": f"{blocks * block_bytes}B",
            "inode_table_block": inode_table_block(index, disk_bytes, block_bytes),
            "extents": extents,
            "indirect_blocks": indirect_blocks(listed, blocks, block_bytes, error)
                               if blocks > DIRECT_BLOCKS else []}


def parse_text(conditions, error):
    """(block bytes of ext2 or None, soft block bytes of a raw device or None)."""
    text = conditions["filesystem"]
    raw = re.fullmatch(r"none \(raw block device, soft block size (\d+)\)", text)
    if raw:
        return None, int(raw[1])
    plain = re.sub(r" ?\([^()]*\)", "", text)
    phrases = [phrase.strip() for phrase in re.split(r"[,;]", plain)]
    block = re.fullmatch(r"(\d+) KiB blocks", phrases[1]) if len(phrases) > 1 else None
    if phrases[0] != "ext2" or not block:
        raise error(f"filesystem = {text!r}: only 'ext2, N KiB blocks, ...' and raw devices")
    for phrase in phrases[2:]:
        if not any(re.fullmatch(known, phrase) for known in KNOWN_PHRASES):
            raise error(f"filesystem: {phrase!r} is not understood")
    # Whether the indirect blocks were held is what workload.metadata_pinned says; the text is the
    # same for experiments that were run without (the recordings' README names them).
    return int(block[1]) * 1024, None


def filesystems_of(directory, conditions, error):
    """(soft block bytes for raw devices, the scenario's `filesystems`)."""
    block_bytes, soft_block_bytes = parse_text(conditions, error)
    workload = conditions["workload"]
    used = {job["disk"] for job in workload["jobs"] if job["path"] != "raw"}
    if not used:
        if workload["layout"] is not None:
            raise error("workload.layout given, but no job uses a file")
        return soft_block_bytes, []
    if block_bytes is None or workload["layout"] is None:
        raise error("workload.jobs use files, but there is no file system or layout")
    layout = layout_of(directory, workload["layout"], error)
    if layout["block_bytes"] != block_bytes:
        raise error(f"layout: block_bytes {layout['block_bytes']} is not the file system's")
    result = []
    for disk in conditions["disks"]:
        if disk["name"] not in used:
            continue
        disk_bytes = disk["capacity_MiB"] * 2**20
        files = [file_of(name, entry, index, disk_bytes, block_bytes, error)
                 for index, (name, entry) in enumerate(layout["files"].items())]
        result.append({"name": f"{disk['name']}fs", "type": "ext2", "device": disk["name"],
                       "block_size": f"{block_bytes // 1024}KiB",
                       "metadata": "pinned" if workload["metadata_pinned"] else "evictable",
                       "files": files})
    for job in workload["jobs"]:
        if job["path"] != "raw" and job["path"] not in layout["files"]:
            raise error(f"workload.jobs[{job['id']}].path = {job['path']!r}: not in the layout")
    return soft_block_bytes, result
