"""A run, recorded or simulated, read into one structure; the metrics do not know which it was."""

import contextlib
import csv
import json
import lzma
import pathlib
import threading
from dataclasses import dataclass, field

import numpy


_LOOKED_AT = threading.local()  # .place: what was asked last of a recording, with its file


class Damaged(Exception):
    """A file of a recording that is not there or cannot be read; the text names it."""


class Told(dict):
    """A JSON object, or the columns of a table: it knows its place, and a key that is not there
    is damage."""

    def __init__(self, items, place):
        super().__init__(items)
        self.place = place  # with a key behind it

    def __getitem__(self, key):
        _LOOKED_AT.place = f"{self.place}{key}"
        return super().__getitem__(key)

    def __missing__(self, key):
        raise Damaged(f"{self.place}{key} is missing; it has {', '.join(self) or 'nothing'}")


@contextlib.contextmanager
def understanding():
    """Whatever goes wrong while a recording is used is said of the place that was looked at."""
    _LOOKED_AT.place = "conditions.json: /"
    try:
        yield
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise Damaged(f"{_LOOKED_AT.place} has a value, or a place, that does not fit the rest "
                      f"({type(error).__name__}: {error})") from error


def _with_places(value, where):
    if isinstance(value, dict):
        return Told({key: _with_places(inner, f"{where}/{key}") for key, inner in value.items()},
                    f"{where}/")
    if isinstance(value, list):
        return [_with_places(inner, f"{where}/{i}") for i, inner in enumerate(value)]
    return value


@contextlib.contextmanager
def reading(path):
    """What goes wrong within is said of this file."""
    try:
        yield
    except FileNotFoundError as error:
        raise Damaged(f"{path.name} is missing") from error
    except (OSError, EOFError, lzma.LZMAError, csv.Error, ValueError) as error:
        raise Damaged(f"{path.name} cannot be read: {error}") from error


# The recorder stops this long after the last writer if something stays dirty.
RECORDED_AFTER_WRITERS_S = 60


@dataclass
class Writer:
    """One bulk writer: what it handed over, and its write() calls in order of time."""
    start_s: float
    end_s: float
    io_bytes: int
    t_s: numpy.ndarray
    latency_us: numpy.ndarray
    call_bytes: numpy.ndarray
    calls: int  # more than len(t_s) when only slow calls were kept
    percentiles_ms: dict = field(default_factory=dict)  # 50 and 99, told for all calls even then


@dataclass
class Run:
    tick_s: float
    writers: dict  # name -> Writer, bulk writers only
    fsyncs: dict  # name -> {"t_s", "write_us", "fsync_us"}
    requests: dict  # disk name -> {"t_start_s", "service_us", "write", "sectors", ...}
    samples: dict  # column -> array, from t_s = 0 on
    kind: dict = field(default_factory=dict)  # name of writer or disk -> those alike share it

    @property
    def fsyncs_end_s(self):
        ends = [fsync["t_s"] + (fsync["write_us"] + fsync["fsync_us"]) / 1e6
                for fsync in self.fsyncs.values() if len(fsync["t_s"])]
        return float(max(map(numpy.max, ends), default=0.0))

    @property
    def writers_end_s(self):
        """When the last bulk writer ended; without any, the last fsync."""
        return max((writer.end_s for writer in self.writers.values()), default=self.fsyncs_end_s)

    @property
    def writers_start_s(self):
        return min((writer.start_s for writer in self.writers.values()), default=0.0)


def read_json(path):
    with reading(path):
        told = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(told, dict):
            raise ValueError("it does not hold one object")
    return _with_places(told, f"{path.name}: ")


def conditions_of(directory):
    return read_json(pathlib.Path(directory) / "conditions.json")


def summary_of(directory):
    """summary.json of a recording that has one."""
    path = pathlib.Path(directory) / "summary.json"
    return read_json(path) if path.is_file() else {}


def has_spec(conditions):
    """Whether the recording says what ran in the job language."""
    return "spec" in conditions


def read_columns(path):
    """{column: array} of a CSV file, plain or xz; text columns stay lists of str."""
    opener = lzma.open if path.suffix == ".xz" else open
    with reading(path), opener(path, "rt", encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file)) or [[]]
        if not header:
            raise ValueError("it is empty")
        for number, row in enumerate(rows, 2):
            if len(row) != len(header):
                raise ValueError(f"line {number} has {len(row)} fields of {len(header)}")
        columns = list(zip(*rows)) or [()] * len(header)
    result = {}
    for name, values in zip(header, columns):
        try:
            result[name] = numpy.array([float(value) if value else numpy.nan for value in values])
        except ValueError:
            result[name] = list(values)
    return Told(result, f"{path.name}: column ")


def table(directory, name):
    """read_columns() of NAME.csv in `directory`, whether it is compressed or not."""
    plain, packed = directory / f"{name}.csv", directory / f"{name}.csv.xz"
    if not plain.is_file() and not packed.is_file():
        raise Damaged(f"neither {plain.name} nor {packed.name} is there")
    return read_columns(plain if plain.is_file() else packed)


