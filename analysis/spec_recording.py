"""A run in the format of the recordings with a job language (`spec` lines), recorded or simulated,
read into one structure; spec_metrics.py does not know which it was."""

import csv
import json
import pathlib
from dataclasses import dataclass, field

import numpy

import guest_setup
import job_language
import recording
import trace_events

LONG_MAX = 2**63 - 1
HZ = 250  # of Debian's kernels, which is what spec_scenario.py takes
REASONS = {"0": "background", "1": "reclaim", "2": "sync", "3": "periodic", "7": "foreign_flush"}
EVENTS = {"writeback_start", "writeback_written", "balance_dirty_pages"}
LOOK_COLUMNS = ("t_s", "pause", "dirty", "setpoint", "limit")
# How the columns of samples.csv are called in series.csv; DISK_ stands before each.
DISK_COLUMNS = {"wr_ios": "writes", "wr_sectors": "sectors", "io_ms": "io_ms",
                "BdiDirtyThresh": "thresh_kb", "BdiWriteBandwidth": "write_bw_kbps"}


@dataclass
class Job:
    """A process: what it handed over and how long its calls took."""
    start_s: float
    end_s: float
    io_bytes: int
    latency_ms: dict  # 50, 99 and "max" of its write() or read() calls; empty without any
    fsync_ms: numpy.ndarray


@dataclass
class Work:
    """A work item of a flusher, from the first round of wb_writeback() on."""
    start_s: float
    reason: str
    rounds: int = 1


@dataclass
class Trace:
    pause_s: numpy.ndarray  # when each pause began
    pause_ms: numpy.ndarray
    dirty: numpy.ndarray  # at each look of balance_dirty_pages, with
    setpoint: numpy.ndarray
    limit: numpy.ndarray
    works: list
    order: list  # what the flushers did, one word a round


@dataclass
class SpecRun:
    tick_s: float
    jobs: dict  # number as text -> Job
    samples: dict  # column -> array, in the names of series.csv
    disks: list
    trace: Trace  # None where nothing was traced
    kind: dict = field(default_factory=dict)  # job or disk -> those alike share it
    told: dict = field(default_factory=dict)  # metrics of a trace that was not kept

    @property
    def writers(self):
        return {name: job for name, job in self.jobs.items() if job.latency_ms}

    @property
    def writers_end_s(self):
        return max((job.end_s for job in self.jobs.values()), default=0.0)


# metric -> where summary.json has it
TOLD = {"start.first_throttle": "first_throttle_s", "pause.count": "pauses",
        "pause.p50": "pause_ms_p50", "pause.p99": "pause_ms_p99", "pause.max": "pause_ms_max",
        "pause.total": "pause_s_total"}


def alike(conditions):
    """Jobs that differ only in number, path and seed, on disks that differ in name only."""
    spec = job_language.parse(conditions["spec"])
    guest = guest_setup.parse(conditions["setup"])
    kinds = {}
    for number, job in enumerate(spec.jobs):
        disk = next((name for name in guest.disks if name in job.get("path", "")), "")
        own = {key: value for key, value in job.items()
               if key not in ("path", "seed", "line", "log_every")}
        kinds[str(number)] = json.dumps([own, guest.disks.get(disk)], sort_keys=True)
    for name, disk in guest.disks.items():
        mine = sorted(kinds[str(number)] for number, job in enumerate(spec.jobs)
                      if name in job.get("path", ""))
        kinds[name] = json.dumps([disk, mine], sort_keys=True)
    return kinds


AT_ONCE_S = 0.1


def works_of(rounds):
    """(works, the reason of each round). rounds: (t_s, starts, device, pages left, reason)."""
    works, order = [], []
    open_work = {}  # device -> (reason, pages it has left), and when
    for t_s, starts, device, left, reason in rounds:
        if not starts:
            open_work[device] = (reason, left), t_s
            continue
        order.append(reason)
        # A round goes on at once with what the one before it left, unless it can be seen to be the
        # first.
        first = reason == "background" and left == LONG_MAX
        same, ended_s = open_work.get(device, (None, t_s))
        if works and not first and same == (reason, left) and t_s - ended_s < AT_ONCE_S:
            works[-1].rounds += 1
        else:
            works.append(Work(t_s, reason))
    return works, order


def trace_of(looks, rounds):
    """looks: rows of LOOK_COLUMNS."""
    columns = numpy.array(looks, dtype=float).T if len(looks) else numpy.empty((5, 0))
    slept = columns[1] > 0
    return Trace(columns[0][slept], columns[1][slept], *columns[2:], *works_of(rounds))


