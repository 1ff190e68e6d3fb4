"""What the calls of each writer waited for, as stacked bars: why.json of a run."""
import os

import plot_style as style
import run_files
from matplotlib.patches import Patch
from plot_page import heading, Page

COLOURS = (style.BLUE, style.ORANGE, style.GREEN, style.PURPLE, style.VERMILLION, style.SKY,
           style.YELLOW, style.BLACK)
MOST_BARS = 16


def cause(part):
    """The words of a part, without the inode: parts of all inodes are one colour."""
    words = []
    if part["throttled_by"]:
        words.append(f"throttled by the {part['throttled_by']}")
    words.append(part["wait"] + (f", {part['phase']}" if part["phase"] else ""))
    if "thread" in part:
        words.append(f"{part['thread']} ({part['reason']})")
    return ": ".join(words)


def accounts(run):
    """(words, latency in s, {cause: s}) of each kind of call of each writer, longest first."""
    path = os.path.join(run.path, "why.json")
    why = run_files.read_json(path)
    if not isinstance(why, dict) or why.get("schema") != "wbsim-why/1":
        raise run_files.BadInput(f"{path}: of another version of wbsim (run it again)")
    found = []
    try:
        for writer, kinds in why["writers"].items():
            for kind, account in kinds.items():
                shares = {}
                for part in account["parts"]:
                    shares[cause(part)] = shares.get(cause(part), 0) + part["ns"] * 1e-9
                found.append((f"{writer}: {kind}", account["latency_ns"] * 1e-9, shares))
    except (LookupError, TypeError, AttributeError) as error:
        raise run_files.BadInput(f"{path}: damaged: {type(error).__name__}: {error}") from error
    return sorted(found, key=lambda account: -account[1])[:MOST_BARS]


def why(runs):
    """None when a run has no why.json."""
    if not all(os.path.exists(os.path.join(run.path, "why.json")) for run in runs):
        return None
    bars = [[(run, *account) for account in accounts(run)] for run in runs]
    totals = {}
    for _, _, _, shares in sum(bars, []):
        for name, seconds in shares.items():
            totals[name] = totals.get(name, 0) + seconds
    leading = sorted(totals, key=lambda name: -totals[name])[:len(COLOURS)]
    page = Page(runs, heading(runs, "what the calls waited for"),
                [0.6 + 0.3 * max(1, len(found)) for found in bars], columns=1, width=style.WIDTH)
    page.keys([Patch(color=COLOURS[i], label=name) for i, name in enumerate(leading)]
              + [Patch(color=style.PALE, label="the rest")])
    for row, (run, found) in enumerate(zip(runs, bars)):
        axes = page.figure.add_subplot(page.grid[row + 1, 0])
        axes.set_title(f"{run.label}: share of the time in calls")
        for place, (_, words, latency, shares) in enumerate(found):
            left = 0
            for name in sorted(shares, key=lambda n: leading.index(n) if n in leading else 99):
                share = 100 * shares[name] / max(latency, 1e-12)
                colour = COLOURS[leading.index(name)] if name in leading else style.PALE
                axes.barh(place, share, left=left, color=colour, height=0.8)
                left += share
            axes.text(101, place, style.duration(latency), va="center")
        axes.set_yticks(range(len(found)), [words for _, words, _, _ in found])
        axes.invert_yaxis()
        axes.set_xlim(0, 100)
        if row == len(runs) - 1:
            axes.set_xlabel("%")
    return page.figure