def alike(conditions):
    """Writers and disks that differ in name only get the same kind.

    Which of several equal writers is the lucky one is chance; they are compared by rank.
    """
    workload = conditions["workload"]
    disks = {disk["name"]: json.dumps({k: v for k, v in disk.items() if k != "name"},
                                      sort_keys=True)
             for disk in conditions["disks"]}
    jobs = {str(job["id"]): json.dumps({k: v for k, v in job.items()
                                        if k not in ("id", "path", "disk")}, sort_keys=True)
                            + disks[job["disk"]]
            for job in workload["jobs"]}
    for disk in list(disks):
        disks[disk] += "".join(sorted(jobs[str(job["id"])] for job in workload["jobs"]
                                      if job["disk"] == disk))
    return {**jobs, **disks}


def bulk_jobs(conditions):
    return {str(job["id"]): job for job in conditions["workload"]["jobs"]
            if job["op"] != "overwrite_and_fsync"}


def group_by(columns, key, names):
    """The rows of `columns` for each name; a row's `key` is a name, or its index if a number."""
    ids = columns[key]
    if not isinstance(ids, list):
        ids = [str(int(value)) for value in ids]
    ids = numpy.array(ids, dtype=str)
    result = {}
    for index, name in enumerate(names):
        chosen = (ids == name) | (ids == str(index) if name not in ids else False)
        result[name] = Told({column: numpy.asarray(values)[chosen]
                             for column, values in columns.items() if column != key},
                            columns.place)
    return result


def writers_of(conditions, directory, totals):
    """totals: name -> (io_bytes, start_s, end_s)."""
    jobs = bulk_jobs(conditions)
    if not jobs:
        return {}
    rows = group_by(table(directory, "writes"), "writer", list(jobs))
    writers = {}
    for name, job in jobs.items():
        io_bytes, start_s, end_s = totals[name]
        mine = rows[name]
        writers[name] = Writer(start_s, end_s, io_bytes, mine["t_s"], mine["latency_us"],
                               mine["bytes"], max(len(mine["t_s"]), io_bytes // job["bs"]))
    return writers


def fsyncs_of(conditions, directory):
    names = [str(job["id"]) for job in conditions["workload"]["jobs"]
             if job["op"] == "overwrite_and_fsync"]
    if not names:
        return {}
    columns = table(directory, "fsync")
    if "writer" not in columns:
        if len(names) > 1:
            raise Damaged("fsync.csv does not say which of several jobs a row belongs to")
        return {names[0]: columns}
    return group_by(columns, "writer", names)


def samples_of(columns):
    started = columns["t_s"] >= 0
    return {name: values[started] for name, values in columns.items()
            if not isinstance(values, list)}


def kernel_number(release):
    """2.6.31 as (2, 6, 31), which compares as kernels follow each other."""
    return tuple(int(part) for part in release.split("-")[0].split("."))


def tick_of(conditions):
    return 1.0 / conditions["kernel"]["HZ"]


def load_recorded(directory):
    directory = pathlib.Path(directory)
    conditions = conditions_of(directory)
    totals = {str(writer["id"]): (writer["bytes"], writer["start_s"], writer["end_s"])
              for writer in conditions["workload"]["writers"]}
    disks = [disk["name"] for disk in conditions["disks"]]
    writers = writers_of(conditions, directory, totals)
    for told, writer in zip(conditions["summary"].get("wlat", []), writers.values()):
        if told["n"] == writer.calls > len(writer.t_s):
            writer.percentiles_ms = {50: told["p50"], 99: told["p99"]}
    return Run(tick_of(conditions), writers,
               fsyncs_of(conditions, directory),
               group_by(table(directory, "requests"), "disk", disks),
               samples_of(table(directory, "series")), alike(conditions))


def load_simulated(directory, conditions):
    """`directory` is an output directory of wbsim; `conditions` those of the recording."""
    directory = pathlib.Path(directory)
    summary = json.loads((directory / "summary.json").read_text(encoding="utf-8"))
    totals = {name: (writer["io_bytes"], writer["start_s"], writer["end_s"])
              for name, writer in summary["writers"].items()}
    disks = [disk["name"] for disk in conditions["disks"]]
    run = Run(tick_of(conditions),
              writers_of(conditions, directory, totals), fsyncs_of(conditions, directory),
              group_by(table(directory, "requests"), "disk", disks),
              samples_of(table(directory, "samples")), alike(conditions))
    return cut(run)


def cut(run):
    """What a recorder would have seen: nothing later than its end."""
    end = run.writers_end_s + RECORDED_AFTER_WRITERS_S
    for name, rows in run.requests.items():
        seen = rows["t_start_s"] <= end
        run.requests[name] = {column: values[seen] for column, values in rows.items()}
    seen = run.samples["t_s"] <= end + run.tick_s
    run.samples = {column: values[seen] for column, values in run.samples.items()}
    return run
