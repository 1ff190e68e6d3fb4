"""Reads our files, and those of real machines, into the same pandas frames.

    tables = read(directory)      # {"samples": frame, "writes": frame, "requests": frame, ...}
    events = read_trace(path)     # {"balance_dirty_pages": frame, "block_rq_issue": frame, ...}

read() takes the directory of a run, or of a recording (tests/reference/KERNEL/EXPERIMENT), and
read_run_trace() the trace that lies in it. What read_trace() knows, told apart by their lines: the
text of ftrace (ours, or a copy of /sys/kernel/tracing/trace), `trace-cmd report`, `perf script`,
and the decoded traces of the recordings (`t_s comm-pid event field=value`); each of them also
packed with xz, gz or zst. A frame has t_s, comm and pid, and a column for each field under the name
the kernel prints. read_bpftrace() gives what writeback.bt prints, read_blkparse() what blkparse
does, read_fio_json() and read_fio_log() fio's output.
"""
import gzip
import io
import json
import lzma
import os
import pathlib
import re
import subprocess

import pandas

import recording
import run_files
from run_files import BadInput

# comm and pid may hold blanks and dashes: the last "-digits" before the [cpu] is the pid.
FTRACE = re.compile(r"\s*(?P<comm>.+)-(?P<pid>\d+)\s+(?:\(\s*\S+\)\s+)?\[(?P<cpu>\d+)\]\s+"
                    r"(?:\S{4,6}\s+)?(?P<t>\d+\.\d+):\s+(?P<event>\w+):\s*(?P<text>.*)")
PERF = re.compile(r"\s*(?P<comm>.+?)\s+(?P<pid>\d+)(?:/\d+)?\s+\[(?P<cpu>\d+)\]\s+"
                  r"(?P<t>\d+\.\d+):\s+\w+:(?P<event>\w+):\s*(?P<text>.*)")
RECORDED = re.compile(r"(?P<t>-?\d+\.\d+) (?P<comm>.+)-(?P<pid>\d+) (?P<event>\w+) (?P<text>.*)")
FORMS = (FTRACE, PERF, RECORDED)

FIELD = re.compile(r"(\w+)=(\([^)]*\)|\S+)")
BDI = re.compile(r"bdi (\S+):(?= |$)")
BLOCK_BIO = re.compile(r"(?P<dev>\d+,\d+) (?P<rwbs>\w+) (?P<sector>\d+) \+ (?P<nr_sector>\d+)")
BLOCK_RQ = re.compile(r"(?P<dev>\d+,\d+) (?P<rwbs>\w+) (?:(?P<bytes>\d+) )?\(.*?\) "
                      r"(?P<sector>\d+) \+ (?P<nr_sector>\d+)")
BLOCK_UNPLUG = re.compile(r"\[(?P<task>.*?)\](?: (?P<requests>\d+))?$")

# The tracepoints' own names of fields, as the recordings have them, by what the kernel prints.
PRINTED = {
    "": {"name": "bdi", "cgroup_ino": None, "sb_dev": None},
    "global_dirty_state": {
        "nr_dirty": "dirty", "nr_writeback": "writeback", "background_thresh": "bg_thresh",
        "dirty_thresh": "thresh", "dirty_limit": "limit", "nr_dirtied": "dirtied",
        "nr_written": "written"},
    "bdi_dirty_ratelimit": {"avg_write_bw": "awrite_bw"},
    "writeback_queue_io": {"moved": "enqueue"},
    "writeback": {"for_kupdate": "kupdate", "for_background": "background",
                  "writeback_index": "index", "nr_to_write": "to_write"},
}
REASONS = ("background", "vmscan", "sync", "periodic", "laptop_timer", "fs_free_space",
           "forker_thread", "foreign_flush")


def open_text(path):
    """The file as text, unpacked by the end of its name."""
    try:
        if str(path).endswith(".xz"):
            return lzma.open(path, "rt", encoding="utf-8", errors="replace")
        if str(path).endswith(".gz"):
            return gzip.open(path, "rt", encoding="utf-8", errors="replace")
        if str(path).endswith(".zst"):
            return io.StringIO(_unpack_zstd(path))
        return open(path, encoding="utf-8", errors="replace")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from error


