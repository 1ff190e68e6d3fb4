"""The metrics of a run and how far a simulated run is from a recorded one.

Every scalar is computed by the same code for both. Where several writers or disks are alike
(they differ in name only) they are compared by rank, `throughput.writer[1/8]` being the least of
eight: which of them is the lucky one is chance on the real machine too.
"""

from dataclasses import dataclass

import numpy

CLEAN_PAGES = 8  # what may be left when the recordings are called clean
PAGE_SECTORS = 8
SECTOR_BYTES = 512
IDLE_S = 1.0  # a disk idle this long before a write-out: the write-out is a periodic one
KEPT_ONLY_ABOVE_US = 200  # of very many calls the recorder kept only those above


@dataclass
class Bar:
    # relative, tick and tick_ms (a tick or the share), peak (share of the peak), absolute, count,
    # none
    kind: str
    limit: float = 0.0


BARS = {
    "throughput": Bar("relative", 0.02),
    "time": Bar("tick", 0.02),
    "kupdate.start": Bar("tick", 0.02),
    "kupdate.passes": Bar("absolute", 0),
    "dirty.curve": Bar("absolute", 0.03),
    "dirty.peak": Bar("relative", 0.03),
    "dirty.steady": Bar("relative", 0.03),
    "dirty.after_10s": Bar("peak", 0.03),
    "latency.p50": Bar("relative", 0.05),
    "latency.p99": Bar("relative", 0.15),
    "latency.max": Bar("relative", 0.15),
    "latency.stall_total": Bar("relative", 0.05),
    "latency.stall_median": Bar("relative", 0.15),
    "latency.let_through": Bar("relative", 0.15),
    "fsync.count": Bar("count", 0.05),
    "fsync.p50": Bar("relative", 0.05),
    "fsync.p99": Bar("relative", 0.15),
    "fsync.max": Bar("relative", 0.15),
    "requests": Bar("relative", 0.05),
    "requests.reads": Bar("count", 0.05),
    "requests.same": Bar("none"),
    "busy": Bar("absolute", 0.02),
    "threads.max": Bar("absolute", 0),
    "threads.curve": Bar("none"),
    "smoothness": Bar("none"),
}


def family(metric):
    """The longest name in BARS that begins the metric's (without index and rank)."""
    parts = metric.split("[")[0].split(".")
    while parts and ".".join(parts) not in BARS:
        parts.pop()
    return ".".join(parts)


def bar_of(metric):
    return BARS[family(metric)]


def ranked(run, prefix, values):
    """{metric: value} for each writer or disk, by rank among those of its kind."""
    result = {}
    kinds = {}
    for name, value in values.items():
        kinds.setdefault(run.kind[name], []).append((name, value))
    for members in kinds.values():
        if len(members) == 1:
            result[f"{prefix}.{members[0][0]}"] = members[0][1]
            continue
        ordered = sorted(value for _, value in members)
        for rank, value in enumerate(ordered, 1):
            group = members[0][0] if len(kinds) > 1 else ""
            result[f"{prefix}{group and '.' + group}[{rank}/{len(ordered)}]"] = value
    return result


def latencies(writer):
    """All latencies of a writer, us. Where only slow calls were kept, the fast ones that are
    missing are assumed to be distributed as the fast ones that were kept."""
    kept = writer.latency_us
    missing = writer.calls - len(kept)
    fast = kept[kept <= KEPT_ONLY_ABOVE_US]
    if missing <= 0 or len(fast) == 0:
        return kept
    spread = numpy.quantile(fast, numpy.linspace(0, 1, missing))
    return numpy.concatenate([kept, spread])


def stalls_of(run):
    """(latency of each stall in ms, KiB let through between two stalls) over all writers.

    A stall is a write() longer than a tick: it has slept. A shorter one may only have done some of
    the kernel's work itself.
    """
    limit_us = run.tick_s * 1e6
    stalls, between = [], []
    for writer in run.writers.values():
        chosen = writer.latency_us > limit_us
        stalls.extend(writer.latency_us[chosen] / 1000)
        if len(writer.t_s) == writer.calls:
            done = numpy.cumsum(writer.call_bytes)[chosen] / 1024
            between.extend(numpy.diff(done))
    return numpy.array(stalls), numpy.array(between)


