"""The job language of recordings: the `spec` lines of conditions.json, one process a `job` line."""

import re
from dataclasses import dataclass, field

from scenario_words import CannotExpress, PAGE_BYTES

LINES = {
    # keyword: {key: required}
    "set": {"sample_ms": False, "tail_ms": False, "t0_ms": False, "limit_ms": False,
            "ballast": False},
    "bdi": {"disk": True},
    "part": {"disk": True, "n": True, "start": True, "len": True},
    "hold": {"path": True, "bsz": False},
    "job": {"op": True, "path": False, "bs": False, "bytes": False, "dur_ms": False, "base": False,
            "region": False, "wlen": False, "poff": False, "rate": False, "period_ms": False,
            "think_us": False, "direct": False, "read": False, "fsync_end": False,
            "log_every": False, "seed": False, "cgroup": False, "start_ms": False, "count": False},
}
OPERATIONS = ("seq", "rand", "append", "sync", "fsync", "mmap", "many")
BINARY = {"": 1, "k": 2**10, "M": 2**20, "G": 2**30}
TEXT_KEYS = {"op", "path", "disk", "cgroup"}
# Tracepoints of which a flusher passes one for each page it submits.
EVENTS_OF_EACH_PAGE = {"writeback/wbc_writepage", "block/block_bio_queue"}
MMAP_BYTES = 4096  # one byte a page
DEFAULT_BYTES = 4096


@dataclass
class Spec:
    settings: dict = field(default_factory=dict)
    disks: list = field(default_factory=list)  # that were sampled
    parts: list = field(default_factory=list)
    holds: list = field(default_factory=list)
    jobs: list = field(default_factory=list)
    events: list = field(default_factory=list)  # tracepoints that were switched on


def number(text, line):
    found = re.fullmatch(r"(\d+)([kMG]?)", text)
    if not found:
        raise CannotExpress(f"spec line {line!r}: {text!r} is not a number")
    return int(found[1]) * BINARY[found[2]]


def fields_of(keyword, words, line):
    result = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in LINES[keyword]:
            raise CannotExpress(f"spec line {line!r}: {word!r} is not known")
        if key in result:
            raise CannotExpress(f"spec line {line!r}: {key} stands twice")
        result[key] = value if key in TEXT_KEYS else number(value, line)
    missing = [key for key, needed in LINES[keyword].items() if needed and key not in result]
    if missing:
        raise CannotExpress(f"spec line {line!r} has no {missing[0]!r}")
    return result


def checked_job(job, line):
    if job["op"] not in OPERATIONS:
        raise CannotExpress(f"spec line {line!r}: op={job['op']} is not known")
    if job["op"] != "sync" and "path" not in job:
        raise CannotExpress(f"spec line {line!r} has no 'path'")
    for flag in ("direct", "read", "fsync_end"):
        if job.get(flag, 0) not in (0, 1):
            raise CannotExpress(f"spec line {line!r}: {flag}={job[flag]} is neither 0 nor 1")
    return dict(job, line=line)


def parse(lines):
    spec = Spec()
    for line in lines:
        keyword, *words = line.split() or [""]
        if keyword == "":
            continue
        if keyword == "event":
            spec.events.extend(words)
            continue
        if keyword not in LINES:
            raise CannotExpress(f"spec line {line!r}: {keyword!r} is not known")
        fields = fields_of(keyword, words, line)
        if keyword == "set":
            spec.settings.update(fields)
        elif keyword == "bdi":
            spec.disks.append(fields["disk"])
        elif keyword == "part":
            spec.parts.append(fields)
        elif keyword == "hold":
            spec.holds.append(fields)
        else:
            spec.jobs.append(checked_job(fields, line))
    return spec


def events_of_each_page(spec):
    return len(EVENTS_OF_EACH_PAGE & set(spec.events))


def transfers(job):
    return job["op"] not in ("sync", "fsync")


def block_bytes(job):
    return MMAP_BYTES if job["op"] == "mmap" else job.get("bs", DEFAULT_BYTES)


def call_bytes(job):
    """What one call really transfers: a part of each block, or all of it."""
    return job.get("wlen", block_bytes(job))


def region_bytes(job):
    """The blocks a job goes round in, in bytes; None: as far as the file goes."""
    if "region" in job:
        return job["region"] // block_bytes(job) * block_bytes(job)
    if "bytes" in job:
        return job["bytes"] // block_bytes(job) * block_bytes(job)
    return None
