"""The steps that a planner's plan is made into: tasks under its own, each once their plan was taken over.

A compiled pipeline is the same for all its runs; these are one run's own. They are made of the field that keeps the
plan, when they are asked for.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Final

from pydantic import BaseModel, Field, JsonValue

from argosy.coordinator.allowed import Allowed
from argosy.coordinator.place import Place
from argosy.coordinator.plan_check import is_gathered, parts_of, waits_for
from argosy.coordinator.state import RunState
from argosy.coordinator.step_plan import MOST_MADE, StepPlan, Steps
from argosy.schemas.edges import After, Constant, InputEdge, StepInput
from argosy.schemas.fault import Fault
from argosy.schemas.pipeline import TaskStep
from argosy.schemas.planning import PlannedTask, PlanRefused
from argosy.schemas.taint import UNTAINTED, Taint, is_untainted

_MADE: Final[dict[tuple[Allowed, str, bytes], Mapping[str, StepPlan]]] = {}
_NONE: Final[Mapping[str, StepPlan]] = {}


class KeptPlan(BaseModel, frozen=True):
    """A plan that was taken over, as the run keeps it."""

    tasks: tuple[PlannedTask, ...]
    taint: Annotated[Taint, Field(exclude_if=is_untainted)] = UNTAINTED
    """Of the planner's result: what its tasks are given was made by it."""


class Gathering(InputEdge, frozen=True):
    """An input that is a list of what other tasks gave, and of values."""

    parts: tuple[InputEdge | Constant, ...]


def keep(state: RunState, step: StepPlan, plan: KeptPlan) -> None:
    """Keep the plan of a planner's step; from now on it has tasks."""
    state.put(f"q:{step.name}", plan.model_dump_json(exclude_defaults=True).encode())


def kept(state: RunState, name: str) -> KeptPlan | None:
    """Read the plan of a planner's step; None if none was taken over."""
    raw = state.get(f"q:{name}")
    return None if raw is None else KeptPlan.model_validate_json(raw)


def steps_under(state: RunState, step: StepPlan) -> Mapping[str, StepPlan]:
    """Give the steps of a planner's plan by their names in the run, in the plan's order; none before there is one."""
    raw = None if step.allowed is None else state.get(f"q:{step.name}")
    if raw is None or step.allowed is None:
        return _NONE
    found = _MADE.get((step.allowed, step.name, raw))
    if found is None:
        found = dict(_steps(step, step.allowed, KeptPlan.model_validate_json(raw)))
        # One more each: a plan may have no tasks.
        while _MADE and sum(map(len, _MADE.values())) + len(_MADE) + len(found) >= MOST_MADE:
            del _MADE[next(iter(_MADE))]
        _MADE[step.allowed, step.name, raw] = found
    return found


def held_at(step: StepPlan, number: int) -> str:
    """Name the field of the planned task that was the n-th to wait for a place: a long queue is never written again."""
    return f"h:{step.name}#{number}"


def remember(state: RunState, step: StepPlan, fault: Fault | None) -> None:
    """Keep why a planner's plan was refused, for its next attempt; None: there is none, or no more to tell."""
    if fault is None:
        state.drop(f"u:{step.name}")
        return
    refused = PlanRefused(reason=fault.message, taint=fault.taint)
    state.put(f"u:{step.name}", refused.model_dump_json().encode())


def plan_refused(state: RunState, place: Place) -> bytes | None:
    """Give the JSON of the `PlanRefused` that a planner's task is told; None of any other, and if none was refused."""
    return None if place.system is not None or place.step.allowed is None else state.get(f"u:{place.local}")


class RunSteps(Steps):
    """The steps of one run: those of its pipeline, and those that its planners planned."""

    def __init__(self, steps: Steps, state: RunState) -> None:
        """Add to a pipeline's steps."""
        vars(self).update(vars(steps))
        self._state = state

    def __getitem__(self, name: str) -> StepPlan:
        """Return a step; KeyError if the run has none of this name."""
        try:
            return super().__getitem__(name)
        except KeyError:
            owner, slash, _ = name.rpartition("/")
            if not slash:
                raise
            return steps_under(self._state, super().__getitem__(owner))[name]


def _steps(owner: StepPlan, allowed: Allowed, plan: KeptPlan) -> Iterator[tuple[str, StepPlan]]:
    names = {task.key: f"{owner.name}/{task.key}" for task in plan.tasks}
    children: dict[str, list[str]] = {task.key: [] for task in plan.tasks}
    for task in plan.tasks:
        for key in waits_for(task):
            children[key].append(names[task.key])
    for task in plan.tasks:
        name = names[task.key]
        inputs = tuple(_input(owner, given, value) for given, value in task.inputs.items())
        edges = tuple(_edges(inputs))
        after = tuple(After.model_construct(source=names[key], hole=False) for key in task.after)
        parents = tuple(names[key] for key in waits_for(task))
        needed = {edge.source for edge in edges if not edge.hole} | {each.source for each in after}
        required = tuple(parent for parent in parents if parent in needed)
        yield (
            name,
            StepPlan(
                name=name,
                step=TaskStep.model_construct(
                    name=name,
                    kind="task",
                    agent=task.agent,
                    inputs=_ordered(inputs, allowed, task),
                    after=after,
                ),
                runs=allowed.work[task.agent],
                owner=owner.name,
                via={},
                parents=parents,
                required=required,
                needs=frozenset(required),
                holes=Counter(edge.source for edge in edges if edge.hole),
                children=tuple(children[task.key]),
                wants=(),
                taint=plan.taint,
            ),
        )


def _ordered(inputs: tuple[StepInput, ...], allowed: Allowed, task: PlannedTask) -> tuple[StepInput, ...]:
    """Put inputs into the order of the agent's parameters."""
    order = {name: number for number, name in enumerate(allowed.contracts[task.agent].inputs)}
    return tuple(sorted(inputs, key=lambda given: order[given.name]))


def _input(owner: StepPlan, name: str, value: JsonValue) -> StepInput:
    parts = tuple(_placed(owner, part) for part in parts_of(name, value))
    if is_gathered(name, value):
        return Gathering.model_construct(name=name, source=owner.name, select=None, hole=False, parts=parts)
    return parts[0]


def _placed(owner: StepPlan, part: InputEdge | Constant) -> InputEdge | Constant:
    if isinstance(part, Constant):
        return part
    return part.model_copy(update={"source": f"{owner.name}/{part.source}"})


def _edges(inputs: tuple[StepInput, ...]) -> Iterator[InputEdge]:
    for given in inputs:
        if isinstance(given, Gathering):
            yield from (part for part in given.parts if isinstance(part, InputEdge))
        elif isinstance(given, InputEdge):
            yield given
