"""Memory, and what reaches the devices: throughput, offsets, queues."""
import numpy as np
from matplotlib import ticker
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

import plot_style as style
from plot_page import (
    counted, HALO, heading, mark_faults, mark_writers_end, of_device, Page, prefixed, say, short,
    time_axis, while_writing, writers_end)
from run_files import rows

MAX_LABEL = 8  # letters of a device at its axis
MOST_DEVICES = 8  # in a picture: laying out those of 64 takes longer than ten minutes


def mib(pages):
    return np.asarray(pages) * (style.PAGE_BYTES / style.MIB)


def dirty_and_writeback(run):
    return run.samples["nr_dirty"] + run.samples["nr_writeback"]


def peak_pages(run):
    """The largest sum ever; of the samples only when the summary does not have it."""
    peak = run.summary.get("memory", {}).get("peak_dirty_and_writeback_pages")
    return float(dirty_and_writeback(run).max() if peak is None else peak)


def memory(runs):
    page = Page(runs, heading(runs, "dirty memory against its limits"), [3.4])
    page.keys([Patch(color=style.WRITEBACK, label="under writeback (nr_writeback)"),
               Patch(color=style.DIRTY, label="dirty (nr_dirty)")])
    top = max(max(run.samples["nr_dirty_threshold"].max(), dirty_and_writeback(run).max())
              for run in runs)
    for column, run in enumerate(runs):
        axes = page.panel(0, column)
        memory_panel(axes, run)
        axes.set_ylim(0, max(mib(top) * 1.12, 1))
        time_axis(axes, runs)
        axes.set_ylabel("memory (MiB)")
        pages = axes.secondary_yaxis("right", functions=(lambda y: y * style.MIB / style.PAGE_BYTES,
                                                         lambda y: mib(y)))
        pages.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
        pages.set_ylabel(f"pages of {style.PAGE_BYTES // 1024} KiB")
        limit = run.samples["nr_dirty_threshold"][int(np.argmax(dirty_and_writeback(run)))]
        peak = peak_pages(run)
        words = f"peak {style.three_digits(mib(peak))} MiB"
        if limit:
            share = peak / limit * 100
            share = style.three_digits(round(share) if share >= 1 else share)
            words += f", {share} % of the dirty threshold"
        axes.set_title(prefixed(runs, run, words))
    return page.figure


def memory_panel(axes, run):
    samples = run.samples
    time = samples["t_s"]
    writeback = mib(samples["nr_writeback"])
    both = writeback + mib(samples["nr_dirty"])
    axes.fill_between(time, 0, writeback, color=style.WRITEBACK, linewidth=0)
    axes.fill_between(time, writeback, both, color=style.DIRTY, linewidth=0)
    thresholds(axes, run, style.BLACK)
    mark_writers_end(axes, run)


def thresholds(axes, run, colour):
    """Both limits as thin lines, named at their right end."""
    limits = (("nr_dirty_threshold", (0, (5, 2)), "dirty threshold"),
              ("nr_dirty_background_threshold", (0, (1, 1.5)), "background threshold"))
    for key, line, words in limits:
        limit = mib(run.samples[key])
        axes.plot(run.samples["t_s"], limit, color=colour, linewidth=1, linestyle=line)
        axes.annotate(words, (run.end, limit[-1]), xytext=(-2, 2), textcoords="offset points",
                      ha="right", va="bottom", fontsize=8.5, color=colour, path_effects=HALO)


def throughput(runs):
    devices, words = busiest(runs)
    page = Page(runs, heading(runs, "bytes to each device each second (as vmstat's bo)" + words),
                [max(1.35, 2.8 / len(devices))] * len(devices))
    reads = any(device_rates(run, device, "rd")[1].any() for run in runs for device in devices)
    fails = any(kind in ("remove", "error") for run in runs for device in devices
                for kind, _, _ in run.device_faults(device))
    handles = [Patch(color=style.BLUE, label="written, or failed" if fails else "written")]
    if reads:
        handles.append(Line2D([], [], color=style.BLACK, linewidth=1.2, label="read"))
    page.keys(handles)
    top = max(device_rates(run, device, kind)[1].max()
              for run in runs for device in devices for kind in ("rd", "wr"))
    for row, device in enumerate(devices):
        for column, run in enumerate(runs):
            axes = page.panel(row, column)
            throughput_panel(axes, runs, run, device, reads)
            axes.set_ylim(0, top * 1.15 or 1)
            time_axis(axes, runs, row == len(devices) - 1)
            axes.set_ylabel(f"{short(device, MAX_LABEL)} (MB/s)")
    page.figure.align_ylabels()
    return page.figure


