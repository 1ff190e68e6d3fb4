#!/usr/bin/python3
"""Runs recorded experiments in the simulator and says how far it is from the real kernels.

Usage: validate.py REFERENCE_DIR... [--json FILE] [--markdown FILE] [--plots DIR] [--out DIR]
                   [--repeats] [--readme-table] [--write-missed FILE] [--wbsim PATH]
                   [--calibration FILE] [--jobs N] [--variants N]

REFERENCE_DIR is an experiment's folder, a kernel's folder or the root: every folder below it that
has a conditions.json is validated, and with --repeats also what was recorded again. Exit code:
0 all bars met, 1 one missed or a run failed, 2 a folder has a condition that no scenario can
express (the others are still done).

The accuracy page and its pictures:
  analysis/validate.py tests/reference --repeats --markdown docs/accuracy.md --plots docs/accuracy
"""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import endings
import forms
import metrics
import recording
import reference_scenario
import validate_markdown
import validate_report
import variants
from scenario_words import CannotExpress

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIDELITY = pathlib.Path(__file__).resolve().parent / "fidelity.md"
EXIT_MISSED, EXIT_CANNOT_EXPRESS = 1, 2
WBSIM_EXIT_INVALID_SCENARIO = 3
CURE = "mend or copy it again (tests/reference/README.md describes the files)"


class RunFailed(Exception):
    """The simulator ended with an error."""


def is_repeat(folder):
    return folder.name == "repeat"


def experiment_folders(roots, repeats):
    found = {}
    for root in roots:
        for path in sorted(root.rglob("conditions.json")):
            if repeats or not is_repeat(path.parent):
                found[path.parent.resolve()] = None
    return list(found)


def simulate(scenario, options, kept):
    """Writes scenario.json and run/ into `kept`; returns the output directory."""
    kept.mkdir(parents=True, exist_ok=True)
    path = kept / "scenario.json"
    path.write_text(json.dumps(scenario, indent=1) + "\n", encoding="utf-8")
    out = kept / "run"
    if (out / "manifest.json").is_file():
        shutil.rmtree(out)  # of an earlier validation
    command = [str(options.wbsim), "run", str(path), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    (kept / "stderr.txt").write_text(done.stderr, encoding="utf-8")
    if done.returncode == WBSIM_EXIT_INVALID_SCENARIO:
        raise CannotExpress(f"the simulator refuses the scenario:\n{done.stderr.strip()}")
    # 1: an expectation failed; a generated scenario has none.
    if done.returncode != 0:
        raise RunFailed(f"wbsim exit code {done.returncode}: {done.stderr.strip()[-2000:]}")
    return out


def recorded_again(folder, form):
    """The same experiment recorded another time, if it was: the kernel's own spread."""
    again = folder.parent if is_repeat(folder) else folder / "repeat"
    return form.load_recorded(again) if (again / "conditions.json").is_file() else None


def labels_of(folders):
    """What each folder's experiment is called: where several hold the same one of one kernel, the
    folder's name is a part of it, or its number if they are called alike. A repeat says so."""
    alike = {}
    for folder in folders:
        try:
            with recording.understanding():
                form = forms.form_of(recording.conditions_of(folder))
                experiment = form.experiment + (".repeat" if is_repeat(folder) else "")
                key = experiment, form.release
        except (CannotExpress, recording.Damaged):
            key = folder.name, ""  # its validation says what is wrong
        alike.setdefault(key, []).append(folder)
    labels = {}
    for (experiment, _), same in alike.items():
        names = [folder.name for folder in same]
        for number, folder in enumerate(same, 1):
            apart = folder.name if len(set(names)) == len(names) else number
            labels[folder] = experiment if len(same) == 1 else f"{experiment}.{apart}"
    return labels


def validate(folder, label, options, calibration, out_root):
    """The experiment's form, its entries, and both runs."""
    with recording.understanding():
        form = forms.form_of(recording.conditions_of(folder))
        form = dataclasses.replace(form, experiment=label)
        scenario = reference_scenario.scenario_of(folder, calibration)
        real, again = form.load_recorded(folder), recorded_again(folder, form)

    def compared(chosen, kept):
        out = simulate(chosen, options, kept)
        with recording.understanding():
            simulated = form.load_simulated(out)
            return simulated, form.compare(form.name, real, simulated, again)

    simulated, entries = compared(scenario, out_root / form.name)
    with tempfile.TemporaryDirectory() as scratch:
        variants.add_ranges(entries, [
            compared(variants.varied(scenario, number), pathlib.Path(scratch))[1]
            for number in range(1, options.variants + 1)])
    return {"name": form.name, "experiment": form.experiment, "release": form.release,
            "spec": form.spec, "repeat": is_repeat(folder),
            "description": form.description, "real": real, "simulated": simulated,
            "entries": entries}


def cross_kernel(results):
    by_experiment = {}
    for result in results:
        releases = by_experiment.setdefault(result["experiment"], {})
        releases[result["release"]] = result["entries"]
    rows = []
    for experiment in sorted(by_experiment):
        rows += metrics.compare_kernels(by_experiment[experiment], experiment)
    return rows


def draw(results, directory):
    # Slow, and not always wanted.
    import spec_plots  # pylint: disable=import-outside-toplevel
    import validate_plots  # pylint: disable=import-outside-toplevel
    directory.mkdir(parents=True, exist_ok=True)
    for result in validate_markdown.split(results)[0]:
        plots = spec_plots if result["spec"] else validate_plots
        plots.plot(f"{result['experiment']}, Linux {result['release']}", result["real"],
                   result["simulated"], directory / f"{result['name']}.png")


def run_all(folders, options, calibration, out_root):
    """(results, failed entries, whether a folder could not be expressed)."""
    results, failures, inexpressible = [], [], False
    labels = labels_of(folders)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        waiting = [(folder, pool.submit(validate, folder, labels[folder], options, calibration,
                                        out_root))
                   for folder in folders]
        for folder, future in waiting:
            try:
                results.append(future.result())
            except CannotExpress as error:
                print(f"error: {folder}: cannot be expressed: {error}", file=sys.stderr)
                inexpressible = True
            except recording.Damaged as error:
                print(f"error: {folder}: {error}; {CURE}", file=sys.stderr)
                inexpressible = True
            except Exception as error:  # pylint: disable=broad-except  (the others go on)
                print(f"error: {folder}: {type(error).__name__}: {error}", file=sys.stderr)
                name = f"{folder.name}-{folder.parent.name}"
                failures.append(metrics.entry(name, "run", None, None, (None, None, False)))
    return results, failures, inexpressible


def number_of_runs(text):
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of runs: 0, 1, 2, ...")
    return int(text)


def number_of_jobs(text):
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of jobs: 1, 2, ...")
    return int(text)


def parser_of_options():
    parser = argparse.ArgumentParser(
        description="Runs recorded experiments in the simulator and compares.")
    parser.add_argument("directories", nargs="+", type=pathlib.Path, metavar="REFERENCE_DIR")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE",
                        help="every bar with both values")
    parser.add_argument("--markdown", type=pathlib.Path, metavar="FILE",
                        help="the accuracy table")
    parser.add_argument("--plots", type=pathlib.Path, metavar="DIR",
                        help="a picture of each experiment, both curves")
    parser.add_argument("--out", type=pathlib.Path, metavar="DIR",
                        help="where scenarios and runs are kept (default: nowhere)")
    parser.add_argument("--wbsim", type=pathlib.Path, default=ROOT / "build/release/wbsim",
                        metavar="PROGRAM", help="default: build/release/wbsim")
    parser.add_argument("--calibration", type=pathlib.Path,
                        metavar="FILE", default=reference_scenario.DEFAULT_CALIBRATION,
                        help="default: calibration.json beside this script")
    parser.add_argument("--jobs", type=number_of_jobs, default=2, metavar="N",
                        help="simulations at a time (default: 2)")
    parser.add_argument("--variants", type=number_of_runs, default=0, metavar="N",
                        help="simulate N times more with costs that are a little off, to tell "
                             "chance from bias on the accuracy page")
    parser.add_argument("--repeats", action="store_true",
                        help="what was recorded a second time as well, in the folders repeat/")
    parser.add_argument("--readme-table", action="store_true",
                        help="print the README's table and nothing else")
    parser.add_argument("--write-missed", type=pathlib.Path, metavar="FILE",
                        help="the bars that are missed, one a line")
    parser.add_argument("--summary-only", action="store_true",
                        help="no table per experiment")
    return parser


