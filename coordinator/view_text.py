"""The text of views: how tasks, steps, results and totals stand in the fields of a run's hash."""

from dataclasses import fields
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic_core import to_json

from argosy.coordinator.held import Held
from argosy.coordinator.kept import StepState, TaskResult, TaskState, Totals

View = TaskState | StepState | TaskResult | Totals

_STEP: Final = TypeAdapter(StepState)
_ALL_OF_STEP: Final = attrgetter(*(field.name for field in fields(StepState)))
_RESULT: Final = TypeAdapter(TaskResult)


def view_text(view: View, held: Held) -> bytes:
    """Write a view; the JSON of a payload that `held` knows is made once."""
    match view:
        case TaskState() | Totals():
            return view.encode()
        case StepState():
            plain = view.cause is None and view.first is None
            if plain:
                return _plain_step(*_ALL_OF_STEP(view))
            return _STEP.serializer.to_json(view, exclude_defaults=True)
        case TaskResult():
            if view.payload is None or view.facts or view.fault is not None:
                return result_text(view)
            traced = b"" if view.traceparent is None else b',"traceparent":%b' % to_json(view.traceparent)
            return b'{"payload":%b%b}' % (held.json_of(view.payload), traced)


@lru_cache(maxsize=4_096)  # the same few say how most steps of most runs stand
def _plain_step(*values: Any) -> bytes:  # noqa: ANN401 - the fields of a step, in their order
    return _STEP.serializer.to_json(StepState(*values), exclude_defaults=True)


def result_text(result: TaskResult) -> bytes:
    """Write a result of which nothing is held."""
    return _RESULT.serializer.to_json(result, exclude_defaults=True)


def read_result(text: bytes) -> TaskResult:
    """Read what a task left."""
    return _RESULT.validate_json(text)


def read_step(text: bytes) -> StepState:
    """Read a step."""
    return _STEP.validate_json(text)
