#!/usr/bin/python3
"""Draws the five figures with which Fengguang Wu argued for IO-less throttling, from the
tracepoints written for them: balance_dirty_pages, bdi_dirty_ratelimit, global_dirty_state.

usage: plot_throttle.py RUN_OR_TRACE [--real TRACE] [--out DIR] [--format png,svg]

RUN_OR_TRACE is the directory of a run with --trace ftrace (kernel 3.10 or 6.1), or a trace that
wbsim_io.py reads. --real lays a recorded trace over it: thick lines are the first, thin black ones
the second.
"""
import argparse
import os
import sys

import endings
import plot_style as style
import run_files
import wbsim_io
from plot import formats, save
from plot_page import Page, say

from matplotlib import ticker
from matplotlib.lines import Line2D

PAGE_MIB = style.PAGE_BYTES / style.MIB
KIB_TO_MB = 1024 / 1e6  # the kernel prints KiB/s
REAL = {"color": style.BLACK, "linewidth": 0.6, "alpha": 0.85}


class Source:
    """The events of one trace, simulated or recorded."""

    def __init__(self, events, real):
        self.events = events
        self.real = real

    def frame(self, event, bdi=None):
        """The frame of an event, of one bdi by its place among the trace's."""
        frame = self.events.get(event)
        if frame is None or bdi is None:
            return frame
        names = self.bdis()
        return frame[frame["bdi"] == names[bdi]] if bdi < len(names) else None

    def bdis(self):
        """Names of the bdis that were throttled, by their device numbers."""
        frame = self.events.get("balance_dirty_pages")
        return [] if frame is None else sorted(frame["bdi"].unique(), key=_numbers)

    def tasks(self):
        """(pid, comm) of the throttled tasks, in the order of their numbers."""
        frame = self.events.get("balance_dirty_pages")
        if frame is None:
            return []
        return sorted(set(zip(frame["pid"], frame["comm"])))


def _numbers(bdi):
    return [int(part) for part in str(bdi).replace(",", ":").split(":") if part.isdigit()]


def line(axes, source, frame, column, scale, **look):
    """One quantity of one trace over time."""
    if frame is None or column not in frame or frame.empty:
        return
    axes.plot(frame["t_s"], frame[column] * scale, **({**look, **REAL} if source.real else look))


def finish(axes, sources, label, unit, last):
    axes.set_xlim(0, max(source.frame("balance_dirty_pages")["t_s"].max() for source in sources))
    axes.set_ylim(bottom=0)
    axes.set_title(label)
    axes.set_ylabel(unit)
    axes.yaxis.set_major_locator(ticker.MaxNLocator(4))
    if last:
        axes.set_xlabel("time since the jobs began (s)")
    else:
        axes.tick_params(labelbottom=False)


def keys(page, entries, sources):
    handles = [Line2D([], [], color=colour, linestyle=line_style, label=words)
               for words, colour, line_style in entries]
    if any(source.real for source in sources) and len(sources) > 1:
        handles.append(Line2D([], [], label="recorded", **REAL))
    page.keys(handles)


def dirty(sources, title):
    """Dirty pages against the setpoint and the limits."""
    page = Page(sources, f"{title}: dirty pages, setpoint and limits", [2.6], columns=1)
    lines = (("dirty + write-back", "dirty", style.BLUE, "solid"),
             ("setpoint", "setpoint", style.GREEN, "solid"),
             ("limit", "limit", style.VERMILLION, "solid"))
    keys(page, [(words, colour, kind) for words, _, colour, kind in lines] +
         [("background threshold", style.ORANGE, (0, (4, 2)))], sources)
    axes = page.panel(0, 0)
    for source in sources:
        for _, column, colour, kind in lines:
            line(axes, source, source.frame("balance_dirty_pages"), column, PAGE_MIB, color=colour,
                 linestyle=kind, linewidth=1.4)
        line(axes, source, source.frame("global_dirty_state"), "bg_thresh", PAGE_MIB,
             color=style.ORANGE, linestyle=(0, (4, 2)), linewidth=1.2)
    finish(axes, sources, "All devices", "MiB", last=True)
    return page.figure


def each_bdi(sources, title, what, height, draw, entries, unit):
    bdis = sources[0].bdis()
    page = Page(sources, f"{title}: {what}", [height] * max(len(bdis), 1), columns=1)
    keys(page, entries, sources)
    if not bdis:
        say(page.panel(0, 0), "nobody was throttled in this trace")
    for row, bdi in enumerate(bdis):
        axes = page.panel(row, 0)
        for source in sources:
            draw(axes, source, row)
        finish(axes, sources, f"bdi {bdi}", unit, last=row == len(bdis) - 1)
    return page.figure


def bdi_dirty(sources, title):
    """Dirty pages of each device against its setpoint."""
    def draw(axes, source, bdi):
        frame = source.frame("balance_dirty_pages", bdi)
        line(axes, source, frame, "bdi_dirty", PAGE_MIB, color=style.BLUE, linewidth=1.4)
        line(axes, source, frame, "bdi_setpoint", PAGE_MIB, color=style.GREEN, linewidth=1.4)
    return each_bdi(sources, title, "dirty pages of each device against its setpoint", 2.0, draw,
                    [("bdi_dirty", style.BLUE, "solid"), ("bdi_setpoint", style.GREEN, "solid")],
                    "MiB")


