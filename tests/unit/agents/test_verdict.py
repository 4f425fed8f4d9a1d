import asyncio
from typing import NoReturn

import pytest

from argosy.agents.verdict import Failed, Lost, Overflowed, Raised, Returned, Waits, outcome_of, verdict_on
from argosy.schemas.errors import (
    ClaimLost,
    ContextOverflow,
    ContextRefused,
    ModelBusy,
    PayloadGone,
    Refused,
    Reject,
    Retry,
    Unreachable,
)


async def raising(error: BaseException) -> NoReturn:
    raise error


async def value() -> int:
    return 3


async def test_a_value_is_returned() -> None:
    assert await outcome_of(value()) == Returned(3)


@pytest.mark.parametrize(
    "error", [ValueError("x"), SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError(), MemoryError()]
)
async def test_whatever_a_handler_raises_stays_its_own_affair(error: BaseException) -> None:
    task = asyncio.create_task(outcome_of(raising(error)))
    assert await task == Raised(error)


@pytest.mark.parametrize(
    ("error", "code", "retriable"),
    [
        (ValueError("no"), "handler_error", True),
        (Retry("later"), "retry", True),
        (Reject("never"), "rejected", False),
        (SystemExit(1), "exit", True),
        (KeyboardInterrupt(), "exit", True),
        (asyncio.CancelledError(), "handler_error", True),
        (TimeoutError(), "handler_error", True),
        (PayloadGone("gone"), "payload_gone", False),
        (ContextRefused("no room", tokens=9, room=5, window=10), "context_refused", False),
    ],
)
def test_a_failure_says_whether_another_attempt_may_help(
    error: BaseException,
    code: str,
    retriable: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    verdict = verdict_on(error)
    assert isinstance(verdict, Failed)
    assert (verdict.fault.code, verdict.fault.retriable) == (code, retriable)


def test_retry_says_when() -> None:
    verdict = verdict_on(Retry("slow down", after_seconds=5))
    assert isinstance(verdict, Failed)
    assert verdict.fault.after_ms == 5000


@pytest.mark.parametrize("error", [Unreachable("redis"), Refused("acl"), ModelBusy("429", after_seconds=7)])
def test_a_service_that_is_away_uses_up_no_attempt(error: BaseException) -> None:
    assert isinstance(verdict_on(error), Waits)


def test_the_model_says_how_long_to_wait() -> None:
    verdict = verdict_on(ModelBusy("429", after_seconds=7))
    assert isinstance(verdict, Waits)
    assert verdict.seconds == 7


def test_an_overflow_tells_what_was_measured() -> None:
    verdict = verdict_on(ContextOverflow("too long", measured_tokens=1234))
    assert isinstance(verdict, Overflowed)
    assert verdict.measured_tokens == 1234


def test_a_group_counts_as_its_weightiest_member() -> None:
    group = BaseExceptionGroup("tasks", [ValueError("x"), BaseExceptionGroup("inner", [Reject("never")])])
    verdict = verdict_on(group)
    assert isinstance(verdict, Failed)
    assert verdict.fault.code == "rejected"
    assert verdict_on(BaseExceptionGroup("tasks", [ClaimLost("x"), Reject("never")])) == Lost()
    assert isinstance(verdict_on(BaseExceptionGroup("tasks", [Unreachable("x"), ValueError("y")])), Failed)
