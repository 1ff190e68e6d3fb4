#!/usr/bin/python3
"""The pipelines of arXiv 2101.01335 (a simulator of the Linux page cache, in WRENCH) run here.

Usage: wrench_paper.py DATA_DIR [--wbsim PATH] [--scale N] [--json FILE] [--out DIR] [--apps N...]

DATA_DIR holds the paper's measurements and published simulations (exp1_*.csv, exp2_*.csv,
exp23_*.csv). Prints, for each read and write of experiment 1, the real time, the published
simulated one, ours, and both errors; for experiment 2 the mean time an application spends
writing, which has its knee where the dirty limit is met. Exit code: 0 within the bars, 1 not.

What is taken from the measurements are the machine and the program, never a simulated result: the
rates of the disk (collectl), of reading and writing files that need no disk, the time the program
computes, free memory at the start, dirty_ratio 40 and dirty_background_ratio 10 (the level at which
dirty memory stays in atop's samples). Memory is slower for larger files, which lie on both of the
machine's nodes: the rate of reading is that of the cached reads of the same size, so these reads
(tasks 2 and 3, marked *) are no prediction; writing is slower in the same proportion. The mean
error is told without them as well.

With --scale N all sizes and rates are divided by N, and the processor time of a page multiplied:
the times stay the same.
"""

import argparse
import csv
import json
import pathlib
import statistics
import subprocess
import tempfile

import endings

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = 4096
KERNEL = "6.1"  # theirs is 4.18: per-device flusher work, IO-less throttling
DISK = "sda"
GB = 10**9
MEMORY_KIB = 262288396
CPUS = 32
CACHED_GB = 20  # files that never meet a limit
CALL_BYTES = 100_000_000
COPY_SHARE = 0.6  # of the time of a cached page; the rest is finding it. Only the sum matters.
TASKS = 3
EXP1_BAR = 0.05
KNEE_APPS = (10, 13)
KNEE_FACTOR = 4  # between those two the time to write grows by more than this


