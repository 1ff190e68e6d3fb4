#!/usr/bin/python3
"""Prints what the simulator costs next to its floor.

Reads Google Benchmark JSON files. The item time of "wbsim/NAME/ARG" is divided by that of
"floor/NAME/ARG"; text from an @ to the next slash is a variant: the floor of the same variant
counts if there is one, else that without a variant.
Of the repetitions the fastest counts: noise only ever adds.
"""

import json
import re
import sys


def read_reports(paths):
    """Fastest nanoseconds per item, and bytes per page where counted, by benchmark name."""
    times, sizes = {}, {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
        for run in report["benchmarks"]:
            if run.get("run_type") == "aggregate" or "items_per_second" not in run:
                continue
            name = re.sub(r"/(iterations:\d+|manual_time)", "", run["run_name"])
            nanoseconds = 1e9 / run["items_per_second"]
            times[name] = min(nanoseconds, times.get(name, nanoseconds))
            if "bytes_per_page" in run:
                sizes[name] = run["bytes_per_page"]
    return times, sizes


def floor_of(name, values):
    floor = name.replace("wbsim/", "floor/", 1)
    return floor if floor in values else re.sub(r"@[^/]*", "", floor)


def in_natural_order(item):
    """Sorts by name, numbers by value."""
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part)
            for part in re.split(r"[/:]", item[0])]


def print_table(title, values):
    """A line for each value of the simulator, next to its floor; floors of nothing at the end."""
    used = set()
    print(f"{title:<34}{'simulator':>11}{'floor':>11}{'ratio':>8}")
    for name, value in sorted(values.items(), key=in_natural_order):
        if not name.startswith("wbsim/"):
            continue
        floor = floor_of(name, values)
        line = f"{name.removeprefix('wbsim/'):<34}{value:>11.1f}"
        if floor in values:
            used.add(floor)
            line += f"{values[floor]:>11.1f}{value / values[floor]:>8.2f}"
        print(line)
    for name, value in sorted(values.items(), key=in_natural_order):
        if name.startswith("floor/") and name not in used:
            print(f"{name.removeprefix('floor/'):<34}{'':>11}{value:>11.1f}")


def main(paths):
    if not paths:
        sys.exit("usage: ratios.py BENCHMARK.json...")
    times, sizes = read_reports(paths)
    print_table("ns per item", times)
    if sizes:
        print()
        print_table("bytes per page", sizes)


if __name__ == "__main__":
    main(sys.argv[1:])
