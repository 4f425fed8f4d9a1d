"""Runs many simulations on all cores, and tells of those that broke a promise in a short story each."""

import logging
import multiprocessing
import os
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from argosy.testing.faults import PROFILES, Event
from argosy.testing.shrink import shrink
from argosy.testing.simulation import Outcome, simulate
from support.simulated_load import SimulatedLoad

ALL_PROFILES = (*PROFILES, "swarm")
_LAST_LINES = 80


@dataclass(frozen=True)
class Seed:
    profile: str
    number: int


@contextmanager
def quietly() -> Generator[None]:
    """Let argosy log nothing meanwhile: under faults there is much to say."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


def run_seed(seed: Seed) -> Outcome:
    """Run one seed, quietly."""
    with quietly():
        return simulate(seed.number, seed.profile, SimulatedLoad)


def run_seeds(seeds: Sequence[Seed]) -> Iterator[Outcome]:
    """Run seeds in as many processes as there are cores."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=fresh) as pool:
        yield from pool.map(run_seed, seeds, chunksize=2)


def told_short(outcome: Outcome) -> str:
    """Shorten the story of a seed that failed, and tell it: the faults that are needed, and what happens then."""
    kind = outcome.findings[0].kind

    def still_fails(events: Sequence[Event]) -> bool:
        again = simulate(outcome.seed, outcome.profile, SimulatedLoad, events=events)
        return any(finding.kind == kind for finding in again.findings)

    with quietly():
        events = shrink(outcome.events, still_fails)
        last = simulate(outcome.seed, outcome.profile, SimulatedLoad, events=events, trace=True)
    return "\n".join([
        f"profile {outcome.profile}, seed {outcome.seed}, {len(outcome.events)} faults, {len(events)} needed:",
        *(f"  {event}" for event in events),
        *(f"  {finding}" for finding in last.findings),
        *last.story.splitlines()[-_LAST_LINES:],
    ])  # fmt: skip
