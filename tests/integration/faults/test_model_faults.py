"""Runs whose model is a scripted server over real HTTP: what it does to them, attempts cost what was promised."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from argosy.client.connection import Argosy
from argosy.schemas.runlog import TaskSettled
from argosy.testing import Limits, Rule, Say, Script, ScriptedModels
from argosy.testing.model_faults import Cut, Fault, Status
from support import asking_app
from support.asking_app import Notes, asking, telling
from support.fault_world import STEADY, FaultWorld, Ground, client_of, fault_world
from support.forks import Forks
from support.stack import StackThread

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1200)]

FACTS = Say(value={"facts": ["it is written in Scala"]})


@dataclass
class Asked:
    """A fleet, its client and its model."""

    world: FaultWorld
    client: Argosy
    server: ScriptedModels

    async def settled(self) -> list[TaskSettled]:
        """All outcomes of attempts, as the log has them."""
        lines = await self.world.witness.read({})
        return [line.message for line in lines if isinstance(line.message, TaskSettled)]


@asynccontextmanager
async def asked(script: Script, folder: Path, forks: Forks, stack: StackThread) -> AsyncGenerator[Asked]:
    ground = Ground(folder, forks, stack.bootstrap_servers, stack.redis_url)
    app = Path(asking_app.__file__)
    async with (
        ScriptedModels(script) as server,
        fault_world(ground, app=app, variables={**server.environment, **STEADY}) as world,
        client_of(world) as client,
    ):
        yield Asked(world, client, server)


async def test_a_first_call_over_the_rate_and_a_second_that_is_cut_cost_no_attempt(
    tmp_path: Path, forks: Forks, stack: StackThread
) -> None:
    faults: list[Fault] = [Status(status=429, retry_after_seconds=0.2, last=1), Cut(first=2, last=2)]
    script = Script(rules=[Rule(schema_name="Notes", replies=[FACTS], faults=faults)])
    async with asked(script, tmp_path, forks, stack) as fleet:
        run = await fleet.client.submit(asking, "Kafka")
        assert await run.result(timeout_seconds=240) == Notes(facts=["it is written in Scala"])
        assert [(call.status, call.ending) for call in fleet.server.calls] == [
            (429, "refused"),
            (200, "cut"),
            (200, "answered"),
        ]
        (settled,) = await fleet.settled()
        assert (settled.outcome, settled.attempt) == ("succeeded", 1)
        answered = fleet.server.calls[-1]
        assert settled.usage.input_tokens == answered.prompt_tokens
        assert settled.usage.output_tokens == answered.completion_tokens


async def test_a_busy_model_costs_no_attempt_and_one_that_hangs_up_each_time_costs_one(
    tmp_path: Path, forks: Forks, stack: StackThread
) -> None:
    # The client tries three times: so many calls are one busy model, and so many one failed attempt.
    faults: list[Fault] = [Status(status=429, retry_after_seconds=0.1, last=3), Cut(first=4, last=6)]
    script = Script(rules=[Rule(replies=[FACTS], faults=faults)])
    async with asked(script, tmp_path, forks, stack) as fleet:
        run = await fleet.client.submit(asking, "Kafka")
        assert (await run.result(timeout_seconds=240)).facts == ["it is written in Scala"]
        assert [call.ending for call in fleet.server.calls] == [*["refused"] * 3, *["cut"] * 3, "answered"]
        settled = [(one.outcome, one.attempt) for one in await fleet.settled()]
        assert settled == [("failed", 1), ("succeeded", 2)]


async def test_a_stream_that_breaks_off_is_told_again_from_its_beginning_by_the_next_attempt(
    tmp_path: Path, forks: Forks, stack: StackThread
) -> None:
    script = Script(rules=[Rule(replies=["once upon a time"], faults=[Cut(after=3, last=1)])])
    async with asked(script, tmp_path, forks, stack) as fleet:
        run = await fleet.client.submit(telling, "Kafka")
        assert await run.result(timeout_seconds=240) == "once upon a time"
        assert [call.ending for call in fleet.server.calls] == ["cut", "answered"]
        assert [(one.outcome, one.attempt) for one in await fleet.settled()] == [
            ("failed", 1),
            ("succeeded", 2),
        ]


async def test_runs_above_the_servers_rate_all_end_right_in_their_first_attempt(
    tmp_path: Path, forks: Forks, stack: StackThread
) -> None:
    limits = Limits(requests_per_minute=30, burst_seconds=1)
    async with asked(Script(limits=limits), tmp_path, forks, stack) as fleet:
        topics = [f"topic {number}" for number in range(6)]
        runs = await asyncio.gather(*(fleet.client.submit(asking, topic) for topic in topics))
        for run in runs:
            await run.result(timeout_seconds=240)
        totals = fleet.server.service.ledger.totals()
        assert totals["answered"] == len(topics)
        assert totals["limited"] != 0
        assert {(one.outcome, one.attempt) for one in await fleet.settled()} == {("succeeded", 1)}
