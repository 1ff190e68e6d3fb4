"""Whether a missed bar is chance: the same experiment, simulated again and again with other costs.

Writers that compete are chaotic: who of equals goes first decides what each leaves behind. A
variant has every processor cost off by up to 2 % and every start by up to 0.3 ms. A recorded value
inside the range of the variants is one that the model could have given; one outside it has a
reason that the model lacks.
"""

import random
import re

import run_files

COST_SHARE = 0.02
START_NS = 300_000


def nanoseconds(text):
    return round(run_files.seconds(text) * 10**9)


def varied(scenario, number):
    """Variant `number` of it; the same one whenever and wherever it is asked for."""
    chance = random.Random(f"{scenario['name']} {number}")
    costs = scenario["machine"]["cpu_costs"]
    costs = {name: f"{round(nanoseconds(cost) * chance.uniform(1 - COST_SHARE, 1 + COST_SHARE))}ns"
             for name, cost in costs.items()}
    # Jobs that begin at one instant still do.
    begins = [nanoseconds(job.get("startdelay", "0s")) for job in scenario["workloads"]]
    later = {begin: chance.uniform(0, START_NS) for begin in sorted(set(begins))}
    jobs = [dict(job, startdelay=f"{round(begin + later[begin])}ns")
            for job, begin in zip(scenario["workloads"], begins)]
    return dict(scenario, machine=dict(scenario["machine"], cpu_costs=costs), workloads=jobs)


def add_ranges(entries, of_variants):
    """Each entry's `variants`: the least and most they gave, and how many of them met its bar."""
    for row in entries:
        alike = [other for rows in of_variants for other in rows
                 if other["metric"] == row["metric"]]
        values = [other["simulated"] for other in alike if other["simulated"] is not None]
        if alike:
            row["variants"] = {"least": min(values, default=None), "of": len(of_variants),
                               "most": max(values, default=None),
                               "met": sum(other["ok"] for other in alike)}


def is_chance(row):
    """Of a missed bar: whether some variant meets it, or two have the recorded value between."""
    found = row["variants"]
    known = row["real"] is not None and found["least"] is not None
    return found["met"] > 0 or (known and found["least"] <= row["real"] <= found["most"])


def missed(entries):
    return [row for row in entries if not row["ok"] and "variants" in row]


def of_kind(metric):
    """Several of a kind, writers by rank or disks, are told as one."""
    return re.sub(r"\[\d+/\d+\]|\.d\d+$", "", metric)


def told(rows):
    kinds = {}
    for row in rows:
        kinds.setdefault(of_kind(row["metric"]), []).append(row)
    return ", ".join(kind + (f" ({len(alike)})" if len(alike) > 1 else "")
                     for kind, alike in kinds.items())


def section(results):
    """Lines of the accuracy page; none where nothing was varied."""
    all_missed = [row for result in results for row in missed(result["entries"])]
    if not all_missed:
        return []
    chance = sum(map(is_chance, all_missed))
    runs = all_missed[0]["variants"]["of"]
    lines = ["", "## Chance or bias", "",
             f"Each experiment was simulated {runs} times more, every processor cost off by up to "
             f"{100 * COST_SHARE:g} % and every start by up to {START_NS / 1e6:g} ms. Where one of "
             "these runs meets a bar, or the recorded value lies between two of them, a miss is "
             f"called chance: {chance} of the {len(all_missed)} missed bars of single kernels. The "
             "others have a reason that the model lacks.", "",
             "| | bias | chance |", "|---|---|---|"]
    for result in results:
        rows = missed(result["entries"])
        if rows:
            lines.append(f"| {result['experiment']}, {result['release']} | "
                         + told([row for row in rows if not is_chance(row)]) + " | "
                         + told([row for row in rows if is_chance(row)]) + " |")
    return lines
