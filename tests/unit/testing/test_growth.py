"""What a run costs doesn't grow with how many there were: four times the runs, on a simulated fleet."""

from functools import cache
from typing import Final

import pytest

from support.growth import Grown, grown

FEW: Final = 100
MANY: Final = 400
FLAT: Final = 0.01
"""Numbers of offsets get longer."""

each_kind = pytest.mark.parametrize("waiting", [False, True], ids=["ended", "waiting"])


@cache
def simulated(runs: int, *, waiting: bool) -> Grown:
    return grown(runs, waiting=waiting)


@each_kind
def test_the_records_of_a_task_stay_as_many_and_as_large(*, waiting: bool) -> None:
    few, many = simulated(FEW, waiting=waiting), simulated(MANY, waiting=waiting)
    assert many.records_per_task == pytest.approx(few.records_per_task, rel=FLAT)
    assert many.kafka_bytes_per_task == pytest.approx(few.kafka_bytes_per_task, rel=FLAT)


@each_kind
def test_the_state_of_a_run_stays_as_large(*, waiting: bool) -> None:
    few, many = simulated(FEW, waiting=waiting), simulated(MANY, waiting=waiting)
    assert many.state_per_run == pytest.approx(few.state_per_run, rel=FLAT)


@each_kind
def test_redis_is_asked_no_more_often_for_a_task(*, waiting: bool) -> None:
    few, many = simulated(FEW, waiting=waiting), simulated(MANY, waiting=waiting)
    assert many.redis_calls_per_task <= few.redis_calls_per_task


@pytest.mark.parametrize(("waiting", "most_bytes"), [(False, 1), (True, 100)], ids=["ended", "waiting"])
def test_beside_its_own_state_a_run_has_at_most_its_timers(*, waiting: bool, most_bytes: int) -> None:
    few, many = simulated(FEW, waiting=waiting), simulated(MANY, waiting=waiting)
    assert many.other_state - few.other_state < (MANY - FEW) * most_bytes
