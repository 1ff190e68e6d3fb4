"""The accuracy page and the README's short table, from the entries of a validation."""

import metrics
import variants
from validate_report import count, error_text, family_of_bar, judged, number

# Columns of the page's tables: heading, metric, how several of a kind become one cell.
SPEED = (
    ("throughput, MB/s", "throughput.aggregate", "one"),
    ("requests", "requests.count", "sum"),
    ("the recorded ones, up to the first that differs", "requests.same", "one"),
    ("dirty, steady, pages", "dirty.steady", "one"),
    ("dirty curve, distance", "dirty.curve", "one"),
    ("first throttle, s", "time.first_throttle", "one"),
    ("time to clean, s", "time.to_clean", "one"),
    ("first kupdate, s", "kupdate.start.1", "first"),
    ("flusher threads", "threads.max", "one"),
)
LATENCY = (
    ("write p50, ms", "latency.p50", "one"),
    ("write p99, ms", "latency.p99", "one"),
    ("write max, ms", "latency.max", "one"),
    ("stalls, total, s", "latency.stall_total", "one"),
    ("stall, median, ms", "latency.stall_median", "one"),
    ("let through, KiB", "latency.let_through", "one"),
    ("fsync p50, ms", "fsync.p50", "one"),
    ("fsync max, ms", "fsync.max", "one"),
)
SPEC_SPEED = (
    ("written, MB/s", "throughput.disk", "one"),
    ("dirty + write-back, steady, pages", "level.steady", "one"),
    ("dirty curve, distance", "dirty.curve", "one"),
    ("first background, s", "start.first_background", "one"),
    ("first throttle, s", "start.first_throttle", "one"),
    ("clean, s", "clean", "one"),
    ("requests", "ios.count", "one"),
)
SPEC_LATENCY = (
    ("write p50, ms", "write.p50", "first"),
    ("write p99, ms", "write.p99", "first"),
    ("write max, ms", "write.max", "first"),
    ("pauses", "pause.count", "one"),
    ("pauses, total, s", "pause.total", "one"),
    ("pause p99, ms", "pause.p99", "one"),
    ("fsync or sync p50, ms", "sync.p50", "first"),
)
SPEC_BRIEF = (
    ("written", "throughput.disk", "one"),
    ("dirty curve", "dirty.curve", "one"),
    ("steady level", "level.steady", "one"),
    ("requests", "ios.count", "one"),
    ("pauses, total", "pause.total", "one"),
    ("write p99", "write.p99", "first"),
)
BRIEF = (
    ("throughput", "throughput.aggregate", "one"),
    ("dirty curve", "dirty.curve", "one"),
    ("requests", "requests.count", "sum"),
    ("write p99", "latency.p99", "one"),
    ("fsync p50", "fsync.p50", "one"),
)


def rows_of(entries, metric):
    return [row for row in entries
            if row["metric"] == metric or row["metric"].startswith((metric + ".", metric + "["))]


def merged(entries, metric, how):
    """The entry of a metric; of several (one for each disk) their sum or the first."""
    rows = rows_of(entries, metric)
    if not rows:
        return None
    ok = all(row["ok"] for row in rows)
    if how == "first" or len(rows) == 1:
        return dict(rows[0], ok=ok)
    if any(row["simulated"] is None or row["real"] is None for row in rows):
        return None
    real, simulated = (sum(row[side] for row in rows) for side in ("real", "simulated"))
    return dict(rows[0], real=real, simulated=simulated, ok=ok,
                error=(simulated - real) / real if real else simulated - real)


def emphasised(text, row):
    return text if row["ok"] else f"**{text}**"


def cell(row):
    if row is None:
        return ""
    if row["metric"] == "dirty.curve":
        return emphasised(f"{100 * row['simulated']:.1f} %", row)
    if row["metric"] == "requests.same":
        return f"{row['simulated']} of {row['real']}"
    text = f"{number(row['real'])} / {number(row['simulated'])}"
    return emphasised(text + ("" if row["error"] is None else f" ({error_text(row)})"), row)


def ordered(results):
    return sorted(results, key=lambda result: (result["experiment"], result["release"]))


def without_spec(results):
    return [result for result in results if not result["spec"]]


def with_spec(results):
    return [result for result in results if result["spec"]]


def split(results):
    """What was recorded first, and what was recorded again."""
    return ([result for result in results if not result["repeat"]],
            [result for result in results if result["repeat"]])


def table(results, columns):
    lines = ["| | " + " | ".join(head for head, _, _ in columns) + " | bars met |",
             "|---|" + "--:|" * (len(columns) + 1)]
    for result in ordered(results):
        cells = [cell(merged(result["entries"], metric, how)) for _, metric, how in columns]
        lines.append(f"| {result['experiment']}, {result['release']} | " + " | ".join(cells)
                     + f" | {count(result['entries'])} |")
    return lines


TABLES = (
    ("Throughput, memory, write-back", without_spec, SPEED),
    ("Latency", without_spec, LATENCY),
    ("Throughput, memory, write-back of 6.1", with_spec, SPEC_SPEED),
    ("Latency and throttling of 6.1", with_spec, SPEC_LATENCY),
)


def tables(results, heading):
    lines = []
    for title, chosen, columns in TABLES:
        if chosen(results):
            lines += [""] if lines else []
            lines += [f"{heading} {title}", ""] + table(chosen(results), columns)
    return lines


