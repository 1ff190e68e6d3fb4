"""Who writes back, and when: a bar per piece of work, a row per thread."""
import re

import numpy as np
from matplotlib import ticker
from matplotlib.patches import Patch

import plot_style as style
from plot_page import heading, Page, prefixed, say, time_axis
from run_files import rows

MAX_ROWS = 20  # threads with a row of their own


def flushers(runs):
    lanes = [work_lanes(run) for run in runs]
    tallest = max([len(lane) for lane in lanes] + [3])
    page = Page(runs, heading(runs, "who writes back, and when"), [0.3 + 0.24 * tallest, 1.1])
    page.keys(work_keys([run.table("works.csv") for run in runs]))
    most = max(float((run.samples["pdflush"] + run.samples["flush"]).max()) for run in runs)
    for column, (run, lane) in enumerate(zip(runs, lanes)):
        axes = page.panel(0, column)
        gantt_panel(axes, runs, run, lane, tallest)
        axes = page.panel(1, column)
        count_panel(axes, run)
        axes.set_ylim(0, max(most, 1) + 0.6)
        time_axis(axes, runs)
    return page.figure


def work_keys(tables):
    """What the bars mean; only what occurs."""
    tables = [table for table in tables if rows(table)]
    kinds = {kind for table in tables for kind in table["work"]}
    handles = []
    for kind in style.reasons_first(kinds):
        colour, _, hatch, words = style.reason(kind)
        handles.append(Patch(facecolor=colour, edgecolor="white" if hatch else colour, hatch=hatch,
                             label=words))
    if any((table["pages"] == 0).any() for table in tables):
        handles.append(Patch(color=style.PALE, label="woke, wrote nothing"))
    return handles


def natural(name):
    """Sort key: flush-8:16 comes before flush-8:128."""
    return re.sub(r"\d+", "", name), [int(digits) for digits in re.findall(r"\d+", name)], name


def work_lanes(run):
    """(row name, mask over works.csv) of each thread: flusher threads first, then all others."""
    table = run.table("works.csv")
    if not rows(table):
        return []
    flusher_work = (table["work"] == "background") | (table["work"] == "periodic")
    flushers_first = set(table["thread"][flusher_work])
    lanes = {True: [], False: []}
    for name in sorted(set(table["thread"]), key=natural):
        lanes[name in flushers_first].append((name, table["thread"] == name))
    return fold(lanes[True], MAX_ROWS, "flushers") + fold(lanes[False], MAX_ROWS, "other threads")


def fold(lanes, most, words):
    """Too many rows become one that stands for all of them."""
    if len(lanes) <= most:
        return lanes
    return [(f"{len(lanes)} {words}", np.logical_or.reduce([mask for _, mask in lanes]))]


def gantt_panel(axes, runs, run, lanes, tallest):
    table = run.table("works.csv")
    if not lanes:
        say(axes, "this run has no works.csv" if table is None else "no write-back in this run")
        return
    for row, (_, mask) in enumerate(lanes):
        for kind in sorted(set(table["work"][mask])):
            chosen = mask & (table["work"] == kind)
            colour, _, hatch, _ = style.reason(kind)
            wrote = chosen & (table["pages"] > 0)
            bars(axes, table, chosen & ~wrote, row, style.PALE, "")
            bars(axes, table, wrote, row, colour, hatch)
    axes.set_ylim(tallest - 0.4, -0.6)
    axes.set_yticks(range(len(lanes)), [name for name, _ in lanes])
    axes.tick_params(axis="y", length=0)
    axes.grid(False)
    time_axis(axes, runs, False)
    total = table["pages"].sum()
    mine = table["pages"][table["work"] == "balance_dirty"].sum()
    words = f"throttled writers write {mine / total * 100:.0f} % of the pages" if total \
        else "nothing is written"
    axes.set_title(prefixed(runs, run, words))


def bars(axes, table, chosen, row, colour, hatch):
    if not chosen.any():
        return
    begin, end = table["t_start_s"][chosen], table["t_end_s"][chosen]
    axes.broken_barh(list(zip(begin, end - begin)), (row - 0.38, 0.76), facecolor=colour,
                     edgecolor=colour, linewidth=0.4, zorder=1 if colour == style.PALE else 2)
    if hatch:
        axes.broken_barh(list(zip(begin, end - begin)), (row - 0.38, 0.76), facecolor="none",
                         edgecolor="white", hatch=hatch, linewidth=0, zorder=3)


def most_threads(run):
    most = run.summary.get("flushers", {}).get("max_threads")
    return int((run.samples["pdflush"] + run.samples["flush"]).max() if most is None else most)


def count_panel(axes, run):
    time = run.samples["t_s"]
    names = (("pdflush", style.VERMILLION, "solid"), ("flush", style.BLUE, (0, (4, 1.2))))
    shown = [entry for entry in names if run.samples[entry[0]].any()]
    for name, colour, line in shown or names[:1]:
        axes.plot(time, run.samples[name], color=colour, linestyle=line, linewidth=1.6,
                  drawstyle="steps-post")
    counts = [f"{int(run.samples[name].max())} {name}" for name, _, _ in shown]
    alive = f"at most {' and '.join(counts)}" if counts else "no flusher has one of its own"
    axes.set_title(f"Threads alive: {alive}", weight="normal")
    axes.yaxis.set_major_locator(ticker.MaxNLocator(4, integer=True))
    axes.set_ylabel("threads")
