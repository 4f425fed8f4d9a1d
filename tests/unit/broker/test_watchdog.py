"""The watchdog: only a consumer that could work and doesn't is stuck."""

from dataclasses import replace

import pytest

from argosy.broker.watchdog import ConsumerFacts, verdict

STUCK = ConsumerFacts(group="g", assigned=2, lagging=5, in_flight=0, parked=0, still_seconds=120.0)


def test_a_consumer_with_waiting_messages_and_nothing_to_do_is_stuck() -> None:
    said = verdict(STUCK, 120.0)
    assert said is not None
    assert "group g: 5 messages wait in 2 partitions" in said


@pytest.mark.parametrize(
    "facts",
    [
        replace(STUCK, assigned=0),
        replace(STUCK, lagging=0),
        replace(STUCK, in_flight=1),
        replace(STUCK, parked=1),  # S34: parked is not wedged
        replace(STUCK, still_seconds=119.9),
    ],
)
def test_whoever_waits_for_a_reason_is_left_alone(facts: ConsumerFacts) -> None:
    assert verdict(facts, 120.0) is None