def _unpack_zstd(path):
    try:
        done = subprocess.run(["zstd", "-dcq", "--", path], check=False, capture_output=True)
    except OSError as error:
        raise BadInput(f"{path}: zstd is needed to read it: {error.strerror}") from error
    if done.returncode != 0:
        raise BadInput(f"{path}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode("utf-8", errors="replace")


def _number(text):
    try:
        return int(text)
    except ValueError:
        return text


def _printed_name(event, name):
    for group in (event, "writeback" if event.startswith("writeback_") else "", ""):
        if name in PRINTED.get(group, {}):
            return PRINTED[group][name]
    return name


def _fields(event, text):
    """The fields of one event as {name: value}."""
    if event.startswith("block_") and "=" not in text:
        for form in (BLOCK_RQ, BLOCK_BIO, BLOCK_UNPLUG):
            found = form.match(text)
            if found:
                return {k: _number(v) for k, v in found.groupdict().items() if v is not None}
        return {}
    if event == "writeback_pages_written" and text.strip().isdigit():
        return {"pages": int(text)}
    found = {}
    bdi = BDI.match(text)
    if bdi:
        found["bdi"] = bdi[1]
    for name, value in FIELD.findall(text):
        name = _printed_name(event, name)
        if name == "reason" and value.isdigit():
            value = REASONS[int(value)] if int(value) < len(REASONS) else value
        if name == "dev":
            value = value.replace(":", ",")
        if name is not None:
            found[name] = _number(value)
    return found


def read_trace(path, start=0.0):
    """{event: frame} of a trace. `start` is taken off the times: for a trace in seconds since boot
    it is the uptime at which the jobs began."""
    rows, form = {}, None
    with open_text(path) as lines:
        for number, line in enumerate(lines, start=1):
            line = line.rstrip("\n")
            if not line.strip() or line.startswith(("#", "cpus=", "CPU:")):
                continue
            candidates = (form,) if form else FORMS
            found = next((m for m in (f.match(line) for f in candidates) if m), None)
            if found is None:
                raise BadInput(f"{path}:{number}: no line of a trace: {line[:60]!r}")
            form = found.re
            event = found["event"]
            rows.setdefault(event, []).append(
                {"t_s": float(found["t"]) - start, "comm": found["comm"].strip(),
                 "pid": int(found["pid"]), **_fields(event, found["text"])})
    if not rows:
        raise BadInput(f"{path}: holds no event")
    return {event: pandas.DataFrame(table) for event, table in rows.items()}


# What a recording calls the files that read() names as those of a run.
RECORDED_FILES = {"samples": "series", "writes": "writes", "fsync": "fsync", "requests": "requests"}


def is_recording(directory):
    return os.path.isfile(os.path.join(directory, "conditions.json"))


def read(directory):
    """{name: frame} of a run's or a recording's tables, those it has: samples, writes, fsync,
    requests, works. Times count from the start of the jobs."""
    if is_recording(directory):
        return _read_recording(pathlib.Path(directory))
    run, tables = run_files.Run(directory), {}
    for name in run_files.REQUIRED_COLUMNS:
        table = run.table(name)
        if table is not None:
            tables[name[:-len(".csv")]] = pandas.DataFrame(table)
    return tables


def _read_recording(directory):
    tables = {}
    for name, recorded in RECORDED_FILES.items():
        try:
            tables[name] = pandas.DataFrame(recording.table(directory, recorded))
        except FileNotFoundError:
            continue
    if "samples" not in tables:
        raise BadInput(f"{directory}: a recording without series.csv")
    return tables


def read_run_trace(directory):
    """The trace in the directory of a run or a recording, with t_s counted from the start of the
    jobs; None where nothing was traced."""
    names, start = ("trace.txt", "trace.txt.xz"), 0.0
    if not is_recording(directory):
        names = ("trace.ftrace.txt", "trace.ftrace.txt.zst")
        manifest = run_files.read_json(os.path.join(directory, "manifest.json"))
        start = run_files.seconds(manifest["scenario"].get("run", {}).get("uptime_at_start", "0s"))
    for name in names:
        path = os.path.join(directory, name)
        if os.path.exists(path):
            return read_trace(path, start)
    return None


def read_bpftrace(path):
    """What bpftrace's writeback.bt prints: TIME DEVICE PAGES REASON ms."""
    row = re.compile(r"(\d+:\d+:\d+)\s+(\S+)\s+(\d+)\s+(\S+)\s+(\d+(?:\.\d+)?)\s*$")
    with open_text(path) as lines:
        found = [m.groups() for m in map(row.match, lines) if m]
    if not found:
        raise BadInput(f"{path}: no line of writeback.bt")
    table = pandas.DataFrame(found, columns=["time", "bdi", "pages", "reason", "ms"])
    return table.astype({"pages": "int64", "ms": "float64"})


def works(events):
    """The same table as read_bpftrace(), from writeback_start and writeback_written."""
    open_works, found = {}, []
    rows = pandas.concat([events[name].assign(event=name) for name in
                          ("writeback_start", "writeback_written") if name in events])
    for row in rows.sort_values("t_s", kind="stable").itertuples():
        key = (row.bdi, row.pid)
        if row.event == "writeback_start":
            open_works[key] = row
        elif key in open_works:
            start = open_works.pop(key)
            found.append((start.t_s, row.bdi, start.nr_pages - row.nr_pages, row.reason,
                          (row.t_s - start.t_s) * 1e3))
    return pandas.DataFrame(found, columns=["t_s", "bdi", "pages", "reason", "ms"])


def read_blkparse(path):
    """The default text of blkparse: a frame of its events."""
    row = re.compile(r"\s*(\d+,\d+)\s+(\d+)\s+(\d+)\s+(\d+\.\d+)\s+(\d+)\s+(\w+)\s+(\w+)"
                     r"(?:\s+(\d+) \+ (\d+))?(?:\s+\[(.*?)\])?")
    with open_text(path) as lines:
        found = [m.groups() for m in map(row.match, lines) if m]
    if not found:
        raise BadInput(f"{path}: no line of blkparse")
    table = pandas.DataFrame(found, columns=["dev", "cpu", "sequence", "t_s", "pid", "action",
                                             "rwbs", "sector", "nr_sector", "comm"])
    return table.astype({"cpu": "int64", "sequence": "int64", "t_s": "float64", "pid": "int64",
                         "sector": "float64", "nr_sector": "float64"})


def read_fio_json(path):
    """A row for each job and direction of fio's JSON, or of our summary.json: bandwidth in
    bytes/s, latencies in ns, a column for each percentile."""
    with open_text(path) as file:
        text = file.read()
    try:
        jobs = json.loads(text[text.find("{"):])["jobs"]
    except (ValueError, KeyError) as error:
        raise BadInput(f"{path}: no JSON of fio: {error}") from error
    found = []
    for job in jobs:
        for direction in ("read", "write"):
            side = job.get(direction, {})
            if not side.get("total_ios"):
                continue
            clat = side["clat_ns"]
            row = {"job": job["jobname"], "direction": direction}
            row.update((key, side[key]) for key in ("io_bytes", "bw_bytes", "iops", "runtime",
                                                    "total_ios"))
            row.update((f"clat_{key}_ns", clat[key]) for key in ("min", "max", "mean", "stddev"))
            row.update((f"clat_p{float(share):g}_ns", value)
                       for share, value in clat.get("percentile", {}).items())
            found.append(row)
    return pandas.DataFrame(found)


def read_fio_log(path):
    """A log of fio, of four columns or more: t_s, value, direction, bs and, if there, offset."""
    try:
        table = pandas.read_csv(path, header=None, skipinitialspace=True)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: {error}") from error
    if len(table.columns) < 4:
        raise BadInput(f"{path}: a log of fio has four columns or more")
    names = ["ms", "value", "direction", "bs", "offset", "priority", "issue_ns"]
    table.columns = names[:len(table.columns)]
    table.insert(0, "t_s", table.pop("ms") / 1e3)
    return table
