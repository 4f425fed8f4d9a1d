"""Which tasks a run that goes on may still do: what isn't there yet is no difference. Pure."""

from collections.abc import Mapping
from typing import Self

from argosy.console.dag import named_steps
from argosy.console.dashboard_timeline import step_template
from argosy.console.planned_words import planned_under
from argosy.console.run_history import History
from argosy.coordinator.allowed import made_by
from argosy.coordinator.kept import OPEN, TERMINAL
from argosy.coordinator.state import RunState
from argosy.coordinator.step_plan import iteration_of, template_of
from argosy.schemas.ids import step_of
from argosy.schemas.pipeline import Step


class ToCome:
    """What may come yet in one run; nothing in one that has ended, or whose outcome is decided."""

    def __init__(self, state: RunState | None, steps: Mapping[str, Step]) -> None:
        """Look at a run's state; None: nothing comes. `steps` by their names in its pipeline (`c.*/x`)."""
        self._state, self._steps = state, steps

    @classmethod
    def of(cls, history: History, state: RunState | None) -> Self:
        """Look at a run as its log folds."""
        accepted = history.accepted
        if accepted is None or history.ended is not None or state is None or state.st != "active":
            return cls(None, {})
        return cls(state, {each.name: each.step for each in named_steps(accepted.pipeline)})

    def __contains__(self, local: str) -> bool:
        """Say whether a task isn't done here and may be: it, and all that it stands under, are open or to begin."""
        state = self._state
        if state is None or not self._has(local):
            return False
        if (task := state.task(local)) is not None:
            return task.letter in OPEN
        lead, below = local, ""
        while lead:
            if _is_over(state, lead):
                return False
            task = state.task(lead)
            if task is not None and task.letter in TERMINAL:  # a planner ends before the tasks of its plan
                return below == made_by(lead) or below in planned_under(state, lead)
            lead, below = lead.rpartition("/")[0], lead
        return True

    def _has(self, local: str) -> bool:
        """Say whether the pipeline has the step; what is planned or cut while it runs belongs to the step it is for."""
        name = step_template(local, self._steps)
        step = self._steps.get(name)
        if step is None:
            return False
        return step.pipeline is None or template_of(step_of(local)[0]).removesuffix("~*") == name


def _is_over(state: RunState, lead: str) -> bool:
    """Say whether a step has ended, or a map has no such shard."""
    name, number = step_of(lead)
    loop = iteration_of(name)
    step = state.step(name if loop is None else loop[0])
    return step.letter in TERMINAL or (number is not None and step.letter == "r" and number >= step.length)
