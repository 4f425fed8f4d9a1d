"""Leaving: what runs may end, the rest is handed back, offsets are committed; and a handler that ignores all that."""

# ruff: noqa: ARG001 - a handler's parameters are its interface

import asyncio
import subprocess
import sys

import pytest

from argosy.agents.handler_context import TaskContext
from argosy.agents.supervise import Supervisor
from argosy.broker.memory_kafka import MemoryKafka
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.schemas.chat import Usage
from argosy.schemas.errors import ModelBusy, WorkerBroken
from support.worker_bench import Bench, eventually, fast_settings, input_of, memory_bench, until


async def ready(*names: str) -> Bench:
    bench, _, _ = memory_bench()
    await bench.create("work")
    await bench.live()
    await bench.run("run-1", **dict.fromkeys(names, "r 1"))
    return bench


async def test_what_runs_may_come_to_its_end_and_nothing_new_begins() -> None:
    bench = await ready("a", "b")
    calls: list[str] = []
    go = asyncio.Event()

    @agent(name="work", concurrency=1)
    async def work(ctx: Context, text: str) -> str:
        calls.append(ctx.task_id)
        await go.wait()
        return text

    patient = fast_settings(bench.settings.kafka.topic_prefix, drain_seconds=60)
    async with bench.worker(work, settings=patient) as running:
        await bench.order(work, "run-1/a", input_of("text", "x"))
        await bench.order(work, "run-1/b", input_of("text", "x"))
        await until(lambda: calls)
        running.stop.set()
        await until(lambda: not len(running.worker.desks[0].intake))
        go.set()
        await asyncio.wait_for(running.task, 60)
    assert calls == ["run-1/a"]
    assert len(await bench.settled()) == 1
    assert await bench.committed(work) == 1  # and "b" is read by the next worker
    assert await bench.field("run-1/b", "fence") is None


async def test_what_does_not_end_in_time_is_handed_back_without_counting() -> None:
    bench = await ready("a")
    calls: list[str] = []

    @agent(name="work")
    async def work(ctx: Context, text: str) -> str:
        calls.append(ctx.task_id)
        if len(calls) == 1:
            await asyncio.sleep(3600)
        return text

    settings = fast_settings(bench.settings.kafka.topic_prefix, drain_seconds=0.05)
    async with bench.worker(work, settings=settings):
        await bench.order(work, "run-1/a", input_of("text", "x"))
        await until(lambda: calls)
    assert await bench.field("run-1/a", "fence") is None
    assert await bench.committed(work) == 0
    async with bench.worker(work):
        (settled,) = await bench.until_settled()
    assert settled.deliveries == 1


async def test_what_was_spent_before_a_drain_is_settled_by_who_goes_on_and_counted_once() -> None:
    bench = await ready("a")
    calls: list[str] = []

    @agent(name="work")
    async def work(ctx: Context, text: str) -> str:
        calls.append(ctx.task_id)
        assert isinstance(ctx, TaskContext)
        ctx.spent(Usage(input_tokens=10, output_tokens=1))
        if len(calls) <= 2:
            await asyncio.sleep(3600)
        if len(calls) == 3:
            message = "429"
            raise ModelBusy(message, after_seconds=30)
        return text

    settings = fast_settings(bench.settings.kafka.topic_prefix, drain_seconds=0.05)
    for delivery in (1, 2):
        async with bench.worker(work, settings=settings):
            if delivery == 1:
                await bench.order(work, "run-1/a", input_of("text", "x"))
            await until(lambda: len(calls) == delivery)  # noqa: B023 - waited for here
    async with bench.worker(work) as running:
        await until(lambda: len(calls) == 3 and running.parked == 1)
        bench.advance(31)
        (settled,) = await bench.until_settled()
    assert settled.usage == Usage(input_tokens=40, output_tokens=4)


async def test_leases_go_on_while_it_drains() -> None:
    bench = await ready("a")
    go, begun = asyncio.Event(), asyncio.Event()

    @agent(name="work")
    async def work(ctx: Context, text: str) -> str:
        begun.set()
        await go.wait()
        return text

    patient = fast_settings(bench.settings.kafka.topic_prefix, drain_seconds=60)
    async with bench.worker(work, settings=patient) as running:
        await bench.order(work, "run-1/a", input_of("text", "x"))
        await begun.wait()
        running.stop.set()
        bench.advance(9)
        late = (bench.clock() + 9) * 1000
        await eventually(lambda: bench.field("run-1/a", "lease"), lambda lease: int(lease or b"0") >= late)
        go.set()
        await asyncio.wait_for(running.task, 60)
    assert len(await bench.settled()) == 1


