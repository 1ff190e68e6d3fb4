"""How long write() and fsync() take; read(), where nobody writes."""
from dataclasses import dataclass

import numpy as np
from matplotlib import ticker
from matplotlib.lines import Line2D

import plot_style as style
from plot_page import (
    counted, heading, Page, prefixed, say, short, time_axis, variant_keys)
from run_files import rows

STALL_S = 1e-3
LONG_TITLE = 8  # letters
TABLE_INCHES = 2.6  # for the columns of a run's table
HEAD_LETTER = 0.07  # inches
TABLE_ROWS = (("median", "50.000000"), ("90 %", "90.000000"), ("99 %", "99.000000"),
              ("99.9 %", "99.900000"), ("99.99 %", "99.990000"))


@dataclass(frozen=True)
class Calls:
    word: str
    table: str
    section: str  # of summary.json


WRITES = Calls("write()", "writes.csv", "write")
READS = Calls("read()", "reads.csv", "read")


def kind_of(runs):
    written, read = (any(rows(run.table(kind.table)) for run in runs) for kind in (WRITES, READS))
    return READS if read and not written else WRITES


def latency(runs):
    kind = kind_of(runs)
    fsyncs = any(rows(run.table("fsync.csv")) for run in runs)
    heights = [3.1, 2.0] + ([1.7] if fsyncs else [])
    page = Page(runs, heading(runs, f"how long a {kind.word} takes"), heights,
                columns=max(2, len(runs)),
                width=max(style.WIDTH, style.COLUMN * len(runs) if len(runs) > 1 else 0))
    page.keys(variant_keys(runs) if len(runs) > 1 else writer_keys(runs[0], kind))
    half = max(2, len(runs)) // 2
    survival = page.figure.add_subplot(page.grid[1, :half])
    drawn = survival_panel(survival, runs, kind)
    tails = [clat(run.summary.get("aggregate", {}), kind).get("percentile", {}).get("99.900000")
             for run in runs]
    if drawn and None not in tails and len(runs) <= 2:
        words = " and ".join(cell(value) for value in tails)
        survival.set_title(f"One {kind.word} in 1,000 takes at least {words}")
    latency_table(page.figure.add_subplot(page.grid[1, half:]), runs, kind)
    spans = [slice(None)] if len(runs) == 1 else range(len(runs))
    longest = longest_call(runs, kind)
    for span, run in zip(spans, runs):
        axes = page.figure.add_subplot(page.grid[2, span])
        stall_panel(axes, runs, run, longest, kind)
        if fsyncs:
            fsync_panel(page.figure.add_subplot(page.grid[3, span]), runs, run)
    return page.figure


def writer_keys(run, kind):
    who = "writer" if kind is WRITES else "reader"
    handles = [Line2D([], [], color=style.BLUE, linewidth=2.2, label=f"all {who}s")]
    if len(latencies_by_writer(run, kind)) > 1:
        handles.append(Line2D([], [], color=style.GREY, linewidth=0.8, label=f"each {who}"))
    if kind is WRITES and rows(run.table("reads.csv")):
        handles.append(Line2D([], [], color=style.BLACK, linestyle=(0, (1, 1)), linewidth=1.6,
                              label="read() calls"))
    return handles


def call_latencies(run, kind):
    table = run.table(kind.table)
    return np.sort(table["latency_us"]) * 1e-6 if rows(table) else np.zeros(0)


def latencies_by_writer(run, kind):
    table = run.table(kind.table)
    if not rows(table):
        return {}
    return {name: np.sort(table["latency_us"][table["writer"] == name]) * 1e-6
            for name in sorted(set(table["writer"]))}


def longest_call(runs, kind):
    longest = [call_latencies(run, kind) for run in runs]
    return max([float(calls[-1]) for calls in longest if len(calls)] or [STALL_S])


def no_calls(run):
    missing = run.table("writes.csv") is None
    return "this run has no writes.csv" if missing else "no write() calls in this run"


def survival_curve(calls):
    """(latency, share of the calls that take at least so long), thinned to what can be seen."""
    count = len(calls)
    share = (count - np.arange(count)) / count
    by_share = np.unique(count - np.geomspace(1, count, 1500).round().astype(int))
    by_rank = np.unique(np.linspace(0, count - 1, 1500).round().astype(int))
    chosen = np.unique(np.concatenate((by_share, by_rank)))
    return calls[chosen], share[chosen]


