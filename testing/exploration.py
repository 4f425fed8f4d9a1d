"""Runs many simulations on all cores, and tells of those that broke a promise in a short story each."""

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Final

from argosy.schemas.errors import ConfigurationError
from argosy.testing.again import command_of
from argosy.testing.faults import ALL_PROFILES, Event
from argosy.testing.quiet import quietly
from argosy.testing.shrink import shrink
from argosy.testing.simulation import Load, Outcome, simulate
from argosy.testing.world import World

MakeLoad = Callable[[World], Load]
_STORIES: Final = 3
_LAST_LINES: Final = 80
_AHEAD: Final = 4
"""Seeds that wait for each process, so that none is idle."""


@dataclass(frozen=True, slots=True)
class Seed:
    """A history: the same seed of the same profile and load is the same history, to the last byte."""

    profile: str
    number: int


@dataclass(frozen=True, slots=True)
class Report:
    """What an exploration found."""

    seeds: int
    runs: int
    seconds: float
    """Of the wall clock."""
    broken: tuple[Outcome, ...]
    """Seeds that broke a promise."""
    stories: tuple[str, ...]
    """The first of them, shortened and told."""
    again: tuple[str, ...] = ()
    """For each broken seed the command that runs it again, alone, and tells all that happens in it."""

    def __str__(self) -> str:
        """Tell it in words."""
        head = (
            f"{self.seeds} seeds, {self.runs} runs, {self.seconds:.1f} s: {len(self.broken)} broke a promise"
        )
        more = zip(self.broken[_STORIES:], self.again[_STORIES:], strict=True)
        return "\n\n".join([head, *self.stories, *(broken_line(*one) for one in more)])

    def as_json(self) -> Mapping[str, object]:
        """Return it as plain data."""
        return {
            "seeds": self.seeds,
            "runs": self.runs,
            "seconds": round(self.seconds, 1),
            "broken": [
                {
                    "profile": outcome.profile,
                    "seed": outcome.seed,
                    "findings": [str(finding) for finding in outcome.findings],
                    "faults": [str(event) for event in outcome.events],
                    "again": again,
                }
                for outcome, again in zip(self.broken, self.again, strict=True)
            ],
            "stories": list(self.stories),
        }


def seeds_of(count: int, profiles: Sequence[str] = ALL_PROFILES, *, first: int = 0) -> list[Seed]:
    """Return `count` seeds, dealt out to the profiles in turn. Raises ConfigurationError for no such profile."""
    for profile in profiles:
        if profile not in ALL_PROFILES:
            raise ConfigurationError(
                f"there is no profile {profile!r}", do=f"name some of {', '.join(ALL_PROFILES)}"
            )
    return [Seed(profiles[at % len(profiles)], first + at // len(profiles)) for at in range(count)]


def explore(
    load: MakeLoad,
    seeds: Sequence[Seed],
    *,
    processes: int | None = None,
    tell: Callable[[int, int, Sequence[Outcome]], object] | None = None,
) -> Report:
    """Run all seeds, each on a fleet of its own, in `processes` (as many as there are cores).

    `load` must be importable (a class or a function of a module). `tell` hears, after each seed, how many are done, how
    many runs that was, and which broke a promise.
    """
    began, done, runs = time.monotonic(), 0, 0
    broken: list[Outcome] = []
    for outcome in _outcomes(load, seeds, processes or os.cpu_count() or 1):
        done, runs = done + 1, runs + outcome.runs
        if outcome.findings:
            broken.append(outcome)
        if tell is not None:
            tell(done, runs, broken)
    stories = tuple(short_story(load, outcome) for outcome in broken[:_STORIES])
    again = tuple(command_of(load, outcome.profile, outcome.seed) for outcome in broken)
    return Report(done, runs, time.monotonic() - began, tuple(broken), stories, again)


def broken_line(outcome: Outcome, again: str) -> str:
    """Tell of a seed that broke a promise in short: what was found first, and the command for all of it."""
    return f"broken: profile {outcome.profile}, seed {outcome.seed}: {outcome.findings[0]}\n  again: {again}"


def run_seed(load: MakeLoad, seed: Seed) -> Outcome:
    """Run one seed, quietly."""
    with quietly():
        return simulate(seed.number, seed.profile, load)


def short_story(load: MakeLoad, outcome: Outcome) -> str:
    """Shorten the story of a seed that failed, and tell it: the faults that are needed, and what happens then."""
    kind = outcome.findings[0].kind

    def still_fails(events: Sequence[Event]) -> bool:
        again = simulate(outcome.seed, outcome.profile, load, events=events)
        return any(finding.kind == kind for finding in again.findings)

    with quietly():
        events = shrink(outcome.events, still_fails)
        last = simulate(outcome.seed, outcome.profile, load, events=events, trace=True)
    return "\n".join([
        f"profile {outcome.profile}, seed {outcome.seed}, {len(outcome.events)} faults, {len(events)} needed:",
        f"  again: {command_of(load, outcome.profile, outcome.seed)}",
        *(f"  {event}" for event in events),
        *(f"  {finding}" for finding in last.findings),
        *last.story.splitlines()[-_LAST_LINES:],
    ])  # fmt: skip


def _outcomes(load: MakeLoad, seeds: Sequence[Seed], processes: int) -> Iterator[Outcome]:
    if processes == 1 or len(seeds) == 1:
        for seed in seeds:
            yield run_seed(load, seed)
        return
    # A fork shares what is imported; with a second thread about it isn't safe.
    forks = sys.platform == "linux" and threading.active_count() == 1
    context = multiprocessing.get_context("fork" if forks else "spawn")
    left = iter(seeds)
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_end_with_parent) as pool:
        waiting: list[Future[Outcome]] = [
            pool.submit(run_seed, load, seed) for seed in islice(left, processes * _AHEAD)
        ]
        while waiting:
            outcome = waiting.pop(0).result()
            waiting += [pool.submit(run_seed, load, seed) for seed in islice(left, 1)]
            yield outcome


def _end_with_parent() -> None:
    """Let this process end when the one that began it does, however that ends: nobody would ask what it found."""
    parent = multiprocessing.parent_process()
    if parent is not None:

        def end() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=end, name="end with the parent", daemon=True).start()
