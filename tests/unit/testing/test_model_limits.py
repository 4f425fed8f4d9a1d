import pytest

from argosy.testing import Limits
from argosy.testing.model_limits import Admitted, Gate, Limited, duration


def test_a_bucket_begins_full_and_fills_steadily() -> None:
    gate = Gate(Limits(requests_per_minute=60), began=100.0)
    assert all(isinstance(gate.admit(100.0, 0), Admitted) for _ in range(60))
    assert gate.admit(100.0, 0) == Limited("requests", 60, 1, 1.0)
    assert gate.admit(100.25, 0) == Limited("requests", 60, 1, 0.75)
    assert isinstance(gate.admit(101.0, 0), Admitted)
    assert isinstance(gate.admit(101.0, 0), Limited)


def test_who_comes_back_after_the_time_that_was_told_is_let_in() -> None:
    gate = Gate(Limits(tokens_per_minute=700, burst_seconds=7.0), began=0.0)
    now, admitted = 0.0, 0
    for _ in range(200):
        match gate.admit(now, 37):
            case Limited(wait_seconds=wait):
                now += wait
                assert isinstance(gate.admit(now, 37), Admitted)
            case Admitted():
                pass
        admitted += 37
    assert admitted - 700 * 7 / 60 == pytest.approx(now * 700 / 60)


def test_what_was_not_used_is_given_back_and_what_was_used_beyond_is_taken() -> None:
    gate = Gate(Limits(tokens_per_minute=60), began=0.0)
    first = gate.admit(0.0, 60)
    assert isinstance(first, Admitted)
    assert isinstance(gate.admit(0.0, 50), Limited)
    gate.settle(0.0, first, used=10)
    second = gate.admit(0.0, 50)
    assert isinstance(second, Admitted)
    gate.settle(0.0, second, used=70)
    assert gate.admit(0.0, 1) == Limited("tokens", 60, 1, 21.0)


def test_a_call_larger_than_the_bucket_never_fits_and_a_refused_one_takes_nothing() -> None:
    gate = Gate(Limits(requests_per_minute=1, tokens_per_minute=10), began=0.0)
    refused = gate.admit(0.0, 11)
    assert isinstance(refused, Limited)
    assert refused.never
    assert isinstance(gate.admit(0.0, 10), Admitted)


def test_so_many_calls_at_a_time() -> None:
    gate = Gate(Limits(concurrency=1), began=0.0)
    first = gate.admit(0.0, 5)
    assert isinstance(first, Admitted)
    refused = gate.admit(0.0, 5)
    assert isinstance(refused, Limited)
    assert refused.reason == "concurrency"
    gate.settle(0.0, first, used=5)
    assert isinstance(gate.admit(0.0, 5), Admitted)


def test_a_clock_that_steps_back_gives_nothing_and_takes_nothing() -> None:
    gate = Gate(Limits(requests_per_minute=1), began=100.0)
    assert isinstance(gate.admit(100.0, 0), Admitted)
    assert gate.admit(40.0, 0) == Limited("requests", 1, 1, 60.0)
    assert isinstance(gate.admit(160.0, 0), Admitted)


def test_the_headers_tell_limit_rest_and_when_it_is_full() -> None:
    gate = Gate(Limits(requests_per_minute=60, tokens_per_minute=6_000), began=0.0)
    gate.admit(0.0, 1_000)
    assert gate.headers(0.0) == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-limit-tokens": "6000",
        "x-ratelimit-remaining-tokens": "5000",
        "x-ratelimit-reset-tokens": "10s",
    }
    assert Gate(Limits(), began=0.0).headers(0.0) == {}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0ms"), (0.0124, "12ms"), (1.5, "1.5s"), (59.9999, "1m0s"), (360.25, "6m0.25s")],
)
def test_durations_have_openais_form(seconds: float, text: str) -> None:
    assert duration(seconds) == text
