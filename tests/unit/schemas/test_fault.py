"""A fault can be made of any error, and always fits on the wire."""

import math

import pytest

from argosy.schemas.errors import Reject, ResultTooLarge, Retry
from argosy.schemas.fault import AFTER_SECONDS, MESSAGE_CHARACTERS, Fault, fault_of


class MuteError(Exception):
    def __str__(self) -> str:
        raise SystemExit


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MuteError(), "MuteError: (its __str__ raised SystemExit)"),
        (ValueError("a \ud800 b"), "ValueError: a \\ud800 b"),
        (StopIteration(), "StopIteration"),
        (KeyboardInterrupt("now"), "KeyboardInterrupt: now"),
    ],
)
def test_whatever_was_raised_becomes_a_fault_that_travels(error: BaseException, message: str) -> None:
    fault = fault_of(error)
    assert (fault.code, fault.message, fault.retriable) == ("handler_error", message, True)
    assert Fault.model_validate_json(fault.model_dump_json()) == fault


def test_a_long_text_is_cut_and_says_so() -> None:
    text = fault_of(Reject("x" * 10_000)).message
    assert text == "x" * MESSAGE_CHARACTERS + "… (10000 characters)"


@pytest.mark.parametrize(
    ("seconds", "millis"),
    [
        (1.5, 1_500),
        (-1, 0),
        (math.inf, AFTER_SECONDS * 1_000),
        (1e300, AFTER_SECONDS * 1_000),
        (math.nan, None),
        (None, None),
    ],
)
def test_a_wait_is_a_number_that_can_be_waited_for(seconds: float | None, millis: int | None) -> None:
    assert fault_of(Retry("later", after_seconds=seconds)).after_ms == millis


def test_figures_are_the_whole_numbers_of_an_error() -> None:
    error = ResultTooLarge("too large")
    vars(error).update(bytes=7, flag=True, text="x")
    assert fault_of(error).figures == {"bytes": 7}


@pytest.mark.parametrize(
    ("fault", "said", "beside"),
    [
        (Fault(code="rejected", message="it is empty"), "rejected: it is empty", "rejected: it is empty"),
        (
            Fault(code="rejected", message="rejected: it is empty"),
            "rejected: it is empty",
            "rejected: it is empty",
        ),
        (Fault(code="cancelled", message="by me"), "cancelled: by me", "by me"),
        (Fault(code="cancelled", message=""), "cancelled", ""),
    ],
)
def test_a_fault_says_nothing_twice_and_leaves_no_colon_without_a_reason(
    fault: Fault, said: str, beside: str
) -> None:
    assert (fault.said, fault.beside("cancelled")) == (said, beside)
