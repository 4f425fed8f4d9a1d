"""What a fleet is to carry: runs a day of one shape, and what that makes at the peak. Pure."""

import math
from dataclasses import dataclass
from typing import Final

from argosy.console.plan_capacity_constants import Constants
from argosy.console.plan_capacity_run import Shape
from argosy.schemas.settings import DAY_SECONDS

_OWN_SECONDS: Final = 0.01
"""What a layer takes beside its handlers, on an idle fleet: a hop to the coordinator and one back."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked for."""

    runs_per_day: int
    run: Shape
    tokens: int
    """That a task asks a model for, given and made."""
    task_seconds: float
    """How long a handler takes."""
    wait_seconds: float
    """How long a run waits for people or for a time, holding nothing but its state."""
    peak: float
    """How many times the mean the busiest hour brings."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What that makes. Rates are those of the peak, if they aren't called a mean."""

    runs_per_second: float
    tasks_per_second: float
    mean_tasks_per_second: float
    tasks_per_day: int
    runs_active: int
    """Under way at once with a handler at work."""
    runs_waiting: int
    tasks_at_once: int
    """Handlers at work at once, of all agents."""
    model_tokens_per_minute: int


def traffic(load: Load, known: Constants) -> Traffic:
    """Reckon rates, and by Little's law how much is under way at once."""
    run, mean = load.run, load.runs_per_day / DAY_SECONDS
    per_second = mean * load.peak
    last_seconds = run.depth * (load.task_seconds + _OWN_SECONDS)

    def at_once(seconds: float) -> int:
        peak_seconds = min(seconds, known.assumed.peak_seconds)
        return math.ceil(per_second * peak_seconds + mean * (seconds - peak_seconds))

    tasks_per_second = per_second * run.tasks
    return Traffic(
        runs_per_second=per_second,
        tasks_per_second=tasks_per_second,
        mean_tasks_per_second=mean * run.tasks,
        tasks_per_day=load.runs_per_day * run.tasks,
        runs_active=at_once(last_seconds),
        runs_waiting=at_once(load.wait_seconds),
        tasks_at_once=run.tasks * at_once(load.task_seconds),
        model_tokens_per_minute=math.ceil(tasks_per_second * load.tokens * 60),
    )
