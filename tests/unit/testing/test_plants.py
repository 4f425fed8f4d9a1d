"""Does the simulation see? Rules of the design are taken out of the real code, one at a time: each must be missed."""

from collections.abc import Iterator

import pytest

from argosy.testing.oracle import Finding
from argosy.testing.simulation import simulate
from support.plants import PLANTS, Plant
from support.seeds import quietly
from support.simulated_load import SimulatedLoad

_MOST = 25


def _seen(plant: Plant, profile: str, first: int) -> Iterator[Finding]:
    """Run seeds with the bug until one breaks a promise; from the one that is known to do so."""
    for seed in range(first, first + _MOST):
        with quietly(), plant():
            findings = simulate(seed, profile, SimulatedLoad).findings
        yield from findings
        if findings:
            return


@pytest.mark.parametrize("name", PLANTS)
def test_the_simulation_sees_a_rule_that_is_taken_out(name: str) -> None:
    plant, profile, first = PLANTS[name]
    assert next(_seen(plant, profile, first), None) is not None
