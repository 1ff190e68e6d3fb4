#!/usr/bin/python3
"""A simulated run and a real one through the same lines; each `# %%` is a cell of a notebook.

usage: example_real_and_simulated.py RUN REAL [OUT_DIR]

Each is the directory of a run of ours, the directory of a recording
(tests/reference/KERNEL/EXPERIMENT), or the text of a trace: ftrace, `trace-cmd report`, `perf
script`. `analysis/validate.py RECORDING --out DIR` leaves the run that belongs to a recording.
"""
# %% Which two
import os
import sys

import endings
import numpy
import pandas
from matplotlib import pyplot

import plot_style as style
import wbsim_io
from plot_page import settle
from plot_throttle import FIGURES, Source
from run_files import BadInput

if len(sys.argv) < 3:
    sys.exit(__doc__)
out = sys.argv[3] if len(sys.argv) > 3 else "plots"
paths = {"simulated": sys.argv[1], "real": sys.argv[2]}

# %% The same frames: tables where it is a directory, events where it was traced
tables, events = {}, {}
for name, path in paths.items():
    try:
        if os.path.isdir(path):
            tables[name], events[name] = wbsim_io.read(path), wbsim_io.read_run_trace(path) or {}
        else:
            tables[name], events[name] = {}, wbsim_io.read_trace(path)
    except BadInput as error:
        sys.exit(f"{endings.program()}: error: {error}")
rows = {name: pandas.Series({key: len(frame) for key, frame in
                             {**tables[name], **events[name]}.items()}) for name in paths}
print(pandas.DataFrame(rows).fillna(0).astype(int), "\n")

# %% What a call of write(2) took, in ms
for name in paths:
    if "writes" in tables[name]:
        latency = tables[name]["writes"]["latency_us"] / 1e3
        print(f"{name:10} {len(latency):6} writes,  p50 {latency.quantile(0.5):8.3f}"
              f" p99 {latency.quantile(0.99):8.3f} max {latency.max():8.1f} ms")

# %% The pauses of the writers, in ms
for name in paths:
    if "balance_dirty_pages" in events[name]:
        pauses = events[name]["balance_dirty_pages"]["pause"]
        asleep = pauses[pauses > 0]
        print(f"{name:10} {len(asleep):6} pauses, {asleep.sum() / 1e3:8.2f} s in all,"
              f" p50 {asleep.quantile(0.5):4.0f} p99 {asleep.quantile(0.99):4.0f}"
              f" max {asleep.max():4.0f} ms")

# %% What the flushers did, as bpftrace's writeback.bt has it
for name in paths:
    if "writeback_start" in events[name]:
        works = wbsim_io.works(events[name])
        print(f"\n{name}\n{works.groupby('reason')[['pages', 'ms']].agg(['count', 'sum'])}")

# %% Dirty memory and the longest calls, one over the other
style.use()
os.makedirs(out, exist_ok=True)
LOOKS = {"simulated": {"color": style.BLUE, "linewidth": 1.6},
         "real": {"color": style.BLACK, "linewidth": 0.7}}


def save(figure, name):
    settle(figure)
    figure.savefig(os.path.join(out, f"example-{name}.png"), metadata=style.METADATA["png"])
    pyplot.close(figure)


if all(tables.values()):
    figure, (dirty, latency) = pyplot.subplots(2, 1, figsize=(style.WIDTH, 5.2), dpi=style.DPI)
    for name, look in LOOKS.items():
        samples = tables[name]["samples"]
        samples = samples[samples["t_s"] >= 0]
        dirty.plot(samples["t_s"], (samples["nr_dirty"] + samples["nr_writeback"]) / 256,
                   label=name, **look)
        calls = tables[name].get("writes")
        if calls is not None and len(calls):
            longest = numpy.sort(calls["latency_us"].to_numpy())[::-1] / 1e3
            latency.plot(numpy.arange(1, len(longest) + 1), longest, **look)
    dirty.set_title("Dirty and under write-back (MiB)")
    dirty.set_xlabel("time since the jobs began (s)")
    dirty.legend()
    latency.set_title("write() calls, longest first (ms)")
    latency.set_xlabel("number of the call")
    latency.set_xscale("log")
    latency.set_yscale("log")
    save(figure, "dirty")

# %% The five figures of IO-less throttling, where both have its tracepoints
if all("balance_dirty_pages" in found for found in events.values()):
    sources = [Source(events[name], name == "real") for name in paths]
    for name, draw in FIGURES:
        save(draw(sources, "simulated and real"), name)
