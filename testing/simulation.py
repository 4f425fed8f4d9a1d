"""One seed: a fleet, its load, what goes wrong, and what the oracle says in the end."""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final, Protocol
from unittest.mock import patch

from argosy.agents.model_client import ModelClient
from argosy.coordinator import lane_state
from argosy.pipelines.agent import Agent
from argosy.schemas.errors import Stalled
from argosy.schemas.settings import Settings
from argosy.testing.damage import Damage
from argosy.testing.faults import FLEETS, SPLIT_COMMITS, Event, draw
from argosy.testing.mischief import Mischief
from argosy.testing.oracle import Finding, Oracle
from argosy.testing.stage import Stage, plain_settings
from argosy.testing.witness import Witness
from argosy.testing.world import World

FAULT_SECONDS: Final = 16.0
QUIET_SECONDS: Final = 120.0
"""How long after the last fault all must be over: long before any run's deadline, which else would hide a lost task."""
_LOOK_SECONDS: Final = 1.0
SMALL_COMMIT_KEYS: Final = 24
"""Four runs or tasks, beside those that every commit may have."""
_START_SECONDS: Final = 120.0
COORDINATORS: Final = ("coordinator-1", "coordinator-2")
WORKERS: Final = ("worker-1", "worker-2")


class Load(Protocol):
    """What a simulated fleet is given to do, and what must be true of it afterwards."""

    @property
    def agents(self) -> Mapping[str, Agent[..., Any]]:
        """All agents; each worker serves all of them."""
        ...

    @property
    def model(self) -> ModelClient | None:
        """Asked by the agents."""
        ...

    async def submit(self, stage: Stage, chance: random.Random, last: float) -> None:
        """Submit runs over about `last` seconds; return when each is acknowledged."""
        ...

    def waiting(self, oracle: Oracle, damage: Damage) -> Iterable[str]:
        """Tell what has not happened yet: runs without a result, submits without an answer."""
        ...

    def findings(self, oracle: Oracle, damage: Damage) -> Iterable[Finding]:
        """Judge what only this load can know. `damage`: what the faults have destroyed."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a seed."""

    seed: int
    profile: str
    events: tuple[Event, ...]
    findings: tuple[Finding, ...]
    runs: int
    """Runs that were accepted."""
    seconds: float
    """Virtual."""
    story: str


def simulate(
    seed: int,
    profile: str,
    make_load: Callable[[World], Load],
    *,
    events: Sequence[Event] | None = None,
    trace: bool = False,
) -> Outcome:
    """Run a seed. `events` instead of what the profile draws: to tell a shorter story of the same seed."""
    chance = random.Random(f"simulation {seed}")  # noqa: S311 - repeatable, no secret
    world = World(
        short_settings(chance, **FLEETS.get(profile, {})),
        seed=seed,
        gap_rate=chance.choice((0.0, 0.1)),
        trace=trace,
    )
    world.broker.fetch_most = chance.choice((1, 3, 100))
    load = make_load(world)
    stage = Stage(load.agents, world, model=load.model, count_tokens=len)
    drawn = draw(profile, seed, (*COORDINATORS, *WORKERS), FAULT_SECONDS) if events is None else tuple(events)
    mischief = Mischief(stage, seed)
    damage = mischief.damage
    oracle, witness = Oracle(world, damage), Witness(stage, damage)
    findings = witness.findings
    mischief.records.on_tail_lost.append(witness.lost)
    last = max([FAULT_SECONDS, *(event.until for event in drawn)])

    async def main() -> None:
        serving = {name: list(load.agents) for name in WORKERS}
        await asyncio.wait_for(stage.start(len(COORDINATORS), serving), _START_SECONDS)
        mischief.plan(drawn)
        until_last = world.loop.time() + last
        await asyncio.wait_for(load.submit(stage, chance, FAULT_SECONDS), last + QUIET_SECONDS)
        await asyncio.sleep(max(0.0, until_last - world.loop.time()) if drawn else 0.0)
        mischief.mend()
        await _until_quiet(world, load, oracle, damage, findings)

    try:
        try:
            with _commits_of(SMALL_COMMIT_KEYS) if profile in SPLIT_COMMITS else nullcontext():
                world.loop.run_until_complete(main())
        except (Stalled, TimeoutError) as error:
            findings.append(Finding("stuck", repr(error)))
        findings += [*oracle.findings(), *load.findings(oracle, damage)]
        findings += [Finding("defect", text) for text in stage.supervisor.defects]
        findings += [Finding("unhandled", str(trouble.get("message"))) for trouble in world.loop.unhandled]
        runs = sum(bool(story.accepted) for story in oracle.stories().values())
        told = str(world.trace) if trace else ""
        return Outcome(seed, profile, drawn, tuple(findings), runs, world.loop.time(), told)
    finally:
        world.close()


async def _until_quiet(
    world: World, load: Load, oracle: Oracle, damage: Damage, findings: list[Finding]
) -> None:
    limit = world.loop.time() + QUIET_SECONDS
    while world.loop.time() < limit:
        if next(iter(load.waiting(oracle, damage)), None) is None and next(oracle.leftovers(), None) is None:
            return
        await asyncio.sleep(_LOOK_SECONDS)
    findings += [Finding("not done", text) for text in load.waiting(oracle, damage)]
    findings += [Finding("left over", text) for text in oracle.leftovers()]


def _commits_of(keys: int) -> AbstractContextManager[object]:
    """Let a lane's commits have so few keys that every batch is split."""
    return patch.object(lane_state, "MOST_KEYS", keys)


def short_settings(chance: random.Random, **fleet: float) -> Settings:
    """Draw a fleet's numbers: short ones, so that a history is short. `fleet` replaces some of `FleetSettings`."""
    drawn: dict[str, float] = {
        "lease_seconds": 3.0,
        "renew_seconds": 1.0,
        "patience_seconds": 3.0,
        "patience_most_seconds": 12.0,
        "unknown_pipeline_seconds": 2.0,
        "dispatch_window": chance.choice((1, 3, 64)),
        "run_cache_bytes": chance.choice((1, 20_000, 100_000_000)),
    }
    settings = plain_settings(**{**drawn, **fleet})
    settings.kafka = settings.kafka.model_copy(
        update={"session_timeout_seconds": 2.5, "send_deadline_seconds": 3.0}
    )
    settings.redis = settings.redis.model_copy(update={"timeout_seconds": 0.5})
    settings.worker = settings.worker.model_copy(
        update={"drain_seconds": 2.0, "grace_seconds": 1.0, "watchdog_seconds": 30.0}
    )
    return settings
