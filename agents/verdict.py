"""From what a handler did to what becomes of its attempt. The one broad `except` of the program is here."""

import asyncio
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from argosy.schemas.errors import (
    ClaimLost,
    ContextOverflow,
    HandlerExit,
    ModelBusy,
    Refused,
    Reject,
    StaleGeneration,
    Unreachable,
)
from argosy.schemas.fault import Fault, fault_of

T = TypeVar("T")


@dataclass(slots=True)  # not frozen: one is made for each task, and that takes a third of the time
class Returned(Generic[T]):
    """The handler gave a value."""

    value: T


@dataclass(frozen=True, slots=True)
class Raised:
    """The handler raised."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Stopped:
    """The handler was told to stop, for `Running.stopped`; `obeyed`: it did, within the grace."""

    obeyed: bool


Outcome = Returned[bytes] | Raised | Stopped
"""What a handler did: the JSON of its value, or an error, or it was stopped."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt settles as failed."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class Overflowed:
    """The attempt settles as overflow: the coordinator plans the task again with what was measured."""

    measured_tokens: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class Waits:
    """A service isn't there or asks for patience: no attempt is used up.

    The claim goes back, and is made again later.
    """

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Expired:
    """The deadline of its task has passed. What that means is the coordinator's to say: the run expires, or goes on.

    Were it away just then, a failure of ours would stand in the log first, and the run would be told as failed. The
    claim goes back, and is made again until the coordinator has told.
    """


@dataclass(frozen=True, slots=True)
class Lost:
    """The claim is gone: nothing of this run may take effect."""


@dataclass(frozen=True, slots=True)
class Drained:
    """It was stopped because the worker leaves: its claim goes back, its records are not finished."""


Verdict = Failed | Overflowed | Waits | Expired | Lost


async def outcome_of(handler: Awaitable[T]) -> Returned[T] | Raised:
    """Await a handler and tell what it did; never raises.

    Whatever a handler raises is about its task: were it to escape here, asyncio would end the whole worker
    for a
    SystemExit or a KeyboardInterrupt, and with it all other tasks.
    """
    try:
        return Returned(await handler)
    except BaseException as error:  # noqa: BLE001 - the place where any outcome becomes a verdict
        return Raised(error)


def verdict_on(error: BaseException) -> Verdict:  # noqa: PLR0911 - a table
    """Judge what a handler raised. A group counts as its weightiest member."""
    found = max(_leaves(error), key=_weight)
    match found:
        case ClaimLost():
            return Lost()
        case ModelBusy():
            return Waits(max(1.0, found.after_seconds), str(found))
        case Unreachable() | Refused() | StaleGeneration():
            return Waits(1.0, str(found))
        case ContextOverflow():
            return Overflowed(found.measured_tokens, fault_of(found))
        case SystemExit() | KeyboardInterrupt() | GeneratorExit():
            return Failed(fault_of(HandlerExit(f"the handler tried to end the process: {found!r}")))
        case asyncio.CancelledError():
            return Failed(Fault(code="handler_error", message="the handler cancelled itself", retriable=True))
        case _:
            return Failed(fault_of(found))


def _weight(error: BaseException) -> int:
    # A lost claim outweighs everything; what can't succeed outweighs what may; a service's absence comes
    # last.
    match error:
        case ClaimLost():
            return 4
        case Reject():
            return 3
        case ContextOverflow():
            return 2
        case Unreachable() | Refused() | StaleGeneration() | ModelBusy() | asyncio.CancelledError():
            return 0
        case _:
            return 1


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
            yield from _leaves(inner)  # pyright: ignore[reportUnknownArgumentType]
    else:
        yield error