def writer_metrics(run):
    if not run.writers:
        return {}
    result = ranked(run, "throughput.writer",
                    {name: writer.io_bytes / (writer.end_s - writer.start_s) / 1e6
                     for name, writer in run.writers.items()})
    writers = list(run.writers.values())
    total = sum(writer.io_bytes for writer in writers)
    result["throughput.aggregate"] = total / (run.writers_end_s - run.writers_start_s) / 1e6
    pooled = numpy.concatenate([latencies(writer) for writer in writers]) / 1000
    told = writers[0].percentiles_ms if len(writers) == 1 else {}
    for percent in (50, 99):
        result[f"latency.p{percent}"] = told.get(percent, numpy.percentile(pooled, percent))
    result["latency.max"] = pooled.max()
    stalls, between = stalls_of(run)
    result["latency.stall_total"] = stalls.sum() / 1000
    result["latency.stall_median"] = numpy.median(stalls) if len(stalls) else None
    if all(len(writer.t_s) == writer.calls for writer in writers):
        result["latency.let_through"] = numpy.median(between) if len(between) else None
    return result


def first_throttle_s(run, first_write_out_s):
    """Start of the first write() that was made to wait for the disk.

    It ends after the first write-out began, and lasts longer than a tick for each writer: so long a
    writer can also wait for the others to give up the processor.
    """
    limit_us = len(run.writers) * run.tick_s * 1e6
    found = []
    for writer in run.writers.values():
        ends = writer.t_s + writer.latency_us / 1e6
        found.extend(writer.t_s[(writer.latency_us > limit_us) & (ends > first_write_out_s)][:1])
    return min(found, default=None)


def writes_only(rows):
    chosen = rows["write"] == 1
    return {column: values[chosen] for column, values in rows.items()}


def clean_s(run):
    """When all but CLEAN_PAGES of what was left had been written, after the last writer."""
    left = run.samples["nr_dirty"][-1] + run.samples["nr_writeback"][-1]
    if left > CLEAN_PAGES:
        return None
    ends, pages = [], []
    for rows in run.requests.values():
        rows = writes_only(rows)
        ends.extend(rows["t_start_s"] + rows["service_us"] / 1e6)
        pages.extend(numpy.ceil(rows["sectors"] / PAGE_SECTORS))
    order = numpy.argsort(ends)[::-1]
    later = numpy.cumsum(numpy.array(pages)[order])
    index = numpy.searchsorted(later, CLEAN_PAGES - left, side="right")
    return max(ends[order[index]] - run.writers_end_s, 0.0) if index < len(order) else 0.0


def request_metrics(run):
    per_disk = {"throughput.disk": {}, "requests.count": {}, "requests.mean_kib": {}, "busy": {},
                "requests.reads": {}}
    first, last = [], []
    for name, rows in run.requests.items():
        writes = writes_only(rows)
        during = rows["t_start_s"] < run.writers_end_s
        written = writes["sectors"][writes["t_start_s"] < run.writers_end_s].sum() * SECTOR_BYTES
        per_disk["throughput.disk"][name] = written / run.writers_end_s / 1e6
        per_disk["busy"][name] = rows["service_us"][during].sum() / 1e6 / run.writers_end_s
        count = len(writes["sectors"])
        per_disk["requests.count"][name] = count
        per_disk["requests.mean_kib"][name] = writes["sectors"].mean() / 2 if count else 0
        per_disk["requests.reads"][name] = len(rows["sectors"]) - count
        if count:
            first.append(writes["t_start_s"].min())
            last.append((writes["t_start_s"] + writes["service_us"] / 1e6).max())
    result = {}
    for prefix, values in per_disk.items():
        result.update(ranked(run, prefix, values))
    result["time.first_write_out"] = min(first, default=None)
    result["time.last_write_out"] = max(last, default=None)
    if first:
        result["time.first_throttle"] = first_throttle_s(run, min(first))
    result["time.to_clean"] = clean_s(run)
    return result


def periodic_starts(run, rows):
    """Starts of the write-outs that nobody but the periodic one can have begun.

    After the last writer and the last fsync, on a disk that was idle for IDLE_S, and of more than
    CLEAN_PAGES (an inode's block alone is not counted).
    """
    after = max(run.writers_end_s, run.fsyncs_end_s)
    starts = rows["t_start_s"]
    if len(starts) == 0:
        return []
    ends = starts + rows["service_us"] / 1e6
    idle_before = numpy.diff(starts, prepend=0.0)
    idle_before[1:] = starts[1:] - ends[:-1]
    heads = numpy.flatnonzero(idle_before >= IDLE_S)
    found = []
    for index, head in enumerate(heads):
        stop = heads[index + 1] if index + 1 < len(heads) else len(starts)
        pages = rows["sectors"][head:stop].sum() / PAGE_SECTORS
        if starts[head] > after and pages > CLEAN_PAGES:
            found.append(float(starts[head]))
    return found