def survival_panel(axes, runs, kind=WRITES):
    """Draws the survival curves, one per variant; False when there is no call at all."""
    drawn = 0
    for index, run in enumerate(runs):
        calls = call_latencies(run, kind)
        if not len(calls):
            continue
        drawn += 1
        if len(runs) == 1 and len(latencies_by_writer(run, kind)) > 1:
            for each in latencies_by_writer(run, kind).values():
                axes.plot(*survival_curve(each), color=style.GREY, linewidth=0.7,
                          drawstyle="steps-pre")
        colour, _, line = (style.BLUE, None, "solid") if len(runs) == 1 else style.variant(index)
        axes.plot(*survival_curve(calls), color=colour, linestyle=line, linewidth=2,
                  drawstyle="steps-pre", marker="o" if len(calls) == 1 else None)
        reads = call_latencies(run, READS)
        if kind is WRITES and len(runs) == 1 and len(reads):
            axes.plot(*survival_curve(reads), color=style.BLACK, linestyle=(0, (1, 1)),
                      linewidth=1.6, drawstyle="steps-pre")
    if not drawn:
        say(axes, no_calls(runs[0]))
        return False
    axes.set_xscale("log")
    axes.set_yscale("log")
    style.duration_axis(axes.xaxis)
    style.share_axis(axes.yaxis)
    axes.grid(True, axis="x")
    axes.set_ylim(top=1.3)
    axes.set_xlabel(f"latency of a {kind.word}")
    axes.set_ylabel("share of the calls that take\nat least so long")
    if kind is READS:
        return True
    axes.axvline(STALL_S, color=style.GREY, linewidth=0.8, linestyle=(0, (2, 2)))
    inside = longest_call(runs, kind) > 3 * STALL_S
    axes.annotate("stalls" if inside else "1 ms: stall", (STALL_S, 0.98),
                  xycoords=("data", "axes fraction"), xytext=(3 if inside else -3, 0),
                  textcoords="offset points", va="top", ha="left" if inside else "right",
                  fontsize=8, color="#555555")
    return True


def clat(holder, kind=WRITES):
    """The latency section of a writer's or the aggregate's calls, or an empty one."""
    section = holder.get(kind.section) if isinstance(holder, dict) else None
    values = section.get("clat_ns") if isinstance(section, dict) else None
    return values if isinstance(values, dict) else {}


def cell(nanoseconds):
    return "–" if nanoseconds is None else style.duration(nanoseconds * 1e-9)


def table_columns(runs, kind):
    """(heading, latency section, stalls, throttled ns) of each column: variants, or writers."""
    columns = []
    if len(runs) > 1:
        sources = [(run.label, run.summary.get("aggregate", {}), run.summary.get("writers", {}))
                   for run in runs]
    else:
        writers = runs[0].summary.get("writers", {})
        worst = sorted((name for name in writers if clat(writers[name], kind).get("N")),
                       key=lambda name: (-(clat(writers[name], kind).get("max") or 0), name))
        sources = []
        if kind is WRITES:
            sources = [("all writers", runs[0].summary.get("aggregate", {}), writers)]
        if len(worst) > 1 or not sources:
            sources += [(name, writers[name], {name: writers[name]}) for name in worst[:3]]
    for title, holder, writers in sources:
        stalls = sum((each.get("write") or {}).get("stalls_over_1ms") or 0
                     for each in writers.values())
        throttled = sum(each.get("throttled_ns") or 0 for each in writers.values())
        columns.append((title, clat(holder, kind), stalls, throttled))
    return columns


def folded(title, most):
    """A title of a column, in two lines of so many letters if it is long and says where."""
    if len(title) <= LONG_TITLE:
        return title
    at = title.find(" (")
    if at > 0:
        return f"{title[:at]}\n{title[at + 1:]}"
    places = [at + 1 for at, letter in enumerate(title) if letter in "-_"]
    at = min(places, key=lambda place: abs(2 * place - len(title)), default=0)
    lines = [title[:at], title[at:]] if at > 0 else [title]
    if max(map(len, lines)) > most + 2:
        kept = short(title, 2 * most)
        lines = [kept[:most], kept[most:]]
    return "\n".join(lines)


