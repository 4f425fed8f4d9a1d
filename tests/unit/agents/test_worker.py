"""A worker between twins: what it does with an order, from its claim to the committed offset."""

from argosy.agents.order import Order
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from support.worker_bench import input_of, memory_bench


@agent
async def shout(ctx: Context, text: str) -> str:
    return text.upper()


async def test_an_order_is_run_settled_and_its_offset_committed() -> None:
    bench, _, _ = memory_bench()
    await bench.create("shout")
    await bench.live()
    await bench.run("run-1", shout="r 1")
    async with bench.worker(shout):
        await bench.order(shout, "run-1/shout", input_of("text", "hello"))
        (settled,) = await bench.until_settled()
        await bench.until_committed(shout, 1)
    assert settled.outcome == "succeeded"
    assert settled.result is not None
    assert settled.result.model_dump()["value"] == "HELLO"
