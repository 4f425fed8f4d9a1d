"""A load for simulations: runs of every kind, submitted again, cancelled, signalled and watched, under faults."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from argosy import ResultTimeout, RunConflict
from argosy.agents.model_client import ModelClient
from argosy.client.connection import Argosy
from argosy.client.run import Run
from argosy.pipelines.agent import Agent
from argosy.schemas.errors import ArgosyError, Unreachable
from argosy.testing.damage import Damage
from argosy.testing.oracle import Finding, Oracle, Story
from argosy.testing.stage import Stage
from argosy.testing.world import World
from support.simulated_agents import AGENTS, LEDGER, Ledger, Task, diamond
from support.simulated_runs import KINDS, Outcomes, Plan, draw_kind, judged

T = TypeVar("T")
_WATCH_SECONDS = 60.0


@dataclass
class Submitted:
    """An acknowledged run, and how it may end."""

    run: Run[Any]
    kind: str
    plan: Plan


@dataclass
class SimulatedLoad:
    """See `Load`."""

    world: World
    most: int = 20
    runs: dict[str, Submitted] = field(default_factory=dict)
    submits: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Every acknowledged submit, by position: its run and the hash of its data."""
    agents: Mapping[str, Agent[..., Any]] = field(default_factory=lambda: AGENTS)
    kinds: Mapping[str, tuple[float, Callable[[random.Random], Plan]]] = field(default_factory=lambda: KINDS)
    model: ModelClient | None = None

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.world)
        LEDGER[:] = [self.ledger]

    async def submit(self, stage: Stage, chance: random.Random, last: float) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(self.most):
                at = chance.choice((0.0, 0.0, 0.1, 0.5, 3.0, 9.0)) * last / 16
                group.create_task(self._one(stage.client, number, at, _chance(stage, number)))

    async def _one(self, client: Argosy, number: int, at: float, chance: random.Random) -> None:
        await asyncio.sleep(at)
        kind, plan = draw_kind(chance, self.kinds)
        run_id = f"run-{number}"
        if kind == "cancel_early":
            await patiently(lambda: client.run(run_id).cancel("told to, early"))
        run = await self._submit(client, run_id, plan, chance)
        self.runs[run_id] = Submitted(run, kind, plan)
        if kind == "signal":
            for signal_id in ("one", "one", "two"):
                await patiently(lambda: run.signal("go", 1, signal_id=signal_id))  # noqa: B023 - awaited at once
        for _ in range(chance.choice((0, 0, 1, 2))):
            await asyncio.sleep(chance.choice((0.005, 0.5, 4.0)))
            other = chance.random() < 0.5
            await self._submit(client, run_id, Plan(diamond, Task(items=99)) if other else plan, chance)
        if kind == "cancel":
            await asyncio.sleep(chance.choice((0.005, 0.5, 3.0)))
            await patiently(lambda: run.cancel("told to"))
        if chance.random() < 0.3:  # while it is ending, and at once after that
            with suppress(RunConflict, ResultTimeout, Unreachable):  # another submit of the id may be the run
                await run.ended(timeout_seconds=_WATCH_SECONDS)
            async with asyncio.TaskGroup() as group:
                for _ in range(3):
                    group.create_task(self._submit(client, run_id, plan, chance))
        elif chance.random() < 0.2:  # as somebody who watches
            with suppress(ArgosyError, TimeoutError):
                await run.state()
                async with asyncio.timeout(_WATCH_SECONDS):
                    async for _ in run.events():
                        pass

    async def _submit(self, client: Argosy, run_id: str, plan: Plan, chance: random.Random) -> Run[Any]:
        """Submit; again and again, until it is acknowledged."""
        deadline = min(plan.deadline_seconds, self.world.settings.fleet.longest_run_seconds)
        priority = chance.choice((0, 5, 5, 9))
        run = await patiently(
            lambda: client.submit(
                plan.pipeline,
                plan.value,
                run_id=run_id,
                deadline_seconds=deadline,
                priority=priority,
                **plan.options,
            )
        )
        assert run.receipt is not None
        self.submits[run.receipt.position] = run.run_id, run.receipt.data_hash
        return run

    def waiting(self, oracle: Oracle, damage: Damage) -> Iterator[str]:
        stories, refusals = oracle.stories(), oracle.refusals()
        for run_id in self.runs:
            if not stories[run_id].results and not damage.unpublished and not damage.excuses(run_id):
                yield f"{run_id} has no result"
        for position in self._to_be_refused(stories):
            run_id, _ = self.submits[position]
            if position not in refusals and not damage.excuses(run_id):
                yield f"the other submit of {run_id} at {position} is not refused"

    def judged(self, run_id: str, plan: Plan, story: Story) -> Iterator[Finding]:
        """Judge what has become of one run."""
        return judged(run_id, plan, story, self.world)

    def _to_be_refused(self, stories: Mapping[str, Story]) -> list[str]:
        """Of submits with one run id and other data the first in the log is the run; all others are refused."""
        return [
            position
            for position, (run_id, data_hash) in self.submits.items()
            if stories[run_id].accepted and stories[run_id].accepted[0].data_hash != data_hash
        ]

    def findings(self, oracle: Oracle, damage: Damage) -> Iterator[Finding]:
        yield from self.ledger.findings(damage)
        stories = oracle.stories()
        for run_id, submitted in self.runs.items():
            story = stories[run_id]
            assert submitted.run.receipt is not None
            ours = story.ended and story.ended[0].data_hash == submitted.run.receipt.data_hash
            if ours and not damage.excuses(run_id):
                if story.ended[0].outcome not in _outcomes(submitted, damage):
                    what = f"{run_id} ({submitted.kind}): {story.ended[0].outcome} {story.ended[0].fault}"
                    yield Finding("wrong outcome", what)
                yield from self.judged(run_id, submitted.plan, story)
        for run_id, repeated, told in oracle.repeats():
            # A repeat of a run that has ended is answered with its result again, whoever was told before.
            if not damage.excuses(run_id) and (not told or max(told) < repeated):
                yield Finding(
                    "repeat not answered", f"{run_id}: record {repeated} repeats it, told in {told}"
                )
        to_be_refused = self._to_be_refused(stories)
        for position, refusal in oracle.refusals().items():
            if position not in self.submits or position in to_be_refused:
                continue
            if not damage.excuses(self.submits[position][0]):
                yield Finding("refused", f"{position}: {refusal}")


def _outcomes(submitted: Submitted, damage: Damage) -> Outcomes:
    more = {"expired"} if damage.slept else set[str]()
    more |= {"failed"} if damage.payloads else set[str]()
    return submitted.plan.outcomes | more


def _chance(stage: Stage, number: int) -> random.Random:
    return random.Random(f"{stage.world.seed} run {number}")  # noqa: S311 - repeatable, no secret


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Do as a good client does: repeat what wasn't answered."""
    while True:
        try:
            return await call()
        except Unreachable:
            await asyncio.sleep(0.05)