RATES = (("write_bw", style.SKY, "write bandwidth"), ("awrite_bw", style.BLUE, "its average"),
         ("dirty_rate", style.ORANGE, "dirty rate"),
         ("dirty_ratelimit", style.VERMILLION, "base rate limit"),
         ("task_ratelimit", style.PURPLE, "task rate limit"))


def rates(sources, title):
    """Write bandwidth, dirty rate, base and task rate limits, a row for each."""
    bdis = sources[0].bdis()
    page = Page(sources, f"{title}: bandwidth, dirty rate and rate limits",
                [1.0] * len(RATES), columns=max(len(bdis), 1), width=style.WIDTH)
    keys(page, [(words, colour, "solid") for _, colour, words in RATES], sources)
    for row, (column, colour, words) in enumerate(RATES):
        for index, bdi in enumerate(bdis):
            axes = page.panel(row, index)
            for source in sources:
                line(axes, source, source.frame("bdi_dirty_ratelimit", index), column, KIB_TO_MB,
                     color=colour, linewidth=1.3)
            finish(axes, sources, f"bdi {bdi}: {words}", "MB/s", last=row == len(RATES) - 1)
    return page.figure


PAUSES = (("pause", style.BLUE, "pause: how long it will sleep"),
          ("paused", style.ORANGE, "paused: how long it has slept in this call"),
          ("think", style.GREEN, "think: what it did in between"))


def of_tasks(sources, title, what, rows, draw):
    tasks = sources[0].tasks()
    page = Page(sources, f"{title}: {what}", [height for height, _, _ in rows], columns=1)
    keys(page, [(f"{comm}-{pid}", style.variant(index)[0], "solid")
                for index, (pid, comm) in enumerate(tasks[:len(style.VARIANTS)])], sources)
    for row, (_, label, unit) in enumerate(rows):
        axes = page.panel(row, 0)
        for source in sources:
            frame = source.frame("balance_dirty_pages")
            for index, (pid, _) in enumerate(source.tasks()):
                draw(axes, source, frame[frame["pid"] == pid], row, style.variant(index)[0])
        finish(axes, sources, label, unit, last=row == len(rows) - 1)
    return page.figure


def pauses(sources, title):
    """Pause, paused and think of each task, a point for each event."""
    def draw(axes, source, frame, row, colour):
        axes.plot(frame["t_s"], frame[PAUSES[row][0]], linestyle="none",
                  marker="." if source.real else "o", markersize=1.5 if source.real else 2.5,
                  markeredgewidth=0, rasterized=True,
                  color=style.BLACK if source.real else colour, zorder=3 if source.real else 2)
    return of_tasks(sources, title, "pauses of each task",
                    [(1.5, words, "ms") for _, _, words in PAUSES], draw)


def progress(sources, title):
    """What each task has dirtied since it was first throttled."""
    def draw(axes, source, frame, _, colour):
        # A call that sleeps several times has an event for each sleep; `dirtied` counts once.
        axes.plot(frame["t_s"], frame["dirtied"].where(frame["paused"] == 0, 0).cumsum() * PAGE_MIB,
                  **(REAL if source.real else {"color": colour, "linewidth": 1.4}))
    return of_tasks(sources, title, "progress of each task",
                    [(2.6, "Dirtied since it was first throttled", "MiB")], draw)


FIGURES = (("dirty", dirty), ("bdi_dirty", bdi_dirty), ("rates", rates), ("pauses", pauses),
           ("progress", progress))


def read(path, real=False):
    """The events of a run's directory or of a trace."""
    if not os.path.isdir(path):
        events = wbsim_io.read_trace(path)
    else:
        events = wbsim_io.read_run_trace(path) or {}
    if "balance_dirty_pages" not in events:
        raise run_files.BadInput(f"{path}: no balance_dirty_pages in it: nobody was throttled, or "
                                 "the kernel is older than 3.2")
    return Source(events, real)


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="plot_throttle.py", description="Draws the five figures of IO-less throttling.")
    parser.add_argument("trace", metavar="RUN_OR_TRACE",
                        help="a run with --trace ftrace (kernel 3.10 or 6.1), or a trace")
    parser.add_argument("--real", metavar="TRACE", help="a recorded trace to lay over it")
    parser.add_argument("--out", metavar="DIR", help="where the pictures go (default: plots/ in "
                                                     "that directory, or beside the trace)")
    parser.add_argument("--format", metavar="LIST", type=formats, default=["png", "svg"],
                        help="png, svg or png,svg (default: both)")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    beside = options.trace if os.path.isdir(options.trace) else os.path.dirname(options.trace)
    out = options.out or os.path.join(beside, "plots")
    style.use()
    sources = [read(options.trace)]
    if options.real:
        sources.append(read(options.real, real=True))
    os.makedirs(out, exist_ok=True)
    title = os.path.basename(os.path.abspath(options.trace))
    for name, draw in FIGURES:
        save(draw(sources, title), out, f"throttle-{name}", options.format)
    return 0


if __name__ == "__main__":
    endings.run(lambda: main(sys.argv[1:]), run_files.BadInput)
