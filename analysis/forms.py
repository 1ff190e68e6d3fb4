"""The two formats of recordings, behind one face."""

import functools
from dataclasses import dataclass
from typing import Callable

import metrics
import recording
import spec_metrics
import spec_recording
import spec_scenario


@dataclass(frozen=True)
class Form:
    experiment: str
    release: str
    description: str
    load_recorded: Callable  # (directory)
    load_simulated: Callable  # (directory)
    compare: Callable  # (name, real, simulated, repeat)
    spec: bool  # whether it has a job language

    @property
    def name(self):
        return f"{self.experiment}-{self.release}"


def text_of(told, key):
    if not isinstance(told[key], str):
        raise TypeError(f"{told[key]!r} is not a text")
    return told[key]


def name_of(told, key):
    """A text that makes part of a file's name."""
    if "/" in text_of(told, key):
        raise ValueError(f"{told[key]!r} cannot be a file's name")
    return told[key]


def form_of(conditions):
    if recording.has_spec(conditions):
        return Form(name_of(conditions, "experiment"), spec_scenario.release_of(conditions),
                    text_of(conditions, "description"),
                    spec_recording.load_recorded,
                    functools.partial(spec_recording.load_simulated, conditions=conditions),
                    spec_metrics.compare, True)
    workload = conditions["workload"]
    return Form(name_of(workload, "experiment"), name_of(conditions["kernel"], "release"),
                text_of(workload, "description"),
                recording.load_recorded,
                functools.partial(recording.load_simulated, conditions=conditions),
                metrics.compare, False)
