"""One figure per validated experiment with a job language: recorded and simulated on one axis."""

import numpy
import plot_style as style
from matplotlib import pyplot

import spec_metrics
from validate_plots import both, legend, mark, mib, save, thresholds

WINDOW_S = 0.5


def draw_dirty(axes, real, simulated):
    for t_s, level in thresholds(real).values():
        axes.plot(t_s, level, color=style.GREY, linewidth=0.8, linestyle="dotted")
    for run, label, look in both(real, simulated):
        axes.plot(run.samples["t_s"], mib(spec_metrics.dirty(run)), label=label, **look)
    axes.set(title="Dirty and under write-back; limits", xlabel="time (s)", ylabel="memory (MiB)")
    axes.set_ylim(bottom=0)


def draw_throughput(axes, real, simulated):
    for run, label, look in both(real, simulated):
        t_s = run.samples["t_s"]
        edges = numpy.arange(0, t_s[-1] + WINDOW_S, WINDOW_S)
        done = sum(numpy.interp(edges, t_s, run.samples[f"{disk}_sectors"]) for disk in run.disks)
        axes.stairs(numpy.diff(done) * spec_metrics.SECTOR_BYTES / 1e6 / WINDOW_S, edges,
                    baseline=None, label=label, **look)
    axes.set(title="Written to the disks", xlabel="time (s)", ylabel="MB/s, by the half second")
    axes.set_ylim(bottom=0)


def draw_bandwidth(axes, real, simulated):
    for run, label, look in both(real, simulated):
        for disk in run.disks:
            if f"{disk}_write_bw_kbps" in run.samples:
                axes.plot(run.samples["t_s"], run.samples[f"{disk}_write_bw_kbps"] / 1024,
                          label=label, **look)
    axes.set(title="Estimated write bandwidth", xlabel="time (s)", ylabel="MiB/s")
    axes.set_ylim(bottom=0)


def draw_pauses(axes, real, simulated):
    for run, label, _ in both(real, simulated):
        if run.trace is not None:
            axes.plot(run.trace.pause_s, run.trace.pause_ms, **mark(label))
    axes.set(title="Pauses of throttled writers", xlabel="time (s)", ylabel="pause (ms)")
    axes.set_ylim(bottom=0)


def plot(title, real, simulated, path):
    style.use()
    figure, panels = pyplot.subplots(2, 2, figsize=(style.WIDTH, 6.4))
    for axes, draw in zip(panels.flat, (draw_dirty, draw_throughput, draw_bandwidth, draw_pauses)):
        draw(axes, real, simulated)
    end = max(run.samples["t_s"][-1] for run in (real, simulated))
    for axes in panels.flat:
        axes.set_xlim(-0.01 * end, 1.01 * end)
    figure.align_ylabels()
    figure.suptitle(title, x=0.01, ha="left")
    legend(figure)
    save(figure, path)
    pyplot.close(figure)