def rows(directory, name):
    try:
        with open(directory / name, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        raise endings.Unusable(f"{directory / name}: {error.strerror} (DATA_DIR holds the paper's "
                               "measurements)") from error


class Data:
    """The paper's measurements."""

    def __init__(self, directory):
        self.real = rows(directory, "exp1_real_times.csv")
        self.published = [row for row in rows(directory, "exp1_published_sim_times.csv")
                          if row["simulator"] == "wrench-cache"]
        self.memory = rows(directory, "exp1_real_mem_1s.csv")
        self.disk = [row for row in rows(directory, "exp1_real_disk_1s.csv")
                     if row["disk"] == DISK]
        self.apps = rows(directory, "exp2_real_local_3GB.csv")
        self.published_apps = [row for row in rows(directory, "exp23_published_sim.csv")
                               if row["fs"] == "local" and row["simulator"] == "wrench-cache"]

    def sizes(self):
        return sorted({int(row["file_gb"]) for row in self.real})

    def rate(self, column, other):
        """MB/s of the disk in seconds in which it did one thing only."""
        return statistics.median(
            float(row[column]) * 1024 / 1e6 for row in self.disk
            if float(row[column]) > 300_000 and float(row[other]) < 1_000)

    def read_rate(self):
        return self.rate("rKB", "wKB")

    def write_rate(self):
        return self.rate("wKB", "rKB")

    def page_ns(self, operation, size_gb):
        times = [float(row["duration_s"]) for row in self.operations(size_gb)
                 if row["op"] == operation and (operation == "write" or row["task"] != "1")]
        return statistics.mean(times) * 1e9 * PAGE / (size_gb * GB)

    def cached_ns(self, operation, size_gb):
        """Of one page that needs no disk, in a file of this size."""
        slower = self.page_ns("read", size_gb) / self.page_ns("read", CACHED_GB)
        return self.page_ns(operation, CACHED_GB) * slower

    def at_start(self, size_gb):
        """(free, cached) pages."""
        first = next(row for row in self.memory if int(row["file_gb"]) == size_gb)
        return int(first["free_pages"]), int(first["cache_pages"])

    def operations(self, size_gb):
        return [row for row in self.real if int(row["file_gb"]) == size_gb]


class Builder:
    def __init__(self, data, scale):
        self.data = data
        self.scale = scale

    def bytes(self, count):
        return f"{int(count / self.scale) // PAGE * PAGE}B"

    def costs(self, size_gb):
        """Zero but for what a page of read(2) and write(2) takes."""
        names = ("write_syscall", "write_buffer", "refill", "lru_batch", "allocate_block",
                 "new_page", "writeback_page", "writeback_by_buffers", "writeback_buffer",
                 "request", "context_switch", "complete_request", "complete_page",
                 "complete_by_buffers", "complete_buffer", "reclaim_page", "user_call")
        read, write = (self.data.cached_ns(what, size_gb) * self.scale
                       for what in ("read", "write"))
        copy = COPY_SHARE * min(read, write)
        return {**{name: "0ns" for name in names}, "copy_per_kib": f"{round(copy / 4)}ns",
                "read_page": f"{round(read - copy)}ns", "write_page": f"{round(write - copy)}ns"}

    def scenario(self, name, size_gb, files, jobs, duration_s):
        free, cached = self.data.at_start(size_gb)
        rate = lambda mb_s: f"{round(mb_s * 1e6 / self.scale)}B/s"
        return {"schema": "wbsim-scenario/1", "name": name,
                "description": "Tasks that read a file, compute, and write the next one",
                "source": "arXiv 2101.01335",
                "kernel": {"preset": KERNEL},
                "machine": {"memory": self.bytes(MEMORY_KIB * 1024), "cpus": CPUS,
                            "free_at_start": self.bytes(free * PAGE),
                            "file_cache_at_start": self.bytes(cached * PAGE),
                            "cpu_costs": self.costs(size_gb)},
                "vm": {"dirty_ratio": 40, "dirty_background_ratio": 10},
                "devices": [{"name": DISK, "model": "fixed", "capacity": "440GiB",
                             "bandwidth": rate(self.data.write_rate()),
                             "read_bandwidth": rate(self.data.read_rate()), "overhead": "0ns",
                             "driver_depth": 32, "max_sectors_kb": 1280, "read_ahead_kb": 4096}],
                "filesystems": [{"name": "fs", "device": DISK, "files": files}],
                "workloads": jobs,
                "run": {"until": "jobs-done", "duration": f"{duration_s}s",
                        "sample_interval": "1s"}}

    def pipeline(self, prefix, size, steps):
        """The files and jobs of one application; steps: (time before it, operation, file)."""
        files = [{"name": f"{prefix}{number}", "size": self.bytes(size)}
                 for number in range(1, TASKS + 2)]
        jobs = []
        for before_s, operation, number in steps:
            job = {"name": f"{prefix}-{operation}{number}", "rw": operation,
                   "filename": f"fs/{prefix}{number}", "bs": self.bytes(CALL_BYTES),
                   "size": self.bytes(size), "lockmem": self.bytes(size),
                   "startdelay": f"{round(before_s * 1000)}ms"}
            if jobs:
                job["wait_for"] = jobs[-1]["name"]
            jobs.append(job)
        return files, jobs

    def one_pipeline(self, size_gb):
        steps, end = [], 0.0
        for row in self.data.operations(size_gb):
            number = int(row["task"]) + (row["op"] == "write")
            steps.append((max(float(row["start_s"]) - end, 0.0), row["op"], number))
            end = float(row["end_s"])
        files, jobs = self.pipeline("file", size_gb * GB, steps)
        return self.scenario(f"pipeline-{size_gb}gb", size_gb, files, jobs, round(3 * end))

    def applications(self, count):
        mine = [row for row in self.data.apps if int(row["n_apps"]) == count]
        compute = statistics.mean(float(row["cpu_end"]) - float(row["cpu_start"]) for row in mine)
        files, jobs = [], []
        for app in range(count):
            steps = [step for task in range(1, TASKS + 1)
                     for step in ((0, "read", task), (compute, "write", task + 1))]
            more_files, more_jobs = self.pipeline(f"app{app}-file", 3 * GB, steps)
            files += more_files
            jobs += more_jobs
        return self.scenario(f"applications-{count}", CACHED_GB, files, jobs, 2000)


def run(scenario, options, kept):
    kept.mkdir(parents=True, exist_ok=True)
    path = kept / f"{scenario['name']}.json"
    path.write_text(json.dumps(scenario, indent=1) + "\n", encoding="utf-8")
    done = subprocess.run([str(options.wbsim), "run", str(path), "--json"], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{path.name}: exit code {done.returncode}\n{done.stderr}")
    told = json.loads(done.stdout)
    return (told[0] if isinstance(told, list) else told)["writers"]


def took(writer):
    return writer["end_s"] - writer["start_s"]


def relative(value, real):
    return (value - real) / real


def experiment_1(data, options, kept):
    builder, entries = Builder(data, options.scale), []
    for size_gb in data.sizes():
        writers = run(builder.one_pipeline(size_gb), options, kept)
        for row in data.operations(size_gb):
            published = next(float(other["duration_s"]) for other in data.published
                             if all(other[key] == row[key] for key in ("file_gb", "op", "task")))
            number = int(row["task"]) + (row["op"] == "write")
            real, ours = float(row["duration_s"]), took(writers[f"file-{row['op']}{number}"])
            entries.append({"operation": f"{size_gb} GB, {row['op']} {row['task']}", "real": real,
                            "predicted": row["op"] == "write" or row["task"] == "1",
                            "published": published, "simulated": ours,
                            "published_error": relative(published, real),
                            "error": relative(ours, real)})
    return entries


def real_write_s(data, count):
    """Mean over repetitions and applications of the time one spends in its three writes."""
    mine = [row for row in data.apps if int(row["n_apps"]) == count]
    total = sum(float(row["write_end"]) - float(row["write_start"]) for row in mine)
    return total / (len(mine) / TASKS)


def experiment_2(data, options, kept):
    builder, entries = Builder(data, options.scale), []
    counts = sorted({int(row["n_apps"]) for row in data.apps})
    for count in [n for n in counts if not options.apps or n in options.apps]:
        writers = run(builder.applications(count), options, kept)
        ours = sum(took(writer) for name, writer in writers.items() if "-write" in name) / count
        published = next((float(row["sum_write_s"]) / count for row in data.published_apps
                          if int(row["n_apps"]) == count), None)
        entries.append({"applications": count, "real": real_write_s(data, count),
                        "published": published, "simulated": ours})
    return entries


def mean_error(entries, key):
    return statistics.mean(abs(row[key]) for row in entries)


def knee_met(entries):
    """Whether the time to write an application's files jumps between the same two counts."""
    ours = {row["applications"]: row["simulated"] for row in entries}
    if not all(count in ours for count in KNEE_APPS):
        return True
    return ours[KNEE_APPS[1]] > KNEE_FACTOR * ours[KNEE_APPS[0]]


def report(first, second):
    predicted = [row for row in first if row["predicted"]]
    print(f"{'operation':20} {'real s':>8} {'WRENCH s':>9} {'ours s':>8} {'WRENCH':>9} {'ours':>8}")
    for row in first:
        mark = "" if row["predicted"] else " *"
        print(f"{row['operation'] + mark:20} {row['real']:8.2f} {row['published']:9.2f} "
              f"{row['simulated']:8.2f} {100 * row['published_error']:+8.1f} % "
              f"{100 * row['error']:+6.1f} %")
    print(f"mean absolute error: WRENCH {100 * mean_error(first, 'published_error'):.1f} %, "
          f"ours {100 * mean_error(first, 'error'):.1f} % (bar {100 * EXP1_BAR:g} %); without "
          f"those marked *: {100 * mean_error(predicted, 'published_error'):.1f} %, "
          f"{100 * mean_error(predicted, 'error'):.1f} %")
    print(f"\n{'applications':>12} {'real s':>8} {'WRENCH s':>9} {'ours s':>8}   (writing, each)")
    for row in second:
        published = "" if row["published"] is None else f"{row['published']:.1f}"
        print(f"{row['applications']:12} {row['real']:8.1f} {published:>9} {row['simulated']:8.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("data", type=pathlib.Path, metavar="DATA_DIR")
    parser.add_argument("--wbsim", type=pathlib.Path, default=ROOT / "build/release/wbsim")
    parser.add_argument("--scale", type=int, default=16)
    parser.add_argument("--apps", type=int, nargs="*", help="only these counts of experiment 2")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="keep the scenarios")
    options = parser.parse_args()
    endings.check_wbsim(options.wbsim)
    endings.check_outputs([options.json], [options.out])
    data = Data(options.data)
    with tempfile.TemporaryDirectory() as scratch:
        kept = options.out or pathlib.Path(scratch)
        first = experiment_1(data, options, kept)
        second = experiment_2(data, options, kept)
    report(first, second)
    if options.json:
        options.json.write_text(json.dumps({"experiment_1": first, "experiment_2": second},
                                           indent=1) + "\n", encoding="utf-8")
    return 0 if mean_error(first, "error") <= EXP1_BAR and knee_met(second) else 1


if __name__ == "__main__":
    endings.run(main)