def kupdate_metrics(run):
    starts = {name: periodic_starts(run, rows) for name, rows in run.requests.items()}
    result = ranked(run, "kupdate.passes", {name: len(found) for name, found in starts.items()})
    for nth in range(max(map(len, starts.values()), default=0)):
        result.update(ranked(run, f"kupdate.start.{nth + 1}",
                             {name: found[nth] for name, found in starts.items()
                              if nth < len(found)}))
    return result


def fsync_metrics(run):
    times = [fsync["fsync_us"] for fsync in run.fsyncs.values()]
    if not times:
        return {}
    pooled = numpy.concatenate(times) / 1000
    result = {"fsync.count": len(pooled)}
    if len(pooled):
        result.update({"fsync.p50": numpy.percentile(pooled, 50),
                       "fsync.p99": numpy.percentile(pooled, 99), "fsync.max": pooled.max()})
    return result


def dirty(run):
    return run.samples["nr_dirty"] + run.samples["nr_writeback"]


def threads(run):
    return run.samples["pdflush"] + run.samples["flush"]


def sample_metrics(run):
    curve, t_s = dirty(run), run.samples["t_s"]
    middle = (run.writers_start_s + run.writers_end_s) / 2
    steady = curve[(t_s >= middle) & (t_s <= run.writers_end_s)]
    return {"dirty.peak": curve.max(),
            "dirty.steady": numpy.median(steady) if len(steady) >= 3 else None,
            "dirty.after_10s": numpy.interp(run.writers_end_s + 10, t_s, curve),
            "threads.max": threads(run).max()}


def mb_per_second(run, until_s):
    """MB that reached the disks in each whole second; a request's bytes over its service time."""
    edges = numpy.arange(int(until_s) + 1)
    done = numpy.zeros(len(edges))
    for rows in run.requests.values():
        writes = writes_only(rows)
        if len(writes["sectors"]) == 0:
            continue
        order = numpy.argsort(writes["t_start_s"], kind="stable")
        start = writes["t_start_s"][order]
        end = start + writes["service_us"][order] / 1e6
        total = numpy.cumsum(writes["sectors"][order]) * SECTOR_BYTES / 1e6
        # A disk serves one request at a time: its progress is a line through these points.
        times = numpy.column_stack([start, end]).ravel()
        levels = numpy.column_stack([numpy.concatenate([[0.0], total[:-1]]), total]).ravel()
        done += numpy.interp(edges, times, levels)
    return numpy.diff(done)


def smoothness_metrics(run):
    bins = mb_per_second(run, run.writers_end_s)
    if len(bins) < 3 or bins.mean() == 0:
        return {}
    return {"smoothness.disks": bins.std() / bins.mean()}


def scalars(run):
    """{metric: value}; None where it did not happen; absent where it cannot be measured."""
    result = {}
    for part in (writer_metrics, request_metrics, sample_metrics, kupdate_metrics, fsync_metrics,
                 smoothness_metrics):
        result.update(part(run))
    return {name: None if value is None else float(value) for name, value in result.items()}


def distance(real, simulated, quantity):
    """Mean absolute distance of two sampled curves over both runs, as a share of the real peak."""
    peak = quantity(real).max()
    t_real, t_simulated = real.samples["t_s"], simulated.samples["t_s"]
    grid = numpy.concatenate([t_real, t_simulated[t_simulated > t_real[-1]]])
    gap = numpy.interp(grid, t_real, quantity(real)) - numpy.interp(grid, t_simulated,
                                                                   quantity(simulated))
    return float(numpy.abs(gap).mean() / peak) if peak > 0 else None


