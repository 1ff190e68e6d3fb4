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


def form_of(conditions):
    if recording.has_spec(conditions):
        return Form(conditions["experiment"], spec_scenario.release_of(conditions),
                    conditions["description"],
                    spec_recording.load_recorded,
                    functools.partial(spec_recording.load_simulated, conditions=conditions),
                    spec_metrics.compare, True)
    workload = conditions["workload"]
    return Form(workload["experiment"], conditions["kernel"]["release"], workload["description"],
                recording.load_recorded,
                functools.partial(recording.load_simulated, conditions=conditions),
                metrics.compare, False)
