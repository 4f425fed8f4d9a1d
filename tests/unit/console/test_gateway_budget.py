"""`POST /runs/{run_id}/budget`: a larger budget, a no, and what is no answer."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from argosy import RunFailed
from argosy.broker.memory_redis import MemoryRedis
from argosy.client.connection import Argosy
from argosy.client.run import Run
from support.asking_world import asking_world
from support.gateway import Gateway, gateway_of


@asynccontextmanager
async def asking_gateway() -> AsyncGenerator[tuple[Gateway, Run[str]]]:
    async with (
        asking_world() as (world, _, (run,)),
        Argosy(world.settings, world.kafka.view("gateway"), MemoryRedis(world.server), world.payloads) as own,
        gateway_of(world.settings, world.kafka, world.payloads, own) as gateway,
    ):
        yield gateway, run


async def test_a_larger_budget_lets_the_run_go_on_and_a_repeat_is_harmless() -> None:
    async with asking_gateway() as (gateway, run):
        (asked,) = (await gateway.http.get("/runs/r0/waiting")).json()["waiting"]
        assert (asked["kind"], asked["step"]) == ("budget", "")
        assert "500 tokens" in asked["question"]
        answer = {"tokens": 5_000, "by": "ann", "answer_id": "one"}
        for _ in range(2):
            told = await gateway.http.post("/runs/r0/budget", json=answer)
            assert told.status_code == 202, told.text
        assert await run.result(timeout_seconds=60) == "done"
        assert (await gateway.http.get("/runs/r0/waiting")).json()["waiting"] == []


async def test_a_no_fails_what_waits_with_the_reason() -> None:
    async with asking_gateway() as (gateway, run):
        told = await gateway.http.post("/runs/r0/budget", json={"refused": True, "reason": "too dear"})
        assert told.status_code == 202, told.text
        with pytest.raises(RunFailed, match="too dear"):
            await run.result(timeout_seconds=60)


@pytest.mark.parametrize(
    "body",
    [{}, {"tokens": 5, "refused": True}, {"tokens": 0}, {"tokens": 1.5}, {"tokens": 10**30}, {"more": 1}],
)
async def test_what_is_no_answer_is_refused_and_nothing_is_sent(body: dict[str, object]) -> None:
    async with asking_gateway() as (gateway, run):
        told = await gateway.http.post("/runs/r0/budget", json=body)
        assert told.status_code == 422, told.text
        (asked,) = await run.waiting()
        assert asked.budget == 500
