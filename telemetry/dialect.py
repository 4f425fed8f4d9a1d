"""By which version of the conventions things are named: OpenTelemetry's own switch, read once by a process.

`OTEL_SEMCONV_STABILITY_OPT_IN` is a list, separated by commas:

| word | what it changes |
|---|---|
| `gen_ai_latest_experimental` | the separate GenAI conventions (v0.1.0) instead of semantic conventions 1.41 |
| `gen_ai/dup` | both of these, and `gen_ai.system` as up to 1.36 |
| `messaging` | nothing: the messaging names of 1.44 are what we tell anyway |
| `messaging/dup` | the messaging names of 1.24 beside them |

The GenAI words change the metrics of model calls too (`inference_table`). A span has one name and one kind: those are
always of the newest. https://opentelemetry.io/docs/specs/semconv/messaging/
"""

import os
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Final, Literal

from opentelemetry.util.types import AnyValue

from argosy.telemetry import names
from argosy.telemetry.forms import Told, attributes_of

VARIABLE: Final = "OTEL_SEMCONV_STABILITY_OPT_IN"

GenAi = Literal["usual", "latest", "both"]

_OPERATIONS: Final = {names.SEND: "publish", names.PROCESS: "process"}
_OLD_MESSAGING: Final[dict[str, tuple[str, Callable[[AnyValue], AnyValue]]]] = {
    names.OPERATION_TYPE: (names.OLD_OPERATION, lambda value: _OPERATIONS[str(value)]),
    names.PARTITION: (names.OLD_PARTITION, lambda value: int(str(value))),
    names.OFFSET: (names.OLD_OFFSET, lambda value: value),
    names.GROUP: (names.OLD_GROUP, lambda value: value),
}


@cache
def gen_ai() -> GenAi:
    """Say by which GenAI conventions to name; `both` wins over `latest`."""
    words = _words()
    if "gen_ai/dup" in words:
        return "both"
    return "latest" if "gen_ai_latest_experimental" in words else "usual"


@cache
def tells_old_messaging() -> bool:
    """Say whether the messaging names of semantic conventions 1.24 are asked for too."""
    return "messaging/dup" in _words()


def old_messaging(told: Iterable[Told]) -> Mapping[str, AnyValue]:
    """Give the attributes of a messaging span once more, under their old names."""
    attributes = attributes_of(told)
    return {old: made(attributes[name]) for name, (old, made) in _OLD_MESSAGING.items() if name in attributes}


def workflow(name: str) -> Mapping[str, str]:
    """Name the workflow of a span `invoke_workflow`."""
    match gen_ai():
        case "usual":
            return {names.WORKFLOW: name}
        case "latest":
            return {names.GEN_AI_AGENT: name}
        case "both":
            return {names.WORKFLOW: name, names.GEN_AI_AGENT: name}


def provider(name: str) -> Mapping[str, str]:
    """Name who serves a model."""
    named = {names.GEN_AI_PROVIDER: name}
    return named | {names.OLD_SYSTEM: name} if gen_ai() == "both" else named


def forget() -> None:
    """Read the variable again: for tests."""
    gen_ai.cache_clear()
    tells_old_messaging.cache_clear()


def _words() -> frozenset[str]:
    return frozenset(word.strip() for word in os.environ.get(VARIABLE, "").split(","))
