"""The metrics of a run in the format with a job language: by the same code for both sides."""

import difflib

import numpy

import metrics
from metrics import BARS, Bar, ranked

SECTOR_BYTES = 512
BARS |= {
    "start": Bar("tick", 0),
    "clean": Bar("relative", 0.02),
    "share": Bar("relative", 0.02),
    "level": Bar("relative", 0.02),
    "write": Bar("relative", 0.15),
    "pause": Bar("tick_ms", 0.15),
    "pause.count": Bar("count", 0.10),
    "pause.total": Bar("relative", 0.05),
    "works": Bar("none"),
    "sync.count": Bar("count", 0.05),
    "sync.p50": Bar("relative", 0.05),
    "sync.p99": Bar("relative", 0.05),
    "sync.max": Bar("none"),
    "ios": Bar("relative", 0.03),
    "bandwidth": Bar("none"),
    "threshold": Bar("none"),
    "control": Bar("none"),
    "events": Bar("absolute", 0.05),
}


def dirty(run):
    return run.samples["nr_dirty"] + run.samples["nr_writeback"]


def at(run, column, t_s):
    return float(numpy.interp(t_s, run.samples["t_s"], run.samples[column]))


def job_metrics(run):
    result = {}
    writers = run.writers
    lasting = {name: job for name, job in writers.items() if job.end_s > job.start_s}
    result.update(ranked(run, "throughput.writer",
                         {name: job.io_bytes / (job.end_s - job.start_s) / 1e6
                          for name, job in lasting.items()}))
    total = sum(job.io_bytes for job in writers.values())
    if len(writers) > 1 and total:
        result.update(ranked(run, "share.writer",
                             {name: job.io_bytes / total for name, job in writers.items()}))
    for key, word in ((50, "p50"), (99, "p99"), ("max", "max")):
        result.update(ranked(run, f"write.{word}",
                             {name: job.latency_ms[key] for name, job in writers.items()}))
    for name, job in run.jobs.items():
        if len(job.fsync_ms) == 0:
            continue
        result[f"sync.count.{name}"] = len(job.fsync_ms)
        for percent in (50, 99):
            result[f"sync.p{percent}.{name}"] = numpy.percentile(job.fsync_ms, percent)
        result[f"sync.max.{name}"] = job.fsync_ms.max()
    return result


def disk_metrics(run):
    """Rates count what had been completed, as diskstats do."""
    end = run.writers_end_s
    steady = (end / 3, end)
    per_disk = {"throughput.disk": {}, "throughput.steady": {}, "ios.count": {},
                "ios.mean_kib": {}, "busy": {}}
    for disk in run.disks:
        done = run.samples[f"{disk}_sectors"]
        mb = lambda t_s, column=f"{disk}_sectors": at(run, column, t_s) * SECTOR_BYTES / 1e6
        per_disk["throughput.disk"][disk] = mb(end) / end if end else 0
        per_disk["throughput.steady"][disk] = (mb(steady[1]) - mb(steady[0])) / (2 * end / 3)
        count = run.samples[f"{disk}_writes"][-1]
        per_disk["ios.count"][disk] = count
        per_disk["ios.mean_kib"][disk] = done[-1] / 2 / count if count else 0
        per_disk["busy"][disk] = at(run, f"{disk}_io_ms", end) / 1000 / end
    result = {}
    for prefix, values in per_disk.items():
        result.update(ranked(run, prefix, values))
    return result


def last_progress_s(run):
    """The last sample in which a disk still made progress."""
    last = None
    for disk in run.disks:
        moved = numpy.flatnonzero(numpy.diff(run.samples[f"{disk}_sectors"]) > 0)
        if len(moved):
            last = max(last or 0.0, float(run.samples["t_s"][moved[-1] + 1]))
    return last


def sample_metrics(run):
    curve, t_s = dirty(run), run.samples["t_s"]
    steady = curve[(t_s >= run.writers_end_s / 3) & (t_s <= run.writers_end_s)]
    result = {"dirty.peak": curve.max(), "clean": last_progress_s(run),
              "level.steady": steady.mean() if len(steady) else None}
    bins = numpy.arange(0, int(run.writers_end_s) + 1)
    moved = sum(numpy.diff(numpy.interp(bins, t_s, run.samples[f"{disk}_sectors"]))
                for disk in run.disks)
    if len(bins) > 3 and moved.mean() > 0:
        result["smoothness.disks"] = moved.std() / moved.mean()
    return result


def pause_metrics(trace):
    result = {"start.first_throttle": trace.pause_s[0] if len(trace.pause_s) else None,
              "pause.count": len(trace.pause_ms), "pause.total": trace.pause_ms.sum() / 1000}
    if len(trace.pause_ms):
        result.update({"pause.p50": numpy.percentile(trace.pause_ms, 50),
                       "pause.p99": numpy.percentile(trace.pause_ms, 99),
                       "pause.max": trace.pause_ms.max()})
    late = slice(len(trace.dirty) // 3, None)
    span = trace.limit[late] - trace.setpoint[late]
    if len(span) and (span > 0).all():
        result["control.position"] = ((trace.dirty[late] - trace.setpoint[late]) / span).mean()
    return result


def work_metrics(trace):
    result = {}
    for reason in ("background", "periodic"):
        starts = [work.start_s for work in trace.works if work.reason == reason]
        result[f"works.{reason}"] = len(starts)
        if reason == "background":
            result["start.first_background"] = min(starts, default=None)
        else:
            result.update({f"start.periodic.{nth}": start
                           for nth, start in enumerate(starts, 1)})
    return result


def scalars(run):
    result = {}
    for part in (job_metrics, disk_metrics, sample_metrics):
        result.update(part(run))
    if run.trace is not None:
        result.update(pause_metrics(run.trace))
        result.update(work_metrics(run.trace))
    else:
        result.update(run.told)
    return {name: None if value is None else float(value) for name, value in result.items()}


def curves(real):
    """(metric, quantity of a run) of the curves that are compared point by point."""
    result = [("dirty.curve", dirty)]
    for disk in real.disks:
        for metric, column in (("bandwidth.curve", "write_bw_kbps"),
                               ("threshold.curve", "thresh_kb")):
            result.append((f"{metric}.{disk}",
                           lambda run, name=f"{disk}_{column}": run.samples[name]))
    return result


def same_order(real, simulated):
    """How unlike what the flushers did is, round by round: 0 is the same in the same order."""
    matcher = difflib.SequenceMatcher(None, real.trace.order, simulated.trace.order, autojunk=False)
    return 1 - matcher.ratio()


def compare(experiment, real, simulated, repeat=None):
    context = {"tick_s": real.tick_s, "peak": dirty(real).max()}
    entries = metrics.compare_scalars(experiment, scalars(real), scalars(simulated),
                                      scalars(repeat) if repeat else {}, context)
    entries += metrics.compare_curves(experiment, real, simulated, curves(real), context)
    if real.trace is not None and simulated.trace is not None:
        gap = same_order(real, simulated)
        entries.append(metrics.entry(experiment, "events.order", 0.0, gap,
                                     metrics.judge("events.order", 0.0, gap, context)))
    return entries
