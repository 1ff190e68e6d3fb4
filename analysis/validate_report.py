"""What validate.py prints, and the accuracy table in Markdown."""

import metrics

# The accuracy table's columns: heading, metric (several: summed over disks or writers), unit.
HEADLINES = (
    ("throughput MB/s", "throughput.aggregate"),
    ("time to clean s", "time.to_clean"),
    ("first throttle s", "time.first_throttle"),
    ("dirty curve % of peak", "dirty.curve"),
    ("dirty peak pages", "dirty.peak"),
    ("dirty steady pages", "dirty.steady"),
    ("write p50 ms", "latency.p50"),
    ("write p99 ms", "latency.p99"),
    ("write max ms", "latency.max"),
    ("fsync p50 ms", "fsync.p50"),
    ("requests", "requests.count"),
    ("flusher threads", "threads.max"),
)


def number(value):
    if value is None:
        return "-"
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.4g}"


def error_text(row):
    if row["error"] is None:
        return "missing"
    return f"{100 * row['error']:+.1f} %" if relative(row) else f"{row['error']:+.4g}"


def relative(row):
    """Whether the error is a share (of the real value or of the peak), not a plain difference."""
    counted = row["metric"].startswith(("kupdate.passes", "threads.", "run"))
    return not counted and (row["real"] != 0 or row["metric"] == "dirty.curve")


def bar_text(row):
    if row["bar"] is None:
        return "-"
    return f"{100 * row['bar']:.0f} %" if relative(row) else f"{row['bar']:g}"


def print_experiment(name, entries):
    missed = sum(not row["ok"] for row in entries)
    print(f"\n{name}: {len(entries) - missed} of {len(entries)} within their bars")
    print(f"  {'metric':34} {'real':>12} {'simulated':>12} {'error':>10} {'bar':>6}")
    for row in entries:
        mark = "" if row["ok"] else "  MISSED"
        spread = f"  (own spread {100 * row['spread']:.1f} %)" if "spread" in row else ""
        print(f"  {row['metric']:34} {number(row['real']):>12} {number(row['simulated']):>12} "
              f"{error_text(row):>10} {bar_text(row):>6}{mark}{spread}")


def print_across(across):
    missed = [row for row in across if not row["ok"]]
    if across:
        print(f"\nBetween kernels: {len(across) - len(missed)} of {len(across)} differences of "
              "more than 5 % have the right sign and a ratio within 10 %")
    for row in missed:
        print(f"  {row['experiment']:28} {row['metric']:30} ratio {number(row['real'])} real, "
              f"{number(row['simulated'])} simulated")


def group(row):
    if row["bar"] is None and not row["ok"]:
        return "runs that failed"
    if "/" in row["experiment"]:
        return "between kernels"
    # One bar may serve several quantities (throughput of writers, of disks): a line for each.
    name = metrics.family(row["metric"])
    parts = row["metric"].split("[")[0].split(".")
    return ".".join(parts[:2]) if name in ("throughput", "time", "requests") else name


def print_summary(entries):
    groups = {}
    for row in entries:
        groups.setdefault(group(row), []).append(row)
    print(f"\n{'bars met':34} {'met':>5} {'of':>5} {'worst error':>12}")
    for name, rows in groups.items():
        met = sum(row["ok"] for row in rows)
        known = [row for row in rows if row["error"] is not None]
        worst = max(known, key=lambda row: abs(row["error"]), default=None)
        text = "-"
        if worst:
            text = f"{error_text(worst)}  {worst['experiment']}  {worst['metric']}"
        print(f"{name:34} {met:>5} {len(rows):>5}   {text}")
    met = sum(row["ok"] for row in entries)
    print(f"{'all':34} {met:>5} {len(entries):>5}")


def merged(entries, metric):
    """The entry of a metric; where it has one per disk, their sum."""
    rows = [row for row in entries
            if row["metric"] == metric or row["metric"].startswith((metric + ".", metric + "["))]
    if len(rows) <= 1:
        return rows[0] if rows else None
    if any(row["simulated"] is None or row["real"] is None for row in rows):
        return None
    real, simulated = (sum(row[side] for row in rows) for side in ("real", "simulated"))
    return dict(rows[0], real=real, simulated=simulated, ok=all(row["ok"] for row in rows),
                error=(simulated - real) / real if real else simulated - real)


def cell(row):
    if row is None:
        return ""
    if row["metric"] == "dirty.curve":
        text = number(100 * row["simulated"])
    else:
        text = f"{number(row['real'])} / {number(row['simulated'])} ({error_text(row)})"
    return text if row["ok"] else f"**{text}**"


def markdown(results, across):
    """Rows: experiments and kernels. Cells: real / simulated (error); bold: a bar is missed."""
    ordered = sorted(results, key=lambda result: (result["experiment"], result["release"]))
    lines = ["| experiment | kernel | " + " | ".join(head for head, _ in HEADLINES)
             + " | bars met |",
             "|---|---|" + "---|" * (len(HEADLINES) + 1)]
    for result in ordered:
        entries = result["entries"]
        met = sum(row["ok"] for row in entries)
        cells = [cell(merged(entries, metric)) for _, metric in HEADLINES]
        lines.append(f"| {result['experiment']} | {result['release']} | " + " | ".join(cells)
                     + f" | {met} of {len(entries)} |")
    met = sum(row["ok"] for row in across)
    lines += ["", "Each cell: real / simulated (error); bold: outside its bar. The curve's column "
              "is the mean distance of dirty + writeback as a share of the real peak."]
    if across:
        lines.append("Where two recorded kernels differ by more than 5 %, the simulated ones "
                     "differ with the same sign and a ratio within 10 % in "
                     f"{met} of {len(across)} cases.")
    return "\n".join(lines) + "\n"
