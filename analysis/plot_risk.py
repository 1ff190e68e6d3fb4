"""What a power cut would take at each moment, and where that data is."""
import numpy as np
from matplotlib.patches import Patch

import plot_style as style
from plot_page import heading, Page, prefixed, time_axis

PLACES = (("cache", style.VERMILLION, "in a volatile drive cache"),
          ("in_flight", style.WRITEBACK, "in flight"),
          ("memory", style.DIRTY, "in memory"))


def counts_risk(run):
    return any(name.endswith("_risk_memory_bytes") for name in run.samples)


def risk_mib(run, place):
    """Summed over the devices."""
    columns = [run.device_column(device, f"risk_{place}_bytes") for device in run.devices]
    return sum((c for c in columns if c is not None), np.zeros(len(run.samples["t_s"]))) / style.MIB


def at_risk(runs):
    page = Page(runs, heading(runs, "what a power cut would take"), [3.4])
    page.keys([Patch(color=colour, label=words) for _, colour, words in PLACES])
    top = max(sum(risk_mib(run, place) for place, _, _ in PLACES).max() for run in runs)
    for column, run in enumerate(runs):
        axes = page.panel(0, column)
        below = np.zeros(len(run.samples["t_s"]))
        for place, colour, _ in PLACES:
            above = below + risk_mib(run, place)
            axes.fill_between(run.samples["t_s"], below, above, color=colour, linewidth=0)
            below = above
        axes.set_ylim(0, max(top * 1.12, 1))
        axes.set_ylabel("data at risk (MiB)")
        time_axis(axes, runs)
        axes.set_title(prefixed(runs, run, f"at most {style.three_digits(below.max())} MiB"))
    return page.figure
