"""What validate.py prints."""

import metrics

def number(value):
    if value is None:
        return "-"
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    if abs(value) >= 1000:
        return f"{value:.0f}"
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


def judged(entries):
    """Without those that are only told: a metric without a bar cannot miss it."""
    return [row for row in entries if row["bar"] is not None or not row["ok"]]


def count(entries):
    entries = judged(entries)
    return f"{sum(row['ok'] for row in entries)} of {len(entries)}"


def print_experiment(name, entries):
    print(f"\n{name}: {count(entries)} within their bars")
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


def family_of_bar(row):
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
    entries = judged(entries)
    for row in entries:
        groups.setdefault(family_of_bar(row), []).append(row)
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
