#!/usr/bin/python3
"""When a recorded kernel of 3.2 to 3.10 looked at the write bandwidth of a disk.

    analysis/bandwidth_looks.py tests/reference/3.10.4/P6

The samples hold BdiWriteBandwidth, and the requests say how many pages were written when: with
them bdi_update_write_bandwidth() arrives at the sampled numbers only if it is called at certain
ticks, which are told until the writers stop. After exactly 200 ms it is the flusher that looks,
which leaves the limit alone; a writer waits for one tick more.
"""

import argparse
import bisect
import pathlib

import endings
import numpy

import recording
from scenario_words import PAGE_BYTES

SECTORS_PER_PAGE = PAGE_BYTES // 512
SAMPLED = "_BdiWriteBandwidth"
LONGEST_S = 0.24  # between two looks while somebody writes
AFTER_TICK_S = (0.0001, 0.0015, 0.003)  # who looks was woken by a tick, or by a request


class Disk:
    """What was sampled and written of one disk."""

    def __init__(self, run, name):
        requests = {column: values[run.requests[name]["write"] == 1]
                    for column, values in run.requests[name].items()}
        ends = requests["t_start_s"] + (requests["service_us"] + requests["late_us"]) / 1e6
        order = numpy.argsort(ends, kind="stable")
        pages = requests["sectors"][order] // SECTORS_PER_PAGE
        self.ends = list(ends[order])
        self.written_by = [0, *numpy.cumsum(pages).astype(int)]
        self.sampled_at = list(run.samples["t_s"])
        bandwidth = run.samples[name + SAMPLED]
        self.sampled = (bandwidth * 1024 // PAGE_BYTES).astype(int)
        self.hz = round(1 / run.tick_s)
        self.period = 1 << (3 * self.hz - 1).bit_length()  # roundup_pow_of_two(3 * HZ)

    def written(self, time):
        return self.written_by[bisect.bisect_right(self.ends, time)]

    def stays(self, bandwidth, tick, until):
        """Every sample between two looks shows what the first of them left."""
        first = bisect.bisect_right(self.sampled_at, (tick + 1) / self.hz)
        last = bisect.bisect_left(self.sampled_at, until / self.hz)
        return bool((self.sampled[first:last] == bandwidth).all())

    def looks_after(self, look):
        """The looks that may follow one, each (tick, pages written until then, bandwidth)."""
        tick, written, bandwidth = look
        for elapsed in range(self.hz // 5, int(LONGEST_S * self.hz) + 1):
            if not self.stays(bandwidth, tick, tick + elapsed):
                break
            for late in AFTER_TICK_S:
                now = self.written((tick + elapsed) / self.hz + late)
                done = (now - written) * self.hz + bandwidth * (self.period - elapsed)
                yield tick + elapsed, now, done // self.period

    def first_looks(self):
        """The estimate begins anew where a writer is throttled first: any tick until it changes."""
        changed = int(numpy.argmax(self.sampled != self.sampled[0]))
        last = int(self.sampled_at[changed] * self.hz)
        return {(tick, self.written(tick / self.hz + late), int(self.sampled[0]))
                for tick in range(last - self.hz // 2, last) for late in AFTER_TICK_S}


def chains(disk, until_s):
    """[{look: the looks that may come before it}], one dict for each look, as far as they lead."""
    layers = [{look: set() for look in disk.first_looks()}]
    while layers[-1] and min(layers[-1])[0] / disk.hz < until_s:
        following = {}
        for look in layers[-1]:
            for later in disk.looks_after(look):
                following.setdefault(later, set()).add(look)
        layers.append(following)
    return layers if layers[-1] else layers[:-1]


def intervals(layers):
    """[{(tick, ticks since the look before)}] of the looks from which the last can be reached."""
    told, reached = [], set(layers[-1])
    for layer in reversed(layers[1:]):
        told.append({(look[0], look[0] - before[0]) for look in reached for before in layer[look]})
        reached = set().union(*(layer[look] for look in reached))
    return told[::-1]


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("recording", type=pathlib.Path, help="folder with conditions.json")
    parser.add_argument("--disk", metavar="NAME", help="the first unless given")
    return parser.parse_args()


def looks_of(directory, name=None):
    """(the disk, intervals() of its looks)"""
    with recording.understanding():
        series = recording.table(pathlib.Path(directory), "series")
        if not any(column.endswith(SAMPLED) for column in series):
            raise recording.Damaged(f"its samples hold no {SAMPLED[1:]}")
        run = recording.load_recorded(directory)
        name = name or next(iter(run.requests))
        if name not in run.requests:
            raise recording.Damaged(f"there is no disk {name}, only {', '.join(run.requests)}")
        disk = Disk(run, name)
        return disk, intervals(chains(disk, run.writers_end_s))


def main():
    args = parse_args()
    try:
        disk, told = looks_of(args.recording, args.disk)
    except recording.Damaged as damage:
        raise endings.Unusable(f"{args.recording}: {damage}") from damage
    for looks in told:
        times, ticks = (sorted({look[i] for look in looks}) for i in (0, 1))
        print(" or ".join(f"{tick / disk.hz:7.3f}" for tick in times), "s ",
              " or ".join(str(count) for count in ticks), "ticks")
    print(f"{len(told)} looks, to {max(told[-1])[0] / disk.hz:.3f} s")
    return 0


if __name__ == "__main__":
    endings.run(main)
