"""Seeds of our own load."""

from argosy.testing.exploration import Seed
from argosy.testing.exploration import run_seed as run_one
from argosy.testing.faults import ALL_PROFILES
from argosy.testing.quiet import quietly
from argosy.testing.simulation import Outcome
from support.simulated_load import SimulatedLoad

__all__ = ["ALL_PROFILES", "Seed", "quietly", "run_seed"]


def run_seed(seed: Seed) -> Outcome:
    """Run one seed, quietly."""
    return run_one(SimulatedLoad, seed)