def bars(entries):
    groups = {}
    entries = judged(entries)
    for row in entries:
        groups.setdefault(family_of_bar(row), []).append(row)
    lines = ["| metric | bar | met | of |", "|---|--:|--:|--:|"]
    for name, rows in groups.items():
        met = sum(row["ok"] for row in rows)
        lines.append(f"| {name} | {bar_words(rows[0])} | {met} | {len(rows)} |")
    lines.append(f"| all | | {sum(row['ok'] for row in entries)} | {len(entries)} |")
    return lines


def met_by(results):
    return count([row for result in results for row in result["entries"]])


def bar_words(row):
    if "/" in row["experiment"]:
        return "sign, and ratio within 10 %"
    if row["bar"] is None and not row["ok"]:
        return "a run that ends"
    bar = metrics.bar_of(row["metric"])
    percent = f"{100 * bar.limit:g} %"
    tick = f"1 tick or {percent}" if bar.limit else "1 tick"
    return {"relative": percent, "tick": tick, "tick_ms": tick, "peak": f"{percent} of the peak",
            "count": f"1 or {percent}",
            "absolute": percent if bar.limit else "equal"}[bar.kind]


INTRO = """# Accuracy

Written by `{command}`; nothing here is edited by hand.

The recordings in [tests/reference](../tests/reference/README.md) are of real kernels, 2.6.24 to
6.1. Each was turned into a scenario that means the same
(`analysis/reference_scenario.py`), run with that kernel's preset, and measured by the same code as
the recording (`analysis/metrics.py`, `analysis/spec_metrics.py`). **{met} bars are met.** Of the
bars on differences between two kernels it is {across}.

A cell is *real / simulated (error)*; bold: outside its bar. A headline of several disks is their
sum, of several first passes of kupdate the earliest; it is bold when any one of them misses its
bar. The dirty curve's distance is the mean distance of dirty + write-back over the whole run, as a
share of the real peak. Recorded requests are counted up to the first of a disk that differs in
order, place or size.
"""

AGAIN = """The same at other phases of the ticks, with 1 MiB less of memory. No processor cost was
read from these: **{met} bars are met.** Above they only widen a bar, as here the first ones
do, where two recordings of a kernel are farther apart."""


def markdown(results, across, failures, options):
    """The accuracy page. options: command, fidelity (text), plots (folder as linked, or None)."""
    first, again = split(results)
    entries = [row for result in first for row in result["entries"]] + across + failures
    lines = INTRO.format(command=options["command"], met=count(entries),
                         across=count(across)).split("\n")
    lines += tables(first, "##")
    if again:
        lines += ["", "## Recorded again", "", AGAIN.format(met=met_by(again))]
        lines += [""] + tables(again, "###")
    lines += ["", "## Bars", "",
              "Writers and disks that differ in name only are compared by rank. A tick is 4 ms at "
              "HZ=250.", ""] + bars(entries)
    lines += variants.section(ordered(results))
    lines += ["", options["fidelity"].strip()]
    if options["plots"]:
        lines += ["", "## Recorded and simulated on one axis"]
        lines += pictures(first, options["plots"])
    return "\n".join(lines) + "\n"


def pictures(results, folder):
    lines, last = [], None
    for result in ordered(results):
        if result["experiment"] != last:
            last = result["experiment"]
            text = result["description"]
            lines += ["", f"### {last}", "", text[0].upper() + text[1:] + "."]
        title = f"{result['experiment']}, Linux {result['release']}"
        lines += ["", f"![{title}]({folder}/{result['name']}.png)"]
    return lines


def brief_cell(result, columns):
    words = []
    for _, metric, how in columns:
        row = merged(result["entries"], metric, how)
        if row is None or row["error"] is None:
            words.append("-")
        else:
            text = f"{100 * row['simulated']:.1f} %" if metric == "dirty.curve" else error_text(row)
            words.append(emphasised(text, row))
    while words and words[-1] == "-":
        words.pop()
    return ", ".join(words)


def readme_table(results, across):
    """A column for each kernel, a row for each experiment: the errors of BRIEF; and one table for
    the experiments of 6.1."""
    results, again = split(results)
    text = brief_table(without_spec(results), BRIEF)
    if across:
        text += ("\nDifferences between two kernels that are right in sign and within 10 %: "
                 f"{count(across)}. Bold: outside its bar.\n")
    if with_spec(results):
        text += "\n" + brief_table(with_spec(results), SPEC_BRIEF)
    if again:
        text += ("\nRecorded again at other phases, from which no cost was read: "
                 f"{met_by(again)} bars.\n")
    return text


def brief_table(results, columns):
    releases = sorted({result["release"] for result in results})
    lines = ["| error of " + ", ".join(head for head, _, _ in columns) + " | "
             + " | ".join(releases) + " |", "|---|" + "---|" * len(releases)]
    for experiment in sorted({result["experiment"] for result in results}):
        cells = []
        for release in releases:
            found = [result for result in results
                     if (result["experiment"], result["release"]) == (experiment, release)]
            cells.append(brief_cell(found[0], columns) if found else "")
        lines.append(f"| {experiment} | " + " | ".join(cells) + " |")
    met = [count([row for result in results if result["release"] == release
                  for row in result["entries"]]) for release in releases]
    lines.append("| bars met | " + " | ".join(met) + " |")
    return "\n".join(lines) + "\n"
