"""What a step that waits has in the place of an agent: no code, but a kind, inputs and an output."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import JsonValue, TypeAdapter, ValidationError

from argosy.pipelines.annotation import Annotation, describe
from argosy.pipelines.port import Port, adapter_of, port_of
from argosy.schemas.approval import Approval
from argosy.schemas.errors import BuildError
from argosy.schemas.pipeline import ABOUT, ApprovalStep, SignalStep, SleepStep

Kind = type[SignalStep | ApprovalStep | SleepStep]

_ANYTHING: Final = port_of(Any, TypeAdapter(Any))
_APPROVAL: Final = port_of(Approval, TypeAdapter(Approval))
_NOTHING: Final = port_of(None, TypeAdapter(None))
_SECONDS: Final = frozenset({"seconds", "within_seconds"})


@dataclass(frozen=True, slots=True)
class Wait:
    """A `Runnable` that runs nothing."""

    name: str
    kind: Kind
    output: Port[Any]
    options: Mapping[str, JsonValue]
    """Fields of the compiled step, those of its kind."""
    inputs: Mapping[str, Port[Any]] = field(default_factory=dict[str, Port[Any]])
    defaults: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def takes(self) -> TypeAdapter[Any] | None:
        """The type of the value that a signal brings; None for another kind."""
        return self.output.adapter if self.kind is SignalStep else None


def signal(name: str, value: Annotation, options: Mapping[str, JsonValue]) -> Wait:
    """Wait for a signal with a value of a type."""
    adapter = adapter_of(
        value,
        what=f"signal {name!r} brings {describe(value)}",
        why="the value of a signal is checked by JSON Schema",
        do="pass a pydantic model or a JSON type",
    )
    _check(name, SignalStep, {"takes": {}, **options})
    return Wait(name, SignalStep, port_of(value, adapter), options)


def approval(name: str, options: Mapping[str, JsonValue]) -> Wait:
    """Wait for an answer about one value."""
    about: JsonValue = [{"name": ABOUT, "from": "input"}]
    _check(name, ApprovalStep, {"inputs": about, **options})
    return Wait(name, ApprovalStep, _APPROVAL, options, {ABOUT: _ANYTHING})


def sleep(name: str, options: Mapping[str, JsonValue]) -> Wait:
    """Wait for a time."""
    _check(name, SleepStep, options)
    return Wait(name, SleepStep, _NOTHING, options)


def _check(name: str, kind: Kind, fields: Mapping[str, JsonValue]) -> None:
    told = kind.model_fields["kind"].annotation
    found = getattr(told, "__args__", ("",))[0]
    for key in _SECONDS & fields.keys():
        given = fields[key]
        if isinstance(given, bool) or not isinstance(given, (int, float)):
            raise BuildError(
                what=f"{found} {name!r} has {key}={given!r}",
                why="that is no number of seconds",
                do="give a number, like 60",
            )
    try:
        kind.model_validate({"name": "x", "kind": found, **fields})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BuildError(
            what=f"{found} {name!r} has {'.'.join(map(str, first['loc']))}={first['input']!r}",
            why=first["msg"],
            do="change it in this call",
        ) from None  # the three lines hold all that pydantic found
