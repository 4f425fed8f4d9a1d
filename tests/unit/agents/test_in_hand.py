"""What a worker says that it has in hand, and whom a claim names."""

import os
import socket

from argosy.broker.fence import Fence
from argosy.broker.presence import present
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from support.worker_bench import eventually, input_of, memory_bench, until


async def test_a_worker_tells_what_runs_by_partition_and_its_claim_names_it() -> None:
    bench, _, _ = memory_bench()
    await bench.create("work")
    await bench.live()
    await bench.run("run-1", a="r 1", b="r 1")
    stop: list[str] = []

    @agent(name="work", concurrency=1)
    async def work(ctx: Context, text: str) -> str:
        async def told() -> bool:
            return bool(stop)

        await eventually(told, bool)
        return f"{ctx.task_id} {text}"

    for name in ("a", "b"):
        await bench.order(work, f"run-1/{name}", input_of("text", name))
    async with bench.worker(work) as running:

        async def claimed() -> bytes | None:
            return await bench.field("run-1/a", "fence")

        fence = await eventually(claimed, lambda found: found is not None)
        await until(lambda: running.count)  # the answer to the claim is here, too
        name = f"{socket.gethostname()}-{os.getpid()}"
        assert fence is not None
        assert Fence.read(fence.decode()).holder == name
        (desk,) = running.worker.desks
        hand = desk.in_hand()
        assert (hand.running.partitions, hand.slots) == ({0: 1}, 1)
        assert hand.running.tokens[0] > 0
        assert hand.running.since_ms is not None
        assert (await present(bench.store, bench.settings.redis.key_prefix)).named(name) is not None
        stop.append("go on")
        await bench.until_settled(2)
    assert (await present(bench.store, bench.settings.redis.key_prefix)).processes == ()