async def test_a_service_that_is_away_does_not_keep_it_from_leaving() -> None:
    bench, _, server = memory_bench(drain_seconds=0.05)
    await bench.create("work")
    await bench.live()
    await bench.run("run-1", a="r 1")
    begun = asyncio.Event()

    @agent(name="work")
    async def work(ctx: Context, text: str) -> str:
        begun.set()
        await asyncio.sleep(3600)
        return text

    async with bench.worker(work):
        await bench.order(work, "run-1/a", input_of("text", "x"))
        await begun.wait()
        server.down()


async def test_a_handler_that_ignores_its_cancellation_makes_the_worker_drain_and_say_so() -> None:
    bench = await ready("a", "b")
    release = asyncio.Event()

    @agent(name="work", timeout_seconds=0.05)
    async def work(ctx: Context, text: str) -> str:
        if text == "stubborn":
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    continue
        return text

    with pytest.raises(WorkerBroken, match="run-1/a#1 was told to stop"):  # noqa: PT012 - how it came to that
        async with bench.worker(work) as running:
            await bench.order(work, "run-1/a", input_of("text", "stubborn"))
            (settled,) = await bench.until_settled()
            assert settled.fault is not None
            assert settled.fault.code == "timeout"  # settled all the same
            await asyncio.wait({running.task})
            assert await bench.committed(work) == 1
    release.set()


async def test_a_handler_that_still_runs_when_the_drain_is_over_ends_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = await ready("a")
    release, begun = asyncio.Event(), asyncio.Event()

    # Its grace isn't over yet: the loop was blocked meanwhile, and it got another.
    def wait_on(*_: object) -> None:
        """Give nobody up."""

    monkeypatch.setattr(Supervisor, "_give_up", wait_on)

    @agent(name="work")
    async def work(ctx: Context, text: str) -> str:
        begun.set()
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return text

    settings = fast_settings(bench.settings.kafka.topic_prefix, drain_seconds=0.05)
    with pytest.raises(WorkerBroken, match="run-1/a#1 still runs at the end of the drain"):  # noqa: PT012 - as above
        async with bench.worker(work, settings=settings):
            await bench.order(work, "run-1/a", input_of("text", "x"))
            await begun.wait()
    release.set()


async def test_two_workers_share_and_one_may_leave() -> None:
    bench, _, _ = memory_bench()
    await bench.create("work")
    await bench.live()
    names = [f"t{n}" for n in range(30)]
    await bench.run("run-1", **dict.fromkeys(names, "r 1"))
    ran: list[str] = []

    @agent(name="work", concurrency=2)
    async def work(ctx: Context, text: str) -> str:
        ran.append(ctx.task_id)
        await asyncio.sleep(0.002)
        return text

    assert isinstance(bench.cluster, MemoryKafka)
    for name in names:
        await bench.order(work, f"run-1/{name}", input_of("text", "x"))
    async with bench.worker(work, cluster=bench.cluster.view("w2")):
        async with bench.worker(work, cluster=bench.cluster.view("w1")):
            await until(lambda: len(ran) > 5)
        await until(lambda: len(set(ran)) == 30)
        await bench.until_committed(work, 30)
    assert {one.task_id for one in await bench.settled()} == {f"run-1/{name}" for name in names}
    assert sorted(ran) == sorted(set(ran))


def test_a_broken_worker_ends_its_process_with_a_message_and_a_code() -> None:
    code = "from argosy.agents.exit import end_process; end_process('the loop is blocked')"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode == 70
    assert "argosy worker: the loop is blocked" in found.stderr


HANGING_COLLECTOR = """
import time
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
provider = TracerProvider()
provider.force_flush = lambda *_: time.sleep(600)
trace.set_tracer_provider(provider)
"""
FULL_PIPE = """
import contextlib, os
os.set_blocking(2, False)
with contextlib.suppress(BlockingIOError):
    while True:
        os.write(2, b"x" * 4096)
os.set_blocking(2, True)
"""


@pytest.mark.parametrize("trouble", ["import os; os.close(2)", FULL_PIPE, HANGING_COLLECTOR])
def test_nothing_keeps_a_broken_worker_from_ending(trouble: str) -> None:
    code = f"{trouble}\nfrom argosy.agents.exit import end_process; end_process('the loop is blocked')"
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) as process:
        try:
            assert process.wait(timeout=240) == 70
        finally:
            process.kill()