def throughput_panel(axes, runs, run, device, reads):
    edges, rates = device_rates(run, device, "wr")
    axes.stairs(rates, edges, fill=True, color=style.BLUE)
    axes.vlines(edges[1:-1], 0, np.minimum(rates[1:], rates[:-1]), color="white", linewidth=0.3)
    if reads:
        axes.stairs(device_rates(run, device, "rd")[1], edges, color=style.BLACK, linewidth=1.2)
    mark_writers_end(axes, run)
    mark_faults(axes, run, device)
    what = ""
    if reads and not rates.any():
        what, rates = "read: ", device_rates(run, device, "rd")[1]
    busy = while_writing(run, edges, rates)
    words = f"{what}{style.three_digits(rates.max())} MB/s in the busiest second"
    if len(busy):
        words = (f"{what}mean {style.three_digits(busy.mean())} MB/s while jobs run, "
                 f"slowest second {style.three_digits(busy.min())}")
    axes.set_title(of_device(runs, run, device, words))


def all_devices(runs):
    """The devices of all runs, each once, in the order of the first run that has it."""
    return list(dict.fromkeys(device for run in runs for device in run.devices))


def busiest(runs):
    """(devices, words): those that are drawn, of very many the busiest; and words that say so."""
    devices = all_devices(runs)
    if len(devices) <= MOST_DEVICES:
        return devices, ""

    def moved(device):
        counters = [f"{device}_{kind}_sectors" for kind in ("rd", "wr")]
        return max(sum(run.samples[name][-1] for name in counters if name in run.samples)
                   for run in runs)

    drawn = set(sorted(devices, key=moved, reverse=True)[:MOST_DEVICES])
    return ([device for device in devices if device in drawn],
            f" (the {MOST_DEVICES} busiest of {len(devices)})")


def device_rates(run, device, kind):
    """(edges, MB/s) of what the device wrote or read in each second."""
    counter = f"{device}_{kind}_sectors"
    if counter not in run.samples:
        edges = np.array([0.0, max(run.end, 1e-3)])
        return edges, np.zeros(1)
    edges, rates = run.per_second(counter)
    return edges, rates * (style.SECTOR_BYTES / 1e6)


def offset(runs):
    devices, words = busiest(runs)
    heights = [max(1.5, 3.2 / len(devices))] * len(devices) + [1.1]
    page = Page(runs, heading(runs, "where on the disk each request lies" + words), heights)
    seen = set()
    for row, device in enumerate(devices):
        limits = offset_limits(runs, device)
        for column, run in enumerate(runs):
            axes = page.panel(row, column)
            seen |= offset_panel(axes, runs, run, device, limits)
            time_axis(axes, runs, False)
    top = 0
    last = []
    for column, run in enumerate(runs):
        axes = page.panel(len(devices), column)
        top = max(top, seek_panel(axes, run))
        time_axis(axes, runs)
        last.append(axes)
    for axes in last:
        axes.set_ylim(0, top * 1.1 or 1)
    page.keys([Line2D([], [], color=style.reason(name)[0], marker=style.reason(name)[1],
                      linestyle="none", markersize=5, label=style.reason(name)[3])
               for name in style.reasons_first(seen)])
    page.figure.align_ylabels()
    return page.figure


def offset_unit(limits):
    """(name, sectors) of the unit for an axis of this range of sectors."""
    name, size = ("GiB", style.GIB) if limits[1] * style.SECTOR_BYTES >= 0.1 * style.GIB else (
        "MiB", style.MIB)
    return name, size / style.SECTOR_BYTES


def offset_limits(runs, device):
    ends = []
    for run in runs:
        table = run.table("requests.csv")
        if rows(table):
            mine = table["disk"] == device
            ends += [table["sector"][mine], (table["sector"] + table["sectors"])[mine]]
    ends = np.concatenate(ends) if ends else np.zeros(0)
    if not len(ends):
        return 0, 8
    low, high = float(ends.min()), float(ends.max())
    margin = (high - low) * 0.04
    return low - margin, high + margin


