#!/usr/bin/python3
"""Prints what the simulator costs next to its floor.

Reads Google Benchmark JSON files. The item time of "wbsim/NAME/ARG" is divided by that of
"floor/NAME/ARG"; text from an @ to the next slash is a variant and does not take part in the match.
Of the repetitions the fastest counts: noise only ever adds.
"""

import json
import re
import sys


def item_times(paths):
    """Fastest nanoseconds per item by benchmark name."""
    times = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
        for run in report["benchmarks"]:
            if run.get("run_type") == "aggregate" or "items_per_second" not in run:
                continue
            name = run["run_name"]
            nanoseconds = 1e9 / run["items_per_second"]
            times[name] = min(nanoseconds, times.get(name, nanoseconds))
    return times


def floor_of(name):
    return re.sub(r"@[^/]*", "", name.replace("wbsim/", "floor/", 1))


def in_natural_order(item):
    """Sorts by name, numbers by value."""
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part)
            for part in re.split(r"[/:]", item[0])]


def main(paths):
    if not paths:
        sys.exit("usage: ratios.py BENCHMARK.json...")
    times = item_times(paths)
    used = set()
    print(f"{'ns per item':<34}{'simulator':>11}{'floor':>11}{'ratio':>8}")
    for name, nanoseconds in sorted(times.items(), key=in_natural_order):
        if not name.startswith("wbsim/"):
            continue
        floor = floor_of(name)
        line = f"{name.removeprefix('wbsim/'):<34}{nanoseconds:>11.1f}"
        if floor in times:
            used.add(floor)
            line += f"{times[floor]:>11.1f}{nanoseconds / times[floor]:>8.2f}"
        print(line)
    for name, nanoseconds in sorted(times.items(), key=in_natural_order):
        if name.startswith("floor/") and name not in used:
            print(f"{name.removeprefix('floor/'):<34}{'':>11}{nanoseconds:>11.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
