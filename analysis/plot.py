#!/usr/bin/python3
"""Draws what a run did, or what compared runs did side by side.

usage: plot.py RUN_OR_COMPARE_DIR [--out DIR] [--format png,svg]

A run gives memory, throughput, latency, offset, queue, flushers and why; a comparison gives the
same with one column per variant, and an overview; three or more variants also give a history, one
row each. A run that counts data at risk gives at_risk too. Numbers in the pictures are those of
summary.json wherever it has them.
"""
import argparse
import os
import sys

import endings
import plot_style as style
import run_files
from plot_devices import memory, offset, queue, throughput
from plot_flushers import flushers
from plot_history import FEWEST, history
from plot_latency import latency
from plot_overview import overview
from plot_page import settle
from plot_risk import at_risk, counts_risk
from plot_why import why

from matplotlib import pyplot

FORMATS = ("png", "svg")
FIGURES = (("memory", memory), ("throughput", throughput), ("latency", latency), ("offset", offset),
           ("queue", queue), ("flushers", flushers), ("why", why))


def formats(text):
    chosen = text.split(",")
    for name in chosen:
        if name not in FORMATS:
            raise argparse.ArgumentTypeError(f"'{name}' is not one of {', '.join(FORMATS)}")
    return list(dict.fromkeys(chosen))


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="plot.py", description="Draws what a run did, or what compared runs did side by side.")
    parser.add_argument("directory", metavar="RUN_OR_COMPARE_DIR",
                        help="what `run` or `compare` wrote")
    parser.add_argument("--out", metavar="DIR",
                        help="where the pictures go (default: plots/ in that directory)")
    parser.add_argument("--format", metavar="LIST", type=formats, default=list(FORMATS),
                        help="png, svg or png,svg (default: both)")
    return parser.parse_args(arguments)


def figures(runs, is_compare):
    extra = (("overview", overview),) if is_compare else ()
    if is_compare and len(runs) >= FEWEST:
        extra += (("history", history),)
    risk = (("at_risk", at_risk),) if any(counts_risk(run) for run in runs) else ()
    return extra + FIGURES + risk


def save(figure, out, name, kinds):
    """Writes a figure in each format, and prints where."""
    settle(figure)
    for kind in kinds:
        path = os.path.join(out, f"{name}.{kind}")
        figure.savefig(path, metadata=style.METADATA[kind])
        print(path, flush=True)
    pyplot.close(figure)


def main(arguments):
    options = parse(arguments)
    out = options.out or os.path.join(options.directory, "plots")
    style.use()
    runs, is_compare = run_files.load(options.directory)
    drawn = [(name, draw(runs)) for name, draw in figures(runs, is_compare)]
    os.makedirs(out, exist_ok=True)
    for name, figure in drawn:
        if figure is not None:
            save(figure, out, name, options.format)
    return 0


if __name__ == "__main__":
    endings.run(lambda: main(sys.argv[1:]), run_files.BadInput)
