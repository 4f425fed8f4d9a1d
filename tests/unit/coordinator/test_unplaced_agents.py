"""A submit whose agent has no topic, where none may be made, is refused in a while, and holds up nobody else."""

import asyncio
from collections.abc import Sequence

import pytest

from argosy import Context, Pipeline, agent
from argosy.broker.memory_kafka import MemoryKafka
from argosy.broker.topics import TopicPlan
from argosy.schemas.errors import Refused, RunRefused
from support.shell_world import client_of, hello, settings_of, shell_world
from support.waiting import eventually


@agent
async def nobody(ctx: Context, text: str) -> str:  # noqa: ARG001 - an agent has a context
    return text


unplaced = Pipeline("unplaced", takes=str, gives=str)
unplaced.returns(unplaced.step(nobody, unplaced.input))


async def _may_not_create(self: MemoryKafka, plans: Sequence[TopicPlan]) -> None:  # noqa: ARG001 - as the real one
    message = "create topics: coordinator may not Create topic"
    raise Refused(message)


async def test_a_submit_of_an_agent_that_can_have_no_topic_is_refused_and_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with shell_world() as world, client_of(world) as client:
        monkeypatch.setattr(MemoryKafka, "create", _may_not_create)
        stuck = [await client.submit(unplaced, "x") for _ in range(3)]
        fine = await client.submit(hello, "x")
        assert await fine.result(timeout_seconds=150)
        for run in stuck:
            with pytest.raises(RunRefused, match=r"no topic takes the work of nobody: .*may not Create"):
                await run.result(timeout_seconds=150)


async def test_a_right_that_comes_in_time_is_soon_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    async with shell_world(settings_of(unknown_pipeline_seconds=60)) as world, client_of(world) as client:
        asked = asyncio.Event()

        async def refuse(self: MemoryKafka, plans: Sequence[TopicPlan]) -> None:
            asked.set()
            await _may_not_create(self, plans)

        with monkeypatch.context() as patch:
            patch.setattr(MemoryKafka, "create", refuse)
            run = await client.submit(unplaced, "x")
            await asked.wait()
        topic = world.names.tasks("nobody")

        async def made() -> bool:
            return topic in await world.kafka.topics([topic])

        await eventually(made, "the topic is made")
        assert await run.state() != "refused"