def judge(metric, real, simulated, context):
    """(error, bar, ok). context: tick_s, peak, spread (of the kernel itself, or None)."""
    bar = bar_of(metric)
    if real is None or simulated is None:
        return None, bar.limit, real is None and simulated is None
    difference = simulated - real
    if bar.kind == "peak":
        error = difference / (context["peak"] or 1)
    elif bar.kind == "absolute" or real == 0:
        error = difference
    else:
        error = difference / real
    if bar.kind == "none":
        return error, None, True
    limit = max(bar.limit, context.get("spread") or 0.0)
    ok = abs(error) <= limit
    if bar.kind in ("tick", "tick_ms"):
        tick = context["tick_s"] * (1000 if bar.kind == "tick_ms" else 1)
        ok = ok or abs(difference) <= tick * 1.0001
    if bar.kind == "count":
        ok = ok or abs(difference) <= 1
    return error, limit, ok


def entry(experiment, metric, real, simulated, judged):
    error, bar, ok = judged
    return {"experiment": experiment, "metric": metric, "real": real, "simulated": simulated,
            "error": error, "bar": bar, "ok": bool(ok)}


def compare_scalars(experiment, theirs, ours, again, context):
    """One entry per metric. again: the same experiment recorded a second time, or nothing."""
    entries = []
    for metric, value in theirs.items():
        other = ours.get(metric)
        if value is None and other is None:
            continue
        context["spread"] = None
        if value and again.get(metric) is not None:
            context["spread"] = abs(again[metric] - value) / abs(value)
        row = entry(experiment, metric, value, other, judge(metric, value, other, context))
        if context["spread"] is not None:
            row["spread"] = context["spread"]
        entries.append(row)
    return entries


def compare_curves(experiment, real, simulated, quantities, context):
    """quantities: (metric, what it is of a run)."""
    entries = []
    for metric, quantity in quantities:
        gap = distance(real, simulated, quantity)
        if gap is not None:
            entries.append(entry(experiment, metric, 0.0, gap, judge(metric, 0.0, gap, context)))
    return entries


def in_order(rows):
    order = numpy.argsort(rows["t_start_s"], kind="stable")
    return numpy.stack([rows[column][order] for column in ("write", "sector", "sectors")])


def first_alike(theirs, ours):
    """How many columns are the same, from the first on."""
    shared = min(theirs.shape[1], ours.shape[1])
    alike = (theirs[:, :shared] == ours[:, :shared]).all(axis=0)
    return shared if alike.all() else int(numpy.argmin(alike))


def same_requests(real, simulated):
    """(requests, how many of them are the recorded ones): of each disk's first ones, up to the
    first that differs in kind, place, length or order."""
    same = sum(first_alike(in_order(rows), in_order(simulated.requests[name]))
               for name, rows in real.requests.items())
    return sum(len(rows["sector"]) for rows in real.requests.values()), same


def compare(experiment, real, simulated, repeat=None):
    """repeat: the same experiment recorded again, for the kernel's own spread."""
    theirs = scalars(real)
    context = {"tick_s": real.tick_s, "peak": theirs["dirty.peak"]}
    entries = compare_scalars(experiment, theirs, scalars(simulated),
                              scalars(repeat) if repeat else {}, context)
    count, same = same_requests(real, simulated)
    entries.append(entry(experiment, "requests.same", count, same,
                         judge("requests.same", count, same, context)))
    return entries + compare_curves(experiment, real, simulated,
                                    (("dirty.curve", dirty), ("threads.curve", threads)), context)


# Two recorded kernels that differ by more than this must differ the same way when simulated.
DIFFERS_BY = 0.05
RATIO_BAR = 0.10


def compare_kernels(entries_by_kernel, experiment):
    """entries_by_kernel: {release: entries of this experiment}. One entry per pair and metric."""
    result = []
    releases = sorted(entries_by_kernel)
    tables = {release: {row["metric"]: row for row in entries_by_kernel[release]}
              for release in releases}
    for index, first in enumerate(releases):
        for second in releases[index + 1:]:
            for metric, a in tables[first].items():
                b = tables[second].get(metric)
                if b is None or a["bar"] is None or not a["real"] or not b["real"]:
                    continue
                real = a["real"] / b["real"]
                if abs(real - 1) <= DIFFERS_BY:
                    continue
                simulated = None
                if a["simulated"] is not None and b["simulated"]:
                    simulated = a["simulated"] / b["simulated"]
                ok = simulated is not None and (simulated > 1) == (real > 1)
                error = simulated / real - 1 if simulated is not None else None
                ok = ok and abs(error) <= RATIO_BAR
                result.append(entry(f"{experiment} {first}/{second}", metric, real, simulated,
                                    (error, RATIO_BAR, ok)))
    return result
