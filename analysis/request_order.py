#!/usr/bin/python3
"""How far the requests of simulated runs are the recorded ones, in order, place and size.

    analysis/validate.py tests/reference --out runs
    analysis/request_order.py tests/reference runs

Requests are in the order of their ends.
"""

import argparse
import pathlib

import endings
import forms
import numpy

import metrics
import recording
import trace_events
from scenario_words import CannotExpress


def traced_ends(directory):
    """{device number: [(sector, sectors, end)]} of a recording with a trace."""
    found = {}
    for event in trace_events.recorded(directory, {"block_rq_complete"}):
        if event.t_s >= 0 and int(event.fields["nr_sector"]) > 0:
            major, minor = map(int, event.fields["dev"].split(":"))
            found.setdefault((major, minor), []).append(
                (int(event.fields["sector"]), int(event.fields["nr_sector"]), event.t_s))
    if not found:
        raise recording.Damaged("its trace tells of no request")
    return found


def ends_of(columns, end_s):
    """{disk: [(sector, sectors, end)]} of a table of requests."""
    found = {}
    for index in numpy.argsort(end_s, kind="stable"):
        if end_s[index] >= 0:
            found.setdefault(columns["disk"][index], []).append(
                (int(columns["sector"][index]), int(columns["sectors"][index]),
                 float(end_s[index])))
    return found


def recorded_ends(directory):
    if recording.has_spec(recording.conditions_of(directory)):
        return traced_ends(directory)
    told = recording.table(directory, "requests")
    return ends_of(told, told["t_start_s"] + (told["service_us"] + told["late_us"]) / 1e6)


def simulated_ends(directory):
    try:
        told = recording.table(directory, "requests")
    except recording.Damaged as damage:
        raise recording.Damaged(f"{directory}: {damage}") from damage
    return ends_of(told, told["t_queued_s"] + told["latency_us"] / 1e6)


def alike(real, simulated):
    """(how many from the first on are the same, how many seconds later those end here)"""
    theirs, ours = numpy.array(real).T, numpy.array(simulated).T
    same = metrics.first_alike(theirs[:2], ours[:2])
    return same, ours[2, :same] - theirs[2, :same]


def told(disk, real, simulated):
    same, later = alike(real, simulated)
    text = f"{disk}: {same} of {len(real)} requests are the recorded ones"
    if same:
        text += (f", {1e6 * numpy.median(later):+.0f} us in the middle, "
                 f"{1e6 * later.min():+.0f} to {1e6 * later.max():+.0f}")
    if same < min(len(real), len(simulated)):
        (sector, sectors, end_s), (here, size, _) = real[same], simulated[same]
        text += f"; then {sector}+{sectors} at {end_s:.6f} s, here {here}+{size}"
    return text


def compared(folder, runs):
    """[(EXPERIMENT-KERNEL DISK, recorded requests, simulated ones)] of a recording."""
    with recording.understanding():
        name = forms.form_of(recording.conditions_of(folder)).name
        real, simulated = recorded_ends(folder), simulated_ends(runs / name / "run")
        if len(real) != len(simulated):
            raise recording.Damaged(f"it has requests of {len(real)} disks, {name} in {runs} those "
                                    f"of {len(simulated)}")
    return [(f"{name} {disk}", real[device], simulated[disk])
            for device, disk in zip(sorted(real), sorted(simulated))]


def folders_below(root):
    return [path.parent for path in sorted(root.rglob("conditions.json"))
            if path.parent.name != "repeat"]


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("recordings", type=pathlib.Path,
                        help="folder with a conditions.json, or with such folders below")
    parser.add_argument("runs", type=pathlib.Path, help="what validate.py --out left")
    return parser.parse_args()


def main():
    args = parse_args()
    folders = folders_below(args.recordings)
    if not folders:
        raise endings.Unusable(f"no conditions.json below {args.recordings}")
    for folder in folders:
        try:
            for disk, real, simulated in compared(folder, args.runs):
                print(told(disk, real, simulated))
        except (recording.Damaged, CannotExpress) as damage:
            raise endings.Unusable(f"{folder}: {damage}") from damage
    return 0


if __name__ == "__main__":
    endings.run(main)
