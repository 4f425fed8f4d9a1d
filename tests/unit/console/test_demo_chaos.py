"""Whom the demo's chaos kills."""

# ruff: noqa: S311 - a reproducible choice, no secret

import random
from itertools import islice

import pytest

from argosy.console.demo_chaos import victims

NAMES = ("researcher", "critic", "coordinator", "valkey")


@pytest.mark.parametrize("seed", range(20))
def test_the_first_three_are_a_worker_the_coordinator_and_redis_and_then_each_has_its_turn(seed: int) -> None:
    killed = list(islice(victims(NAMES, random.Random(seed)), 11))
    assert {"coordinator", "valkey"} < set(killed[:3])
    assert sorted(killed[3:7]) == sorted(killed[7:11]) == sorted(NAMES)


def test_one_seed_hurts_alike_twice() -> None:
    first, second = (list(islice(victims(NAMES, random.Random(7)), 30)) for _ in range(2))
    assert first == second
