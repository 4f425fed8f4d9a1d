"""Messages to bytes and back. The only place where a body's JSON is met before its model."""

import json
import math
from typing import Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from argosy.schemas.contract import known_contract
from argosy.schemas.deadletter import DeadLetter
from argosy.schemas.envelope import Envelope
from argosy.schemas.errors import BadMessage
from argosy.schemas.field_path import first_wrong
from argosy.schemas.inbox import BudgetAnswered, CancelRequested, RunSubmitted, SignalSent
from argosy.schemas.result import SubmitRefused
from argosy.schemas.runlog import (
    BudgetReceived,
    CancelReceived,
    RunAccepted,
    RunEnded,
    SignalReceived,
    StepRecorded,
    SubmitTurnedAway,
    TaskSettled,
    TimerFired,
)
from argosy.schemas.task import SystemDispatched, TaskDispatched
from argosy.schemas.watch import StateChanged, StatesChanged, TaskProgressed, TextStreamed

Message = (
    RunSubmitted
    | SignalSent
    | CancelRequested
    | BudgetAnswered
    | RunAccepted
    | SubmitTurnedAway
    | TaskSettled
    | StepRecorded
    | SignalReceived
    | CancelReceived
    | BudgetReceived
    | TimerFired
    | RunEnded
    | SubmitRefused
    | TaskDispatched
    | SystemDispatched
    | TaskProgressed
    | TextStreamed
    | StateChanged
    | StatesChanged
    | DeadLetter
)

MESSAGES: Final[dict[str, type[Message]]] = {
    model.KIND: model
    for model in (
        RunSubmitted,
        SignalSent,
        CancelRequested,
        BudgetAnswered,
        RunAccepted,
        SubmitTurnedAway,
        TaskSettled,
        StepRecorded,
        SignalReceived,
        CancelReceived,
        BudgetReceived,
        TimerFired,
        RunEnded,
        SubmitRefused,
        TaskDispatched,
        SystemDispatched,
        TaskProgressed,
        TextStreamed,
        StateChanged,
        StatesChanged,
        DeadLetter,
    )
}
"""Every kind that may stand in a `ce_type`, and the model of its body."""

_ADAPTERS: Final[dict[str, TypeAdapter[Message]]] = {
    kind: TypeAdapter(model) for kind, model in MESSAGES.items()
}

# Written by anyone: `NaN` is no JSON, but the models' own parser would let it into a free value.
_FOREIGN: Final = frozenset((RunSubmitted.KIND, SignalSent.KIND, CancelRequested.KIND, BudgetAnswered.KIND))
_NO_JSON: Final = (b"NaN", b"Infinity")
"""Where neither word stands, there is nothing to look for; in a text they are fine."""
_DIGITS: Final = bytes.maketrans(b"123456789E", b"000000000e")
_HUGE: Final = (b"0e000", b"0e+000", b"0" * 200)
"""In every number that no float holds, as `1e999`, with zeros for digits. Read, it is infinite: JSON can't say it."""


def encode_body(message: Message) -> bytes:
    """Encode a body: JSON, defaults left out, so that the same message always gives the same bytes."""
    return message.model_dump_json(exclude_defaults=True).encode()


def decode_body(envelope: Envelope, body: bytes | None) -> Message:
    """Decode a body by its envelope's kind; BadMessage names the dotted path of the first wrong field."""
    adapter = _ADAPTERS.get(envelope.kind)
    if adapter is None:
        message = f"unknown kind {envelope.kind[:100]!r}"
        raise BadMessage(message, field="ce_type")
    try:
        if envelope.kind == TaskDispatched.KIND and body is not None:
            return _known_terms(body) or adapter.validate_json(body)
        if envelope.kind in _FOREIGN and body is not None and any(word in body for word in _NO_JSON):
            from_json(body, allow_inf_nan=False)
        found = adapter.validate_json(body or b"")
        if envelope.kind in _FOREIGN and body is not None:
            check_numbers(body)
        return found  # noqa: TRY300 - what is raised above is all of one kind
    except ValidationError as error:
        path, message = first_wrong(error)
        raise BadMessage(message, field=path or "body") from None
    except ValueError as error:
        raise BadMessage(str(error), field="body") from None


def check_numbers(body: bytes) -> None:
    """Raise ValueError for JSON (it has been read, so it is some) with a number that no float holds."""
    zeros = body.translate(_DIGITS)  # a regular expression takes longer than to read it all once more
    if any(huge in zeros for huge in _HUGE):
        json.loads(body, parse_float=_finite)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        message = f"{text[:40]} is a number too large to be kept"
        raise ValueError(message)
    return number


# A dispatch carries its agent's contract: a third of what there is to check, and the same for thousands of tasks.


class _Dispatch(TaskDispatched):
    """A dispatch whose contract is written as null."""

    contract: None  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]


_WITHOUT_TERMS: Final = TypeAdapter(_Dispatch)
_TERMS: Final = b'"contract":{'


def _known_terms(body: bytes) -> TaskDispatched | None:
    """Decode a dispatch whose contract was met before; None if it has to be read as any other message.

    What looks like the contract may be a part of an input: then the real one is left, which is no null.
    """
    start = body.rfind(_TERMS)
    end = body.find(b"}", start) + 1
    if start < 0 or end == 0:
        return None
    try:
        contract = known_contract(body[start + len(_TERMS) - 1 : end])
        found: TaskDispatched = _WITHOUT_TERMS.validator.validate_json(
            body[: start + len(_TERMS) - 1] + b"null" + body[end:]
        )
    except ValueError:
        return None
    object.__setattr__(found, "contract", contract)
    object.__setattr__(found, "__class__", TaskDispatched)  # one of its fields was all that differed
    return found