def missed(entries):
    """The names of the missed bars, as --write-missed lists them."""
    return sorted(f"{row['experiment']} {row['metric']}" for row in entries if not row["ok"])


def command_line(options):
    """What makes this page again, without what differs from machine to machine."""
    words = ["analysis/validate.py", *map(str, options.directories)]
    words += (["--repeats"] if options.repeats else []) + ["--markdown", str(options.markdown)]
    if options.variants:
        words += ["--variants", str(options.variants)]
    return " ".join(words + (["--plots", str(options.plots)] if options.plots else []))


def write_page(results, across, failures, options):
    """The accuracy page; it links the pictures by their path from it."""
    folder = None
    if options.plots:
        folder = os.path.relpath(options.plots, options.markdown.parent)
    page = validate_markdown.markdown(results, across, failures, {
        "command": command_line(options), "plots": folder,
        "fidelity": FIDELITY.read_text(encoding="utf-8")})
    options.markdown.write_text(page, encoding="utf-8")


def report(results, across, entries, options):
    if options.readme_table:
        print(validate_markdown.readme_table(results, across), end="")
        return
    if not options.summary_only:
        for result in results:
            validate_report.print_experiment(result["name"], result["entries"])
    validate_report.print_across(across)
    validate_report.print_summary(entries)


def main():
    options = parser_of_options().parse_args()
    folders = experiment_folders(options.directories, options.repeats)
    if not folders:
        raise endings.Unusable("no conditions.json below " +
                               " or ".join(map(str, options.directories)))
    endings.check_wbsim(options.wbsim)
    endings.check_outputs([options.json, options.markdown, options.write_missed],
                          [options.out, options.plots])
    calibration = reference_scenario.calibration_of(options.calibration)
    with tempfile.TemporaryDirectory() as scratch:
        out_root = options.out or pathlib.Path(scratch)
        results, failures, inexpressible = run_all(folders, options, calibration, out_root)
    across = cross_kernel(results)
    entries = [row for result in results for row in result["entries"]] + across + failures
    report(results, across, entries, options)
    if options.json:
        options.json.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
    if options.write_missed:
        options.write_missed.write_text("".join(f"{name}\n" for name in missed(entries)),
                                        encoding="utf-8")
    if options.markdown:
        write_page(results, across, failures, options)
    if options.plots:
        draw(results, options.plots)
    if inexpressible:
        return EXIT_CANNOT_EXPRESS
    return 0 if all(row["ok"] for row in entries) else EXIT_MISSED


if __name__ == "__main__":
    endings.run(main)