def latency_table(axes, runs, kind):
    columns = table_columns(runs, kind)
    most = int(TABLE_INCHES * len(runs) / max(1, len(columns)) / HEAD_LETTER)
    lines = [("", [folded(column[0], most) for column in columns]),
             (f"{kind.word} calls", [f"{column[1].get('N') or 0:,}" for column in columns])]
    for words, key in TABLE_ROWS:
        lines.append((words, [cell(column[1].get("percentile", {}).get(key))
                              for column in columns]))
    lines.append(("longest", [cell(column[1].get("max")) for column in columns]))
    if kind is WRITES:
        lines.append(("calls over 1 ms", [f"{column[2]:,}" for column in columns]))
        lines.append(("time throttled", [cell(column[3]) for column in columns]))
    axes.axis("off")
    rights = np.linspace(0.34, 1.0, len(columns) + 1)[1:] if len(columns) > 1 else [0.62]
    height = 1 / (len(lines) + 0.9)
    for index, (words, cells) in enumerate(lines):
        y = 1 - (index + (0.75 if index == 0 else 1.2)) * height
        weight = "bold" if index == 0 else "normal"
        axes.text(0.02, y, words, transform=axes.transAxes, va="center")
        for right, text in zip(rights, cells):
            axes.text(right, y, text, transform=axes.transAxes, ha="right", va="center",
                      weight=weight, fontsize=7.5 if index == 0 and len(columns) > 2 else 9)
    y = 1 - 1.6 * height
    axes.plot([0.02, rights[-1]], [y, y], transform=axes.transAxes, color=style.BLACK,
              linewidth=0.8)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_title(f"Percentiles of {kind.word} latency", x=0.02)


def stall_panel(axes, runs, run, longest, kind):
    table = run.table(kind.table)
    if not rows(table):
        say(axes, no_calls(run))
        return
    seconds = table["latency_us"] * 1e-6
    stalled = seconds > STALL_S
    what = "stall for" if kind is WRITES else "take"
    words = f"{int(stalled.sum()):,} of {len(seconds):,} calls {what} more than 1 ms"
    if not stalled.any():
        say(axes, prefixed(runs, run, "no call takes longer than 1 ms"))
        return
    axes.set_title(prefixed(runs, run, words))
    axes.set_yscale("log")
    style.duration_axis(axes.yaxis)
    axes.set_ylim(STALL_S * 0.8, max(longest * 1.6, STALL_S * 10))
    axes.plot(table["t_s"][stalled], seconds[stalled], linestyle="none", marker="o", markersize=2.6,
              markeredgewidth=0, color=style.VERMILLION, alpha=0.6, rasterized=True)
    time_axis(axes, runs)
    axes.set_ylabel(f"{kind.word} latency")


def fsync_panel(axes, runs, run):
    table = run.table("fsync.csv")
    if not rows(table):
        say(axes, "no fsync() in this run")
        return
    seconds = table["fsync_us"] * 1e-6
    axes.vlines(table["t_s"], 0, seconds, color=style.PURPLE, linewidth=1)
    axes.plot(table["t_s"], seconds, linestyle="none", marker="D", markersize=3.5,
              color=style.PURPLE, clip_on=False, zorder=3)
    median = float(np.sort(seconds)[(len(seconds) - 1) // 2])  # nearest rank, as in summary.json
    words = (f"{counted(len(seconds), 'fsync() call')}, median {style.duration(median)}, "
             f"longest {style.duration(float(seconds.max()))}")
    axes.set_title(prefixed(runs, run, words))
    top = max(float((other.table("fsync.csv")["fsync_us"] * 1e-6).max()) for other in runs
              if rows(other.table("fsync.csv")))
    axes.set_ylim(0, top * 1.15 or 1)
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(
        lambda value, _: style.duration(value) if value > 0 else "0"))
    axes.yaxis.set_major_locator(ticker.MaxNLocator(5, steps=[1, 2, 5, 10]))
    time_axis(axes, runs)
    axes.set_ylabel("fsync() latency")
