"""Workers that crash, rebalance and lose services at random: every order ends settled, and no offset runs ahead."""

import asyncio
import random
from contextlib import AsyncExitStack

import pytest

from argosy.broker.memory_kafka import MemoryKafka
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from support.worker_bench import Bench, RunningWorker, eventually, input_of, memory_bench

TASKS = 60
ROUNDS = 12


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_happens_each_task_is_settled_with_one_result(seed: int) -> None:  # noqa: C901 - a table
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    bench, broker, server = memory_bench(drain_seconds=0.05, per_partition=20)
    names = [f"t{n}" for n in range(TASKS)]
    await bench.create("work")
    await bench.live()
    await bench.run("run-1", **dict.fromkeys(names, "r 1"))
    made: dict[str, list[str]] = {}

    @agent(name="work", concurrency=6, max_deliveries=1000)
    async def work(ctx: Context, text: str) -> str:
        async def effect() -> str:
            await asyncio.sleep(0)
            made.setdefault(ctx.task_id, []).append(text)
            return f"{text}/{len(made[ctx.task_id])}"

        await asyncio.sleep(chance.choice((0, 0.001, 0.01)))
        return await ctx.step("effect", effect)

    assert isinstance(bench.cluster, MemoryKafka)
    workers: list[tuple[RunningWorker, str]] = []
    async with AsyncExitStack() as everyone:
        for name in names:
            await bench.order(work, f"run-1/{name}", input_of("text", name))
        for number in range(ROUNDS):
            door = f"w{number}"
            workers.append(
                (
                    await everyone.enter_async_context(bench.worker(work, cluster=bench.cluster.view(door))),
                    door,
                )
            )
            await asyncio.sleep(chance.uniform(0.0, 0.03))
            match chance.choice(("crash", "stop", "rebalance", "down", "replies", "kafka")):
                case "crash":
                    running, its_door = workers.pop(chance.randrange(len(workers)))
                    broker.deafen(its_door)
                    await running.crash()
                    broker.expel(its_door)
                    bench.advance(11)
                case "stop":
                    running, _ = workers.pop(chance.randrange(len(workers)))
                    running.stop.set()
                case "rebalance":
                    broker.rebalance(bench.topics.group("work"))
                case "down":
                    server.down()
                    await asyncio.sleep(0.01)
                    server.up()
                case "replies":
                    server.lose_replies(5)
                case _:
                    broker.lose_replies(3)
            await offsets_are_not_ahead(bench)
        workers.append((await everyone.enter_async_context(bench.worker(work)), "main"))
        await eventually(lambda: settled_tasks(bench), lambda found: len(found) == TASKS)
        for _ in range(50):
            bench.advance(11)
            await asyncio.sleep(0.01)
        await bench.until_committed(work, TASKS)
    results: dict[str, set[str]] = {}
    for one in await bench.settled():
        assert one.outcome == "succeeded", one.fault
        results.setdefault(one.task_id, set()).add(str(one.result))
    # A memo is made again only if its worker died between the effect and its record; whoever settles then agrees.
    assert {len(found) for found in results.values()} == {1}


async def settled_tasks(bench: Bench) -> set[str]:
    return {one.task_id for one in await bench.settled()}


async def offsets_are_not_ahead(bench: Bench) -> None:
    """Everything below the committed offset has its answer in the log."""
    view = await bench.cluster.group(bench.topics.group("work"))
    topic = bench.topics.tasks("work")
    committed = view.committed.get(bench.partition(topic, 0), 0)
    done = await settled_tasks(bench)
    assert {f"run-1/t{n}" for n in range(committed)} <= done
