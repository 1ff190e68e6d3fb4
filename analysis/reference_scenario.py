#!/usr/bin/python3
"""Writes the wbsim scenario that means the same as a recorded experiment's conditions.json.

Usage: reference_scenario.py EXPERIMENT_DIR [--calibration FILE] > scenario.json

There are two formats of recordings, and no experiment is known by name. A condition that no
scenario can express is an error that names it (exit code 2); none is ignored.
"""

import argparse
import json
import pathlib
import sys

import endings
import jobs_scenario
import recording
import spec_scenario
from scenario_words import CannotExpress

DEFAULT_CALIBRATION = pathlib.Path(__file__).resolve().parent / "calibration.json"


def scenario_of(directory, calibration):
    directory = pathlib.Path(directory)
    conditions = recording.conditions_of(directory)
    form = spec_scenario if recording.has_spec(conditions) else jobs_scenario
    return form.scenario_of(directory, conditions, calibration)


def calibration_of(path):
    try:
        return recording.read_json(path)
    except recording.Damaged as error:
        raise endings.Unusable(f"{path}: {error} (analysis/calibrate.py makes it)") from error


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("directory", type=pathlib.Path, metavar="EXPERIMENT_DIR",
                        help="it holds conditions.json; the scenario is printed")
    parser.add_argument("--calibration", type=pathlib.Path, default=DEFAULT_CALIBRATION,
                        metavar="FILE", help="default: calibration.json beside this script")
    options = parser.parse_args()
    calibration = calibration_of(options.calibration)
    try:
        with recording.understanding():
            scenario = scenario_of(options.directory, calibration)
    except (CannotExpress, recording.Damaged) as error:
        raise endings.Unusable(f"{options.directory}: {error}") from error
    json.dump(scenario, sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    endings.run(main)
