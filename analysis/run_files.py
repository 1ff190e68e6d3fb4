"""Reads what the program wrote: a run directory, or a directory of compared runs.

Tables become dictionaries of numpy arrays, one per column. A file that a run may lack is None when
it is absent and a table of zero rows when it is empty.
"""
import csv
import json
import os
import re

import numpy as np

TEXT_COLUMNS = frozenset({"writer", "disk", "reason", "thread", "work"})

# The columns without which a file is not what its name says.
REQUIRED_COLUMNS = {
    "samples.csv": ("t_s", "nr_dirty", "nr_writeback", "nr_dirty_threshold",
                    "nr_dirty_background_threshold", "pdflush", "flush"),
    "writes.csv": ("writer", "t_s", "latency_us", "bytes"),
    "reads.csv": ("writer", "t_s", "latency_us", "bytes"),
    "fsync.csv": ("writer", "t_s", "write_us", "fsync_us"),
    "requests.csv": ("t_start_s", "service_us", "disk", "write", "sector", "sectors",
                     "head_before", "reason", "thread"),
    "works.csv": ("t_start_s", "t_end_s", "thread", "work", "pages"),
}

# What lies in what: {} is an object, "*" each member of one.
SUMMARY = {"writers": {"*": {}}, "aggregate": {}, "devices": {"*": {}}, "memory": {},
           "flushers": {}}
MANIFEST = {"scenario": {"devices": [{}]}}


class BadInput(Exception):
    """The directory or a file in it cannot be used; the text says which and why."""


