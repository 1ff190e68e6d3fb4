#!/usr/bin/python3
"""A simulated kernel and a real one through the same lines; each `# %%` is a cell of a notebook.

usage: example_traces.py RUN_OR_TRACE REAL_TRACE [OUT_DIR]

RUN_OR_TRACE is a run with --trace ftrace, REAL_TRACE what `trace-cmd report`, `perf script` or
ftrace gave on a real machine, or a trace.txt.xz of the recordings.
"""
# %% Which two traces
import os
import sys

import pandas
import trace_io

import plot_style as style
from plot_page import settle
from plot_throttle import FIGURES, read

if len(sys.argv) < 3:
    sys.exit(__doc__)
simulated = read(sys.argv[1])
real = read(sys.argv[2], real=True)
out = sys.argv[3] if len(sys.argv) > 3 else "plots"

# %% The same frames: how often each event came
counts = {name: pandas.Series({event: len(frame) for event, frame in source.events.items()})
          for name, source in (("simulated", simulated), ("real", real))}
print(pandas.DataFrame(counts).fillna(0).astype(int), "\n")

# %% The pauses of the writers, in ms
for name, source in (("simulated", simulated), ("real", real)):
    pauses = source.frame("balance_dirty_pages")["pause"]
    asleep = pauses[pauses > 0]
    print(f"{name:10} {len(asleep):6} pauses, {asleep.sum() / 1e3:8.2f} s in all,"
          f" p50 {asleep.quantile(0.5):4.0f} p99 {asleep.quantile(0.99):4.0f}"
          f" max {asleep.max():4.0f} ms")

# %% What the flushers did, as bpftrace's writeback.bt has it
for name, source in (("simulated", simulated), ("real", real)):
    if "writeback_start" in source.events:
        works = trace_io.works(source.events)
        print(f"\n{name}\n{works.groupby('reason')[['pages', 'ms']].agg(['count', 'sum'])}")

# %% The five figures, one over the other
style.use()
os.makedirs(out, exist_ok=True)
for name, draw in FIGURES:
    figure = draw([simulated, real], "simulated and real")
    settle(figure)
    figure.savefig(os.path.join(out, f"example-{name}.png"), metadata=style.METADATA["png"])
