"""A simulated load half of whose runs are run again when they have ended: from some step on, or what failed of them."""

import random
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from argosy.client.connection import Argosy
from argosy.client.start import start
from argosy.console.again import Wish, old_run, submit_again
from argosy.pipelines.agent import Agent
from argosy.schemas.errors import BadArgument, NotFound, ResultTimeout, RunConflict, RunRefused
from argosy.schemas.runlog import TaskSettled
from argosy.testing.oracle import Finding, Story
from argosy.testing.stage import agents_of
from support.simulated_agents import PIPELINES
from support.simulated_load import SimulatedLoad, Submitted, patiently
from support.simulated_plans import OURS, PLANNED, PlanningLoad
from support.simulated_runs import KINDS, Plan

_WATCH_SECONDS = 400
_AGAIN = ("ok", "flaky", "fail", "solo", "spread", "nested", "child")
"""Kinds whose results tell by themselves of what they were made."""
_KINDS = {name: KINDS[name] for name in (*_AGAIN, "cancel", "race", "late", "large")}


@dataclass
class AgainLoad(SimulatedLoad):
    """As `SimulatedLoad`, with replays and redrives."""

    kinds: Mapping[str, tuple[float, Callable[[random.Random], Plan]]] = field(default_factory=lambda: _KINDS)
    most: int = 10
    again: Collection[str] = _AGAIN
    """Kinds of runs that are run again."""

    async def _one(self, client: Argosy, number: int, at: float, chance: random.Random) -> None:
        await super()._one(client, number, at, chance)
        run_id = f"run-{number}"
        known = self.runs[run_id]
        if known.kind not in self.again:
            return
        with suppress(RunConflict, RunRefused, ResultTimeout):
            await known.run.ended(timeout_seconds=_WATCH_SECONDS)
            for again in range(1, chance.choice((1, 2, 3))):
                with suppress(BadArgument, NotFound):  # nothing would run; the log was cut
                    await self._again(client, known, f"{run_id}.r{again}", chance)

    async def _again(self, client: Argosy, known: Submitted, new_id: str, chance: random.Random) -> None:
        links = client._linked()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] (as the connection of the console does)
        old = await patiently(lambda: old_run(links.cluster, links.settings, known.run.run_id))
        steps = [step.name for step in old.accepted.pipeline.steps]
        anew = frozenset(chance.sample(steps, chance.choice((0, 1, 1, 2)) if len(steps) > 1 else 1))
        wish = Wish(anew=anew, retry=chance.random() < 0.3, options={"deadline_seconds": 900})
        submit, _ = await patiently(lambda: submit_again(old, wish, links.payloads))
        decode = known.plan.pipeline.gives.decode
        for _ in range(chance.choice((1, 1, 2))):
            run = await patiently(lambda: start(links, client._room, new_id, submit, "again@1", decode))  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
            assert run.receipt is not None
            self.submits[run.receipt.position] = new_id, run.receipt.data_hash
            self.runs[new_id] = Submitted(run, known.kind, known.plan)

    def judged(self, run_id: str, plan: Plan, story: Story) -> Iterator[Finding]:
        """Judge that what was reused was not run, and that the result is made of it and of what was."""
        reused = story.accepted[0].reused
        for settled in story.settled:
            local = settled.task_id.partition("/")[2]
            if local in reused and settled.worker:
                yield Finding("reused task ran", f"{settled.task_id} by {settled.worker}")
        left = [
            TaskSettled(task_id=f"{run_id}/{local}", attempt=1, outcome="succeeded", result=each.payload)
            for local, each in reused.items()
            if each.fault is None
        ]
        yield from super().judged(run_id, plan, replace(story, settled=[*left, *story.settled]))


@dataclass
class PlansAgainLoad(AgainLoad, PlanningLoad):
    """The same of runs with planners: their plans, and what tasks of them left, are taken over."""

    agents: Mapping[str, Agent[..., Any]] = field(default_factory=lambda: agents_of((*PIPELINES, *OURS)))
    kinds: Mapping[str, tuple[float, Callable[[random.Random], Plan]]] = field(
        default_factory=lambda: PLANNED
    )
    again: Collection[str] = ("planned", "bad_at_first", "bad", "each")
