"""One figure per validated experiment: recorded and simulated on one axis."""

import io
import math

import numpy
import plot_style as style
from matplotlib import lines, patheffects, pyplot, ticker
from PIL import Image

import metrics

# Recorded and simulated differ in colour, in lightness and in line style.
REAL = {"color": style.ORANGE, "linestyle": "solid", "linewidth": 1.8}
SIMULATED = {"color": style.BLUE, "linestyle": (0, (3, 1.2)), "linewidth": 1.1}
MOST_POINTS = 6000
# A page shows some thirty of these pictures: they are kept small.
DPI = 170
COLOURS = 40
HALO = [patheffects.withStroke(linewidth=2.5, foreground="white")]
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
        axes.annotate(name, (t_s[-1], level[-1]), (0, 2), textcoords="offset points", fontsize=7.5,
                      color="#4D4D4D", ha="right", va="bottom", path_effects=HALO, zorder=5)
    for run, label, look in both(real, simulated):
        axes.plot(run.samples["t_s"], mib(metrics.dirty(run)), label=label, **look)
    axes.set(title="Dirty and under write-back", xlabel="time (s)", ylabel="memory (MiB)")
    axes.set_ylim(bottom=0)


def draw_throughput(axes, real, simulated):
    for run, label, look in both(real, simulated):
        per_second = metrics.mb_per_second(run, math.ceil(run.samples["t_s"][-1]) + 1)
        axes.stairs(per_second, baseline=None, label=label, **look)
    axes.set(title="Written to the disks", xlabel="time (s)", ylabel="MB/s, by the second")
    axes.set_ylim(bottom=0)


def draw_latency(axes, real, simulated):
    """Share of calls slower than the latency: both the usual call and the worst one are seen."""
    for run, label, look in both(real, simulated):
        if run.writers:
            pooled = [metrics.latencies(writer) for writer in run.writers.values()]
            axes.step(*slower_share(pooled), where="pre", label=label, **look)
        if run.fsyncs:
            pooled = [fsync["fsync_us"] for fsync in run.fsyncs.values()]
            axes.plot(*slower_share(pooled), **mark(label))
    axes.set_xscale("log")
    axes.set_yscale("log")
    style.duration_axis(axes.xaxis)
    low, high = axes.get_xlim()
    if high < 100 * low:
        axes.xaxis.set_major_locator(ticker.LogLocator(base=10, subs=(1, 2, 5)))
    style.share_axis(axes.yaxis)
    axes.minorticks_off()
    title = "write() latency" + (", and fsync() (marks)" if real.fsyncs else "")
    axes.set(title=title, xlabel="longer than", ylabel="share of calls")


def slower_share(pooled_us):
    """(latencies in s, share of the calls that took at least as long)."""
    ordered = numpy.sort(numpy.concatenate(pooled_us)) / 1e6
    return numpy.maximum(ordered, 1e-7), 1 - numpy.arange(len(ordered)) / max(len(ordered), 1)


def mark(label):
    """How a point looks: a cross in a disc is simulated and recorded at the same place."""
    if label == "recorded":
        return {"linestyle": "none", "marker": "o", "markersize": 4.2, "markeredgewidth": 0,
                "color": REAL["color"]}
    return {"linestyle": "none", "marker": "x", "markersize": 2.6, "markeredgewidth": 0.7,
            "color": SIMULATED["color"]}


def draw_offset(axes, real, simulated, disk):
    for run, label, _ in both(real, simulated):
        rows = run.requests[disk]
        every = max(1, math.ceil(len(rows["sector"]) / MOST_POINTS))
        axes.plot(rows["t_start_s"][::every], rows["sector"][::every] / SECTORS_PER_MIB,
                  **mark(label))
    axes.set(title=f"Requests of {disk}", xlabel="time (s)", ylabel="offset (MiB)")
    axes.set_ylim(bottom=0)


def legend(figure):
    handles = []
    for look, label in ((REAL, "recorded"), (SIMULATED, "simulated")):
        handles.append(lines.Line2D([], [], label=label, **dict(mark(label), **look)))
    figure.legend(handles=handles, loc="upper right", ncols=2)


def save(figure, path):
    """Few colours and no alpha: a third of the bytes matplotlib writes."""
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=DPI, format="png", metadata=style.METADATA["png"])
    with Image.open(drawn) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def plot(title, real, simulated, path):
    style.use()
    figure, panels = pyplot.subplots(2, 2, figsize=(style.WIDTH, 6.4))
    draw_dirty(panels[0][0], real, simulated)
    draw_throughput(panels[0][1], real, simulated)
    draw_latency(panels[1][0], real, simulated)
    draw_offset(panels[1][1], real, simulated, next(iter(real.requests)))
    end = max(run.samples["t_s"][-1] for run in (real, simulated))
    for axes in (panels[0][0], panels[0][1], panels[1][1]):
        axes.set_xlim(-0.01 * end, 1.01 * end)
    figure.align_ylabels()
    figure.suptitle(title, x=0.01, ha="left")
    legend(figure)
    save(figure, path)
    pyplot.close(figure)
