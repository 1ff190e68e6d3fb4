"""Several kernels under one workload, one row each, oldest first: the history of writeback."""
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

import plot_style as style
from plot_devices import dirty_and_writeback, mib
from plot_latency import cell, clat
from plot_page import heading, mark_writers_end, Page, say, time_axis
from run_files import rows

ROW = 1.25  # inches
FEWEST = 3  # runs that make a history
SHORTEST = 1e-5  # s; what is faster is drawn there
DIRTY_LIMIT, BACKGROUND = (0, (5, 2)), (0, (1, 2))  # dashes
CALLS_MAX = 20000  # dots in a panel; beyond it only the slowest


def release(run):
    """2.4.17 as numbers, so that 3.10 comes after 3.2."""
    return [int(part) for part in run.kernel.split(".") if part.isdigit()]


def history(runs):
    runs = sorted(runs, key=release)
    page = Page(runs, heading(runs, "the history of writeback"), [ROW] * len(runs), columns=2,
                width=style.WIDTH)
    page.keys([Patch(color=style.WRITEBACK, label="under writeback"),
               Patch(color=style.DIRTY, label="dirty"),
               Line2D([], [], color=style.BLACK, linewidth=1, linestyle=DIRTY_LIMIT,
                      label="dirty threshold"),
               Line2D([], [], color=style.BLACK, linewidth=1, linestyle=BACKGROUND,
                      label="background threshold"),
               Line2D([], [], color=style.VERMILLION, linestyle="none", marker=".",
                      label="one write()")])
    top = max(max(mib(run.samples["nr_dirty_threshold"]).max(), mib(dirty_and_writeback(run)).max())
              for run in runs)
    calls_end = max((run.table("writes.csv")["t_s"].max() for run in runs
                     if rows(run.table("writes.csv"))), default=0)
    for row, run in enumerate(runs):
        last = row == len(runs) - 1
        memory_panel(page.panel(row, 0), runs, run, top, last)
        axes = page.panel(row, 1)
        latency_panel(axes, runs, run, last)
        axes.set_xlim(0, calls_end * 1.02 or None)
    return page.figure


def memory_panel(axes, runs, run, top, last):
    time = run.samples["t_s"]
    writeback = mib(run.samples["nr_writeback"])
    axes.fill_between(time, 0, writeback, color=style.WRITEBACK, linewidth=0)
    axes.fill_between(time, writeback, mib(dirty_and_writeback(run)), color=style.DIRTY,
                      linewidth=0)
    for limit, dashes in (("nr_dirty_threshold", DIRTY_LIMIT),
                          ("nr_dirty_background_threshold", BACKGROUND)):
        axes.plot(time, mib(run.samples[limit]), color=style.BLACK, linewidth=1, linestyle=dashes)
    mark_writers_end(axes, run, text=False)
    axes.set_ylim(0, max(top * 1.08, 1))
    axes.set_ylabel("MiB")
    axes.set_title(run.label)
    time_axis(axes, runs, label=last)


def latency_panel(axes, runs, run, last):
    calls = run.table("writes.csv")
    longest = clat(run.summary.get("aggregate", {})).get("max")
    axes.set_title(f"longest write(): {cell(longest)}" if longest is not None else "write()")
    if not rows(calls):
        say(axes, "this run has no writes")
        return
    seconds = np.maximum(calls["latency_us"] * 1e-6, SHORTEST)
    order = np.argsort(seconds, kind="stable")[-CALLS_MAX:]
    axes.plot(calls["t_s"][order], seconds[order], linestyle="none", marker=".", markersize=2,
              color=style.VERMILLION, rasterized=True)
    axes.set_yscale("log")
    axes.set_ylim(SHORTEST / 2, max(60.0, seconds.max() * 2))
    style.duration_axis(axes.yaxis)
    time_axis(axes, runs, label=last)