def recorded_trace(directory):
    looks, rounds = [], []
    for event in trace_events.recorded(directory, EVENTS):
        if event.t_s < 0:
            continue  # the set-up's doing
        fields = event.fields
        if event.name == "balance_dirty_pages":
            looks.append([event.t_s] + [fields[key] for key in LOOK_COLUMNS[1:]])
        else:
            rounds.append((event.t_s, event.name == "writeback_start", fields["name"],
                           int(fields["nr_pages"]),
                           REASONS.get(fields["reason"], fields["reason"])))
    return trace_of(looks, rounds)


def simulated_trace(directory):
    """pauses.csv and rounds.csv, which are there if there was one."""
    looks, rounds = [], []
    if (directory / "pauses.csv").is_file():
        pauses = recording.table(directory, "pauses")
        looks = numpy.column_stack([pauses[key] for key in LOOK_COLUMNS])
    if (directory / "rounds.csv").is_file():
        with open(directory / "rounds.csv", newline="", encoding="utf-8") as file:
            rounds = [(float(row["t_s"]), row["event"] == "start", row["bdi"],
                       int(row["nr_pages"]), row["reason"]) for row in csv.DictReader(file)]
    return trace_of(looks, rounds)


def fsyncs_of(columns, key, unit, name):
    if len(columns[key]) == 0:
        return numpy.array([])
    ids = numpy.array([str(int(value)) if isinstance(value, float) else str(value)
                       for value in columns[key]])
    return numpy.asarray(columns[unit])[ids == name]


def metrics_of_trace(summary):
    """Of a recording without its trace: what its makers read from it. Of no pauses none is the
    longest."""
    known = set(TOLD) if summary.get("pauses") else {"pause.count", "pause.total"}
    return {metric: summary[key] for metric, key in TOLD.items()
            if metric in known and summary.get(key) is not None}


def load_recorded(directory):
    directory = pathlib.Path(directory)
    conditions = recording.conditions_of(directory)
    summary = recording.summary_of(directory)
    fsyncs = recording.table(directory, "fsync")
    jobs = {}
    for name, told in summary["jobs"].items():
        number = name.removeprefix("job")
        calls = told.get("write_us") or {}
        latency = {key: calls[word] / 1000
                   for key, word in ((50, "p50"), (99, "p99"), ("max", "max")) if calls.get("n")}
        jobs[number] = Job(told["first_s"], told["end_s"], told["bytes"], latency,
                           fsyncs_of(fsyncs, "job", "lat_s", number) * 1000)
    traced = (directory / "trace.txt.xz").is_file()
    disks = job_language.parse(conditions["spec"]).disks
    return SpecRun(tick_of(conditions), jobs, recording.table(directory, "series"), disks,
                   recorded_trace(directory) if traced else None, alike(conditions),
                   {} if traced else metrics_of_trace(summary))


def tick_of(_conditions):
    return 1 / HZ


def samples_of(directory, disks):
    """samples.csv in the names of series.csv."""
    columns = recording.samples_of(recording.table(directory, "samples"))
    result = {name: values for name, values in columns.items()
              if name in ("t_s", "nr_dirty", "nr_writeback", "nr_dirty_threshold",
                          "nr_dirty_background_threshold")}
    for disk in disks:
        for ours, theirs in DISK_COLUMNS.items():
            if f"{disk}_{ours}" in columns:
                result[f"{disk}_{theirs}"] = columns[f"{disk}_{ours}"]
    return result


def latency_of(writer):
    """summary.json's percentiles of write() calls, or of read() calls, ms."""
    for kind in ("write", "read"):
        calls = writer.get(kind, {}).get("clat_ns")
        if calls and calls["N"] > 0:
            told = calls["percentile"]
            return {50: told["50.000000"] / 1e6, 99: told["99.000000"] / 1e6,
                    "max": calls["max"] / 1e6}
    return {}


def load_simulated(directory, conditions):
    directory = pathlib.Path(directory)
    summary = json.loads((directory / "summary.json").read_text(encoding="utf-8"))
    fsyncs = recording.table(directory, "fsync")
    jobs = {}
    spec = job_language.parse(conditions["spec"])
    for name, writer in summary["writers"].items():
        end_s = writer["end_s"]
        if spec.jobs[int(name)].get("fsync_end"):  # a recorded job ends before that fsync
            end_s = fsyncs_of(fsyncs, "writer", "t_s", name)[-1]
        jobs[name] = Job(writer["start_s"], end_s, writer["io_bytes"], latency_of(writer),
                         fsyncs_of(fsyncs, "writer", "fsync_us", name) / 1000)
    disks = spec.disks
    return SpecRun(tick_of(conditions), jobs, samples_of(directory, disks), disks,
                   simulated_trace(directory), alike(conditions))
