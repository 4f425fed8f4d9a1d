"""Whether what a planner returned is a plan that may be run. Nothing of one that isn't comes into the run."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue, ValidationError

from argosy.coordinator.allowed import Allowed
from argosy.coordinator.plan_schema import Schemas, misfit, takes_list
from argosy.schemas.edges import INPUT, Constant, InputEdge
from argosy.schemas.planning import RESULT_OF, Plan, PlannedTask, ResultOf

_OURS: Final = re.compile(r"p(0|[1-9][0-9]*)")
"""Tasks of ours that lie under the planner's own, if that is cut into pages."""
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a plan may not be run, for people and for the planner."""

    reason: str


def checked(value: JsonValue, allowed: Allowed) -> tuple[PlannedTask, ...] | Refused:
    """Read a plan; say what is wrong with it."""
    try:
        tasks = Plan.model_validate(value).tasks
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[0]
        return Refused(f"{'.'.join(map(str, found['loc'])) or 'it'}: {found['msg']}")
    if len(tasks) > allowed.max_tasks:
        return Refused(f"it has {len(tasks)} tasks; at most {allowed.max_tasks} may be planned")
    wrong = next(_wrong(tasks, allowed), None)
    return tuple(tasks) if wrong is None else Refused(wrong)


def waits_for(task: PlannedTask) -> tuple[str, ...]:
    """List the keys that a task waits for, each once: what it reads, then `after`."""
    return tuple(dict.fromkeys((*(edge.source for edge in read(task)), *task.after)))


def read(task: PlannedTask) -> Iterator[InputEdge]:
    """List what a task reads of others."""
    for name, value in task.inputs.items():
        for part in parts_of(name, value):
            if isinstance(part, InputEdge):
                yield part


def parts_of(name: str, value: JsonValue) -> tuple[InputEdge | Constant, ...]:
    """Give an input's parts: one for a value or for what a task gave, several for a list that holds such."""
    found = _part(name, value)
    if isinstance(found, Constant) and isinstance(value, list):
        parts = tuple(_part(name, item) for item in value)
        return parts if any(isinstance(part, InputEdge) for part in parts) else (found,)
    return (found,)


def is_gathered(name: str, value: JsonValue) -> bool:
    """Say whether an input is a list of what tasks gave."""
    return isinstance(value, list) and any(isinstance(part, InputEdge) for part in parts_of(name, value))


def _part(name: str, value: JsonValue) -> InputEdge | Constant:
    if isinstance(value, dict) and RESULT_OF in value:
        try:
            named = ResultOf.model_validate(value)
        except ValidationError:
            return Constant.model_construct(name=name, value=value)
        return InputEdge.model_construct(name=name, source=named.result_of, select=None, hole=named.or_hole)
    return Constant.model_construct(name=name, value=value)


def _wrong(tasks: list[PlannedTask], allowed: Allowed) -> Iterator[str]:
    keys: set[str] = set()
    schemas = Schemas(allowed.schemas)
    for task in tasks:
        if task.key in keys:
            yield f"two of its tasks have the key {task.key!r}"
        if task.key == INPUT or _OURS.fullmatch(task.key):
            yield f"{task.key!r} can't be a key: choose another one"
        keys.add(task.key)
    for task in tasks:
        if task.agent not in allowed.contracts:
            yield f"{task.key} is for {task.agent!r}; it may be for {', '.join(allowed.contracts)}"
        else:
            yield from _inputs(task, allowed, schemas)
        for key in waits_for(task):
            if key not in keys:
                yield f"{task.key} waits for {key!r}, which is no key of the plan"
    circle = _circle(tasks)
    if circle:
        yield f"these wait for each other: {', '.join(circle[:_SHOWN])}{', …' if len(circle) > _SHOWN else ''}"


def _inputs(task: PlannedTask, allowed: Allowed, schemas: Schemas) -> Iterator[str]:
    contract = allowed.contracts[task.agent]
    takes = ", ".join(contract.inputs) or "nothing"
    for name in contract.required_inputs():
        if name not in task.inputs:
            yield f"{task.key} has no input {name!r}; {task.agent} takes {takes}"
    for name, value in task.inputs.items():
        schema = contract.inputs.get(name)
        if schema is None:
            yield f"{task.key} has an input {name!r}; {task.agent} takes {takes}"
        elif is_gathered(name, value):
            if not takes_list(schema, schemas):
                yield f"input {name!r} of {task.key} is no list"
        elif isinstance(parts_of(name, value)[0], Constant):
            found = misfit(value, schema, schemas)
            if found is not None:
                yield f"input {name!r} of {task.key}: {found}"


def _circle(tasks: list[PlannedTask]) -> list[str]:
    """Name the tasks that can never start."""
    waiting = {task.key: set(waits_for(task)) for task in tasks}
    readers: dict[str, list[str]] = {}
    for key, sources in waiting.items():
        for source in sources:
            readers.setdefault(source, []).append(key)
    free = [key for key, sources in waiting.items() if not sources]
    while free:
        key = free.pop()
        for reader in readers.get(key, ()):
            waiting[reader].discard(key)
            if not waiting[reader]:
                free.append(reader)
        waiting.pop(key)
    return list(waiting)
