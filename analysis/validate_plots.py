"""One figure per validated experiment: recorded and simulated on one axis."""

import math

import numpy
import plot_style as style
from matplotlib import lines, pyplot

import metrics

# Recorded and simulated differ in colour, in lightness and in line style.
REAL = {"color": style.ORANGE, "linestyle": "solid", "linewidth": 1.8}
SIMULATED = {"color": style.BLUE, "linestyle": (0, (3, 1.2)), "linewidth": 1.1}
MOST_POINTS = 6000
SECTORS_PER_MIB = style.MIB // style.SECTOR_BYTES


def both(real, simulated):
    return ((real, "recorded", REAL), (simulated, "simulated", SIMULATED))


def mib(pages):
    return pages * style.PAGE_BYTES / style.MIB


def thresholds(run):
    """{name: (t_s, MiB)} of the dirty limits, from whichever columns the run has."""
    t_s, samples = run.samples["t_s"], run.samples
    found = {}
    for name, pages, kib in (("dirty limit", "nr_dirty_threshold", "DirtyThresh"),
                             ("background limit", "nr_dirty_background_threshold",
                              "BackgroundThresh")):
        of_disks = [column for column in samples
                    if column.endswith("_" + kib) and "Bdi" not in column]
        if pages in samples:
            found[name] = (t_s, mib(samples[pages]))
        elif of_disks:
            found[name] = (t_s, samples[of_disks[0]] / 1024)
    return found


def draw_dirty(axes, real, simulated):
    # 2.6.24 has no file that tells the limits; then the simulated ones are drawn.
    for name, (t_s, level) in (thresholds(real) or thresholds(simulated)).items():
        axes.plot(t_s, level, color=style.GREY, linewidth=0.8, linestyle="dotted")
        axes.annotate(name, (t_s[-1], level[-1]), fontsize=7, color=style.GREY, ha="right",
                      va="bottom")
    for run, label, look in both(real, simulated):
        axes.plot(run.samples["t_s"], mib(metrics.dirty(run)), label=label, **look)
    axes.set(title="Dirty and under write-back", xlabel="time (s)", ylabel="memory (MiB)")
    axes.set_ylim(bottom=0)


def draw_throughput(axes, real, simulated):
    last = 1
    for run, label, look in both(real, simulated):
        per_second = metrics.mb_per_second(run, run.samples["t_s"][-1])
        axes.step(numpy.arange(len(per_second)), per_second, where="post", label=label, **look)
        last = max(last, len(per_second))
    axes.set(title="Written to the disks", xlabel="time (s)", ylabel="MB/s, by the second",
             xlim=(0, last))
    axes.set_ylim(bottom=0)


def draw_latency(axes, real, simulated):
    """Share of calls slower than the latency: both the usual call and the worst one are seen."""
    for run, label, look in both(real, simulated):
        pooled = [metrics.latencies(writer) for writer in run.writers.values()]
        pooled += [fsync["fsync_us"] for fsync in run.fsyncs.values()] if not pooled else []
        if not pooled:
            continue
        ordered = numpy.sort(numpy.concatenate(pooled)) / 1e6
        slower = 1 - numpy.arange(len(ordered)) / len(ordered)
        axes.step(numpy.maximum(ordered, 1e-7), slower, where="pre", label=label, **look)
    axes.set_xscale("log")
    axes.set_yscale("log")
    style.duration_axis(axes.xaxis)
    style.share_axis(axes.yaxis)
    axes.set(title="write() latency", xlabel="longer than", ylabel="share of calls")


def draw_offset(axes, real, simulated, disk):
    for run, label, look in both(real, simulated):
        rows = run.requests[disk]
        every = max(1, math.ceil(len(rows["sector"]) / MOST_POINTS))
        axes.plot(rows["t_start_s"][::every], rows["sector"][::every] / SECTORS_PER_MIB,
                  linestyle="none", marker="o" if label == "recorded" else "x",
                  markersize=2.6 if label == "recorded" else 2.2, markeredgewidth=0.5,
                  color=look["color"], alpha=0.7)
    axes.set(title=f"Where the head is, {disk}", xlabel="time (s)", ylabel="offset (MiB)")
    axes.set_ylim(bottom=0)


def legend(figure):
    handles = [lines.Line2D([], [], label="recorded (o)", **REAL),
               lines.Line2D([], [], label="simulated (x)", **SIMULATED)]
    figure.legend(handles=handles, loc="upper right", ncols=2)


def plot(title, real, simulated, path):
    style.use()
    figure, panels = pyplot.subplots(2, 2, figsize=(style.WIDTH, 6.4))
    draw_dirty(panels[0][0], real, simulated)
    draw_throughput(panels[0][1], real, simulated)
    draw_latency(panels[1][0], real, simulated)
    draw_offset(panels[1][1], real, simulated, next(iter(real.requests)))
    figure.suptitle(title, x=0.01, ha="left")
    legend(figure)
    figure.savefig(path, dpi=style.DPI, metadata=style.METADATA["png"])
    pyplot.close(figure)
