#!/usr/bin/python3
"""Gathers many runs in one SQLite file, for questions over a sweep.

usage: collect.py RUNS.sqlite DIR... [--summary-only]

DIR is what `run` or `compare` wrote, or a folder that holds such at any depth. A run that is in the
file already (same resolved scenario, same version of the program) is left out, so that the command
may be repeated while a sweep goes on. Tables:

  runs            run, name, kernel, flusher, throttle, seed, scenario_hash, version
  summary         run, pointer, value: each number of summary.json, e.g. /aggregate/bw_bytes
  scenario        run, pointer, value: each setting of the resolved scenario
  samples         run, and the columns of samples.csv that are not a device's
  device_samples  run, t_s, device, and a device's columns
  writes, reads, fsync, requests, works: run, and the columns of the file

  sqlite3 runs.sqlite "select s.value, m.value from scenario s join summary m using (run)
    where s.pointer = '/vm/dirty_ratio' and m.pointer = '/aggregate/bw_bytes' order by 1"
"""
import argparse
import csv
import os
import sqlite3
import sys

import endings
import run_files

TABLES = ("writes", "reads", "fsync", "requests", "works")
RUNS = """
create table if not exists runs (run integer primary key, name text, kernel text, flusher text,
  throttle text, seed integer, scenario_hash text, version text, unique (scenario_hash, version));
create table if not exists summary (run integer, pointer text, value real,
  primary key (run, pointer)) without rowid;
create table if not exists scenario (run integer, pointer text, value,
  primary key (run, pointer)) without rowid;
"""


def leaves(value, pointer=""):
    """(JSON pointer, value) of everything in it that is neither an object nor an array."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{pointer}/{index}")
    else:
        yield pointer, value


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


class Collection:
    """The file, open for one transaction."""

    def __init__(self, path):
        self.database = sqlite3.connect(path)
        self.database.executescript(RUNS)

    def add(self, path, with_tables):
        """Adds the run in this directory; False when it is there already."""
        manifest = run_files.read_object(os.path.join(path, "manifest.json"), run_files.MANIFEST)
        summary = run_files.read_object(os.path.join(path, "summary.json"), run_files.SUMMARY)
        row = [summary.get(key) for key in ("name", "kernel", "flusher", "throttle", "seed")]
        row += [manifest.get(key) for key in ("scenario_hash", "version")]
        cursor = self.database.execute(
            "insert or ignore into runs (name, kernel, flusher, throttle, seed, scenario_hash, "
            "version) values (?, ?, ?, ?, ?, ?, ?)", row)
        if cursor.rowcount == 0:
            return False
        run = cursor.lastrowid
        numbers = [(run, pointer, value) for pointer, value in leaves(summary)
                   if isinstance(value, (int, float)) and not isinstance(value, bool)]
        self.database.executemany("insert into summary values (?, ?, ?)", numbers)
        self.database.executemany("insert into scenario values (?, ?, ?)",
                                  ((run, *leaf) for leaf in leaves(manifest.get("scenario", {}))))
        if with_tables:
            self.add_samples(run, os.path.join(path, "samples.csv"))
            for table in TABLES:
                self.add_csv(run, table, os.path.join(path, f"{table}.csv"))
        return True

    def add_csv(self, run, table, path):
        if not os.path.exists(path):
            return
        header, rows = read_rows(path)
        self.insert(table, ["run", *header], ((run, *row) for row in rows))

    def add_samples(self, run, path):
        header, rows = read_rows(path)
        suffix = "_wr_sectors"
        devices = [name[:-len(suffix)] for name in header if name.endswith(suffix)]
        owner = [next((d for d in devices if name.startswith(d + "_")), None) for name in header]
        common = [i for i, device in enumerate(owner) if device is None]
        rows = list(rows)
        self.insert("samples", ["run", *(header[i] for i in common)],
                    ((run, *(row[i] for i in common)) for row in rows))
        for device in devices:
            mine = [i for i, of in enumerate(owner) if of == device]
            self.insert("device_samples",
                        ["run", "t_s", "device", *(header[i][len(device) + 1:] for i in mine)],
                        ((run, row[0], device, *(row[i] for i in mine)) for row in rows))

    def insert(self, table, columns, rows):
        """Rows into a table, which gets the columns it lacks. Numbers become numbers."""
        names = [quoted(name) for name in columns]
        known = [row[1] for row in self.database.execute(f"pragma table_info({quoted(table)})")]
        if not known:
            self.database.execute(f"create table {quoted(table)} "
                                  f"({', '.join(name + ' numeric' for name in names)})")
            self.database.execute(f"create index {quoted(table + '_run')} on {quoted(table)} (run)")
        for column, name in zip(columns, names):
            if known and column not in known:
                self.database.execute(f"alter table {quoted(table)} add column {name} numeric")
        self.database.executemany(
            f"insert into {quoted(table)} ({', '.join(names)}) "
            f"values ({', '.join('?' * len(names))})", rows)


def read_rows(path):
    """(header, rows) of a CSV file."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            header = next(reader, None)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise run_files.BadInput(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if not header or any(len(row) != len(header) for row in rows):
        raise run_files.BadInput(f"{path}: not a table")
    return header, rows


def runs_below(path):
    """The run directories at and below this one, in order of their names."""
    if run_files.is_run(path):
        return [path]
    found = []
    for folder, folders, _ in os.walk(path):
        folders.sort()
        folders[:] = [name for name in folders if not name.endswith(".partial")]
        found += [os.path.join(folder, name) for name in folders
                  if run_files.is_run(os.path.join(folder, name))]
    if not found:
        raise run_files.BadInput(f"{path}: holds no run (summary.json and samples.csv)")
    return sorted(found)


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="collect.py", description="Gathers many runs in one SQLite file.")
    parser.add_argument("database", metavar="RUNS.sqlite")
    parser.add_argument("directories", metavar="DIR", nargs="+")
    parser.add_argument("--summary-only", action="store_true",
                        help="leave out samples and the tables of calls, requests and jobs")
    options = parser.parse_args(arguments)
    runs = [run for path in options.directories for run in runs_below(path)]
    try:
        collection = Collection(options.database)
        with collection.database:
            added = sum(collection.add(run, not options.summary_only) for run in runs)
    except sqlite3.Error as error:
        raise OSError(0, str(error), options.database) from error
    print(f"{added} runs added, {len(runs) - added} were there already")
    return 0


if __name__ == "__main__":
    endings.run(lambda: main(sys.argv[1:]), run_files.BadInput)