def offset_panel(axes, runs, run, device, limits):
    """Draws the requests of a device; returns the reasons it has seen."""
    table = run.table("requests.csv")
    if not rows(table):
        say(axes, "this run has no requests.csv" if table is None else "no requests in this run")
        return set()
    unit, sectors = offset_unit(limits)
    mine = table["disk"] == device
    reasons = np.where(table["write"] == 0, "read", table["reason"])
    counts = {name: int((mine & (reasons == name)).sum()) for name in sorted(set(reasons[mine]))}
    for name in sorted(counts, key=lambda name: (-counts[name], name)):
        chosen = mine & (reasons == name)
        colour, marker, _, _ = style.reason(name)
        axes.plot(table["t_start_s"][chosen], table["sector"][chosen] / sectors, linestyle="none",
                  marker=marker, markersize=3, markeredgewidth=0.7 if marker == "x" else 0,
                  color=colour, rasterized=True)
    seeks = run.summary.get("devices", {}).get(device, {}).get("seeks")
    seeks = int(is_seek(run, table)[mine].sum()) if seeks is None else seeks
    words = f"{counted(int(mine.sum()), 'request')}, {counted(seeks, 'seek')}"
    axes.set_title(of_device(runs, run, device, words))
    axes.set_ylim(limits[0] / sectors, limits[1] / sectors)
    axes.set_ylabel(f"{short(device, MAX_LABEL)} offset ({unit})")
    return set(counts)


def is_seek(run, table):
    """Whether the head had to move: a start that is not 0 to near_sectors after the last end."""
    distance = table["sector"] - table["head_before"]
    near = {name: run.device_setting(name, "near_sectors", 128) for name in run.devices}
    limit = np.array([near.get(name, 128) for name in table["disk"]])
    return (distance < 0) | (distance > limit)


def seek_panel(axes, run):
    table = run.table("requests.csv")
    if not rows(table):
        say(axes, "")
        return 0
    edges = np.arange(0, int(run.end) + 2, dtype=float)
    counts, _ = np.histogram(table["t_start_s"][is_seek(run, table)], bins=edges)
    axes.stairs(counts, edges, fill=True, color=style.GREY)
    axes.yaxis.set_major_locator(ticker.MaxNLocator(4, integer=True))
    axes.set_ylabel("seeks/s")
    return int(counts.max())


def queue(runs):
    devices, words = busiest(runs)
    page = Page(runs, heading(runs, "request queue and utilisation of each device" + words),
                [max(1.2, 2.2 / len(devices)), max(0.75, 1.3 / len(devices))] * len(devices))
    page.keys([Line2D([], [], color=style.BLUE, linewidth=1.4, label="requests allocated"),
               Line2D([], [], color=style.BLACK, linewidth=1, linestyle=(0, (5, 2)),
                      label="nr_requests"),
               Patch(color=style.SKY, label="time the device is serving")])
    top = {device: max(deepest(run, device) for run in runs) for device in devices}
    for row, device in enumerate(devices):
        for column, run in enumerate(runs):
            axes = page.panel(2 * row, column)
            depth_panel(axes, runs, run, device)
            axes.set_ylim(0, top[device] * 1.12)
            time_axis(axes, runs, False)
            axes = page.panel(2 * row + 1, column)
            utilisation_panel(axes, run, device)
            time_axis(axes, runs, row == len(devices) - 1)
    page.figure.align_ylabels()
    return page.figure


def deepest(run, device):
    column = run.device_column(device, "in_flight")
    seen = float(column.max()) if column is not None else 0
    return max(seen, run.device_setting(device, "nr_requests", 0), 1)


def depth_panel(axes, runs, run, device):
    column = run.device_column(device, "in_flight")
    axes.set_ylabel("requests")
    mark_faults(axes, run, device)
    if column is None:
        say(axes, f"no samples of {device} in this run")
        return
    axes.plot(run.samples["t_s"], column, color=style.BLUE, linewidth=1.1, drawstyle="steps-post")
    allowed = run.device_setting(device, "nr_requests", 0)
    if allowed:
        axes.axhline(allowed, color=style.BLACK, linewidth=1, linestyle=(0, (5, 2)))
    axes.yaxis.set_major_locator(ticker.MaxNLocator(5, integer=True))
    mean = style.three_digits(float(column[run.samples["t_s"] <= writers_end(run)].mean()))
    what = "request" if mean == "1" else "requests"
    axes.set_title(of_device(runs, run, device, f"{mean} {what} on average while jobs run"))


def utilisation_panel(axes, run, device):
    if run.device_column(device, "busy_us") is None:
        say(axes, f"no busy time of {device} in this run")
        return
    mark_faults(axes, run, device, text=False)
    edges, rates = run.per_second(f"{device}_busy_us")
    axes.stairs(np.clip(rates * 1e-4, 0, 100), edges, fill=True, color=style.SKY)
    axes.set_ylim(0, 105)
    axes.set_yticks([0, 50, 100])
    axes.set_ylabel("busy (%)")
