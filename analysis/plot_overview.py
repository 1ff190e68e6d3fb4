"""A comparison on one picture, legible in the column of a README."""
import numpy as np

import plot_style as style
from plot_devices import device_rates, dirty_and_writeback, mib, peak_pages, thresholds
from plot_flushers import most_threads
from plot_latency import cell, clat, survival_panel
from plot_page import MAX_TITLE, heading, listed, Page, say, time_axis, variant_keys, while_writing
from run_files import rows

STRIP_BINS = 240  # of the time axis in the activity strips
MIN_STRIP = 0.15  # of a thread; a shorter activity would not be seen


def overview(runs):
    title = heading(runs, (" against " if len(runs) == 2 else ", ").join(run.label for run in runs))
    if len(title) > MAX_TITLE:
        title = heading(runs, f"{len(runs)} variants")
    page = Page(runs, title, [2.3, 2.5], columns=2, width=style.WIDTH)
    page.keys(variant_keys(runs))
    overview_throughput(page.panel(0, 0), runs)
    overview_memory(page.panel(0, 1), runs)
    overview_latency(page.panel(1, 0), runs)
    overview_flushers(page.panel(1, 1), runs)
    return page.figure


def overview_throughput(axes, runs):
    means, peaks = [], []
    for index, run in enumerate(runs):
        colour, _, line = style.variant(index)
        pairs = [device_rates(run, device, "wr") for device in run.devices]
        edges, rates = pairs[0][0], sum(pair[1] for pair in pairs)
        axes.stairs(rates, edges, baseline=None, color=colour, linestyle=line, linewidth=1.7)
        busy = while_writing(run, edges, rates)
        means += [float(busy.mean())] if len(busy) else []
        peaks.append(float(rates.max()))
    axes.set_title(f"To disk: {listed(means, 'MB/s')} while jobs run" if len(means) == len(runs)
                   else f"To disk: at most {listed(peaks, 'MB/s')}")
    axes.set_ylim(0, max(peaks) * 1.12 or 1)
    axes.set_ylabel("written per second (MB/s)")
    time_axis(axes, runs)


def overview_memory(axes, runs):
    top = 0
    for index, run in enumerate(runs):
        colour, _, line = style.variant(index)
        both = mib(dirty_and_writeback(run))
        axes.plot(run.samples["t_s"], both, color=colour, linestyle=line, linewidth=1.7)
        top = max(top, both.max(), mib(run.samples["nr_dirty_threshold"]).max())
    common = max(runs, key=lambda run: run.end)
    thresholds(axes, common, "#444444")
    for index, run in enumerate(runs):  # those of a kernel that has quite another one
        limit = mib(run.samples["nr_dirty_threshold"])
        if not 0.8 < limit.max() / (mib(common.samples["nr_dirty_threshold"]).max() or 1) < 1.25:
            axes.plot(run.samples["t_s"], limit, color=style.variant(index)[0], linewidth=1,
                      linestyle=(0, (5, 2)))
    peaks = [float(mib(peak_pages(run))) for run in runs]
    axes.set_title(f"Dirty memory peaks at {listed(peaks, 'MiB')}")
    axes.set_ylim(0, top * 1.15 or 1)
    axes.set_ylabel("dirty + writeback (MiB)")
    time_axis(axes, runs)


def overview_latency(axes, runs):
    survival_panel(axes, runs)
    longest = [clat(run.summary.get("aggregate", {})).get("max") for run in runs]
    if None not in longest and len(runs) <= 3:
        axes.set_title("Longest write(): " + " and ".join(cell(value) for value in longest))
    else:
        axes.set_title("Latency of write()")


def overview_flushers(axes, runs):
    """One strip per kind of write-back and variant: how many threads are at it."""
    tables = [run.table("works.csv") for run in runs]
    kinds = [kind for kind in style.REASONS
             if any(rows(table) and ((table["work"] == kind) & (table["pages"] > 0)).any()
                    for table in tables)]
    if not kinds:
        say(axes, "no write-back in these runs")
        axes.set_title("Who writes back")
        return
    ticks, words = [], []
    y = 0.0
    for kind in kinds:
        strips = [activity(run, kind, max(run.end for run in runs)) for run in runs]
        top = max(1.0, max(strip.max() for _, strip in strips))
        for index, (edges, strip) in enumerate(strips):
            colour, _, _ = style.variant(index)
            y += 1
            axes.axhline(y, color=style.PALE, linewidth=0.6, zorder=1)
            axes.stairs(y - 0.85 * strip / top, edges, baseline=y, fill=True, color=colour,
                        zorder=2)
        ticks.append(y - len(runs) / 2)
        words.append(f"{STRIP_WORDS.get(kind, kind)}\n(0 to {top:.0f})")
        y += 0.5
    axes.set_ylim(y - 0.3, -0.1)
    axes.set_yticks(ticks, words)
    axes.set_ylabel("threads at work")
    axes.tick_params(axis="y", length=0)
    axes.grid(False)
    threads = [most_threads(run) for run in runs]
    axes.set_title(f"Who writes back ({listed(threads, 'flushers')} at most)")
    time_axis(axes, runs)


STRIP_WORDS = {"balance_dirty": "throttled\nwriters"}


def activity(run, kind, end):
    """(edges, mean number of threads at this kind of write-back) over even slices of time."""
    edges = np.linspace(0, end or 1, STRIP_BINS + 1)
    table = run.table("works.csv")
    busy = np.zeros(STRIP_BINS + 1)
    any_work = np.zeros(STRIP_BINS, dtype=bool)
    if rows(table):
        chosen = (table["work"] == kind) & (table["pages"] > 0)
        for begin, finish in zip(table["t_start_s"][chosen], table["t_end_s"][chosen]):
            busy += np.clip(edges, begin, finish) - begin
            first = min(int(begin / edges[1]), STRIP_BINS - 1)
            any_work[first:int(finish / edges[1]) + 1] = True
    strip = np.diff(busy) / edges[1]
    return edges, np.where(any_work, np.maximum(strip, MIN_STRIP), 0)