def read_json(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    except ValueError as error:
        raise BadInput(f"{path}: not JSON: {error}") from error


def read_object(path, shape):
    found = read_json(path)
    _check_shape(path, found, shape, "")
    return found


def _check_shape(path, value, shape, place):
    if not isinstance(value, type(shape)):
        kind = "an object" if isinstance(shape, dict) else "an array"
        raise BadInput(f"{path}: {place or 'it'} is not {kind}: damaged, or of another version of "
                       "wbsim (run it again)")
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for key, member in members:
        inner = shape[0] if isinstance(shape, list) else shape.get(key, shape.get("*"))
        if inner is not None:
            _check_shape(path, member, inner, f"{place}/{key}")


def read_csv(path, required=()):
    """The table at path as {column: array} of str (text columns) or float (empty cells: nan)."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            header = next(reader, None)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if not header:
        raise BadInput(f"{path}: empty, not even a header line")
    missing = [name for name in required if name not in header]
    if missing:
        raise BadInput(f"{path}: no column '{missing[0]}'")
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise BadInput(f"{path}:{line}: {len(row)} fields, the header has {len(header)}")
    columns = zip(*rows) if rows else [()] * len(header)
    return {name: _column(path, name, cells) for name, cells in zip(header, columns)}


def _column(path, name, cells):
    if name in TEXT_COLUMNS:
        return np.array(cells, dtype=object)
    try:
        return np.array([cell or "nan" for cell in cells], dtype=float)
    except ValueError:
        for line, cell in enumerate(cells, start=2):
            try:
                float(cell or "nan")
            except ValueError:
                raise BadInput(f"{path}:{line}: column '{name}': "
                               f"'{cell}' is not a number") from None
        raise


def rows(table):
    """Number of rows of a table; 0 also for one that is absent."""
    return len(next(iter(table.values()))) if table else 0


def seconds(duration):
    """Of a duration as a scenario has it."""
    for unit, length in (("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("min", 60.0),
                         ("h", 3600.0), ("s", 1.0)):
        if duration.endswith(unit):
            return float(duration[:-len(unit)]) * length
    raise BadInput(f"not a duration: {duration}")


class Run:
    """One run directory, read whole."""

    def __init__(self, path):
        self.path = path
        self.directory_name = os.path.basename(os.path.abspath(path))
        self.summary = read_object(os.path.join(path, "summary.json"), SUMMARY)
        manifest = os.path.join(path, "manifest.json")
        self.manifest = read_object(manifest, MANIFEST) if os.path.exists(manifest) else {}
        self.label = self._label()
        self._tables = {name: self._read(name) for name in REQUIRED_COLUMNS}
        if not rows(self.samples):
            raise BadInput(f"{path}/samples.csv: no samples")
        if not self.devices:
            raise BadInput(f"{path}/samples.csv: no columns of a device")

    def table(self, name):
        """The named table, or None when the run did not write it."""
        return self._tables[name]

    def _read(self, name):
        path = os.path.join(self.path, name)
        if name != "samples.csv" and not os.path.exists(path):
            return None
        return read_csv(path, REQUIRED_COLUMNS[name])

    @property
    def samples(self):
        return self.table("samples.csv")

    @property
    def kernel(self):
        return str(self.summary.get("kernel", ""))

    @property
    def flusher(self):
        return str(self.summary.get("flusher", ""))

    @property
    def scenario(self):
        return str(self.summary.get("name", self.directory_name))

    def _label(self):
        """Which variant this is, in the user's words first: pdflush (2.6.31)."""
        parts = [self.flusher, self.kernel]
        named = self.directory_name if self.directory_name in parts else self.flusher
        other = [part for part in parts if part and part != named]
        return f"{named} ({other[0]})" if named and other else named or self.directory_name

    @property
    def end(self):
        """Last sampled instant, in seconds."""
        return float(self.samples["t_s"][-1])

    @property
    def devices(self):
        """Names of the devices, in the order of the samples' columns."""
        suffix = "_wr_sectors"
        return [name[:-len(suffix)] for name in self.samples if name.endswith(suffix)]

    def device_setting(self, device, key, default):
        """A number of the device's section in the resolved scenario."""
        for entry in self.manifest.get("scenario", {}).get("devices", []):
            if entry.get("name") == device and isinstance(entry.get(key), (int, float)):
                return entry[key]
        return default

    def device_faults(self, device):
        """(kind, start, end) in seconds of each; the end of one without a duration is infinite."""
        for entry in self.manifest.get("scenario", {}).get("devices", []):
            if entry.get("name") == device:
                return [(fault["kind"], seconds(fault.get("start", "0s")),
                         seconds(fault["start"]) + seconds(fault["duration"])
                         if "duration" in fault else float("inf"))
                        for fault in entry.get("faults", [])]
        return []

    def device_column(self, device, key):
        return self.samples.get(f"{device}_{key}")

    def per_second(self, counter):
        """(edges, rates) of a growing sampled counter over whole seconds, as vmstat 1 has it."""
        time, value = self.samples["t_s"], self.samples[counter]
        edges = np.arange(0, int(self.end + 1e-6) + 1, dtype=float)
        if self.end - edges[-1] > 0.05 or len(edges) < 2:
            edges = np.append(edges, max(self.end, 1e-3))
        return edges, np.diff(np.interp(edges, time, value)) / np.diff(edges)


def is_run(path):
    return all(os.path.isfile(os.path.join(path, name)) for name in ("summary.json", "samples.csv"))


def _kernel_order(run):
    return [int(part) for part in re.findall(r"\d+", run.kernel)], run.directory_name


def load(path):
    """(runs, is_compare) of a run directory or of a directory that holds compared runs.

    Compared runs come oldest kernel first, then by name.
    """
    if not os.path.isdir(path):
        reason = "not a directory" if os.path.exists(path) else "no such directory"
        raise BadInput(f"{path}: {reason}")
    if is_run(path):
        return [Run(path)], False
    try:
        inside = sorted(name for name in os.listdir(path)
                        if is_run(os.path.join(path, name)) and not name.endswith(".partial"))
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from error
    if not inside:
        raise BadInput(f"{path}: holds no run (summary.json and samples.csv) "
                       "and no directory with one")
    runs = sorted((Run(os.path.join(path, name)) for name in inside), key=_kernel_order)
    if len({run.label for run in runs}) < len(runs):
        for run in runs:
            run.label = run.directory_name
    return runs, True
