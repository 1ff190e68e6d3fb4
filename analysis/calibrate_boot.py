"""How much memory a kernel lacked when it took its first dirty limit, at boot.

Usage: calibrate_boot.py --wbsim PROGRAM EXPERIMENT_DIR...

From 3.1 on the set point of the throttle follows a limit that boot leaves and that comes down by
1/32 every 200 ms at most. Boot takes it from the memory that is free by then: without the kernel's
init sections and its initramfs, which are given back later, and without what it has used. No file
tells how much that is, but for many seconds all that is dirty keeps a distance from the set point.

Each experiment whose writers are throttled after a second is simulated with some limits; the one
at which as much is dirty as was recorded between 1 and 4 s is read off the line through them.
Prints it for each, and the pages by which memory was smaller (jobs_scenario.TAKEN_AT_BOOT).
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile

import endings
import numpy

import jobs_scenario
import recording
import reference_scenario
from scenario_words import CannotExpress, PAGE_BYTES, size

FROM_S, UNTIL_S = 1, 4
THROTTLED_SHARE = 0.95  # of the limit: above the free run, that ends at 3/4
TRIED_PAGES = range(1000, 1401, 25)


def level(run):
    """Pages dirty or under write-back, in the mean, and whether their writers were throttled."""
    samples = run.samples
    chosen = (samples["t_s"] >= FROM_S) & (samples["t_s"] < UNTIL_S)
    dirty = (samples["nr_dirty"] + samples["nr_writeback"])[chosen]
    limit = samples["nr_dirty_threshold"][chosen]
    return float(dirty.mean()), bool((dirty > THROTTLED_SHARE * limit).all())


def simulated_level(directory, scenario, limit, program):
    scenario["machine"]["dirty_limit_at_start"] = size(limit * PAGE_BYTES)
    scenario["run"].update(until="duration", duration=f"{UNTIL_S}s")
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch)
        (path / "scenario.json").write_text(json.dumps(scenario), encoding="utf-8")
        subprocess.run([program, "run", path / "scenario.json", "--out", path / "run"], check=True,
                       stdout=subprocess.DEVNULL)
        conditions = recording.conditions_of(directory)
        return level(recording.load_simulated(path / "run", conditions))[0]


def boot_limit(directory, scenario, memory_pages, ratio, program):
    """The pages by which memory was smaller, or None if nobody was throttled by such a limit."""
    run = recording.load_recorded(directory)
    if "nr_dirty_threshold" not in run.samples:  # before 3.1
        return None
    recorded, throttled = level(run)
    if not throttled:
        return None
    levels = [simulated_level(directory, scenario, (memory_pages - taken) * ratio // 100, program)
              for taken in TRIED_PAGES]
    slope, at_zero = numpy.polyfit(levels, list(TRIED_PAGES), 1)
    return slope * recorded + at_zero


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--wbsim", type=pathlib.Path, required=True, metavar="PROGRAM")
    parser.add_argument("directories", type=pathlib.Path, nargs="+", metavar="EXPERIMENT_DIR")
    options = parser.parse_args()
    endings.check_wbsim(options.wbsim)
    calibration = reference_scenario.calibration_of(reference_scenario.DEFAULT_CALIBRATION)
    found = []
    for directory in options.directories:
        try:
            with recording.understanding():
                conditions = recording.conditions_of(directory)
                scenario = reference_scenario.scenario_of(directory, calibration)
                taken = boot_limit(directory, scenario, jobs_scenario.memory_kib(conditions) // 4,
                                   int(conditions["sysctl"]["dirty_ratio"]), options.wbsim)
        except (recording.Damaged, CannotExpress) as error:
            raise endings.Unusable(f"{directory}: {error}") from error
        if taken is not None:
            print(f"{directory.name:10s} {taken:6.0f} pages")
            found.append(taken)
    if not found:
        raise endings.Unusable(
            f"no recording has writers throttled from {FROM_S} to {UNTIL_S} s")
    print(f"median     {statistics.median(found):6.0f} pages")
    return 0


if __name__ == "__main__":
    endings.run(main)
