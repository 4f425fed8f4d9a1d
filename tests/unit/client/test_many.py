"""Many submits at once: bounded, in order, and clear about where it stopped."""

import asyncio
from collections.abc import Iterator

import pytest
from pydantic_core import from_json

from argosy.client.many import in_order
from argosy.schemas.errors import ConfigurationError
from support.shell_world import client_of, hello, many, shell_world


async def test_results_come_in_the_order_of_the_items_and_no_more_are_begun_than_allowed() -> None:
    begun: list[int] = []
    gates = [asyncio.Event() for _ in range(6)]

    async def call(item: int) -> int:
        begun.append(item)
        await gates[item].wait()
        return item

    reading = in_order(call, iter(range(6)), 2)
    first = asyncio.ensure_future(anext(reading))
    gates[1].set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert begun == [0, 1], "the third is begun only when the first was yielded"
    assert not first.done(), "the second is done, but the first comes first"
    for gate in gates:
        gate.set()
    assert [await first, *[item async for item in reading]] == list(range(6))


async def test_items_are_taken_one_by_one_so_that_they_may_be_endless() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            taken.append(len(taken))
            yield taken[-1]

    async def call(item: int) -> int:
        await asyncio.sleep(0)
        return item

    reading = in_order(call, endless(), 3)
    assert [await anext(reading) for _ in range(5)] == [0, 1, 2, 3, 4]
    await reading.aclose()
    assert len(taken) <= 5 + 3


async def test_an_error_is_raised_in_its_place_and_stops_what_is_under_way() -> None:
    cancelled: list[int] = []

    async def call(item: int) -> int:
        if item == 1:
            raise ValueError(item)
        try:
            await asyncio.sleep(0 if item == 0 else 1_000)
        except asyncio.CancelledError:
            cancelled.append(item)
            raise
        return item

    reading = in_order(call, range(10), 4)
    assert await anext(reading) == 0
    with pytest.raises(ValueError, match="1"):
        await anext(reading)
    assert cancelled == [2, 3, 4][: len(cancelled)]
    assert cancelled


async def test_many_runs_are_submitted_and_each_has_its_result() -> None:
    async with shell_world() as world, client_of(world) as client:
        world.handler = lambda order: order.task_id
        runs = [
            run
            async for run in client.submit_many(
                hello, (f"value {number}" for number in range(40)), run_id=lambda text: text.replace(" ", "-")
            )
        ]
        assert [run.run_id for run in runs] == [f"value-{number}" for number in range(40)]
        results = await asyncio.gather(*(run.result(timeout_seconds=150) for run in runs))
        assert results == [f"value-{number}/first" for number in range(40)]


async def test_a_submit_that_can_not_be_stops_the_rest_in_its_place() -> None:
    async with shell_world() as world, client_of(world) as client:
        values = from_json('[["right"], "wrong", ["never"]]')
        runs = client.submit_many(
            many.compile(), values, run_id=lambda value: "a b" if value == "wrong" else "r"
        )
        assert (await anext(runs)).run_id == "r"
        with pytest.raises(ConfigurationError, match="no run id"):
            await anext(runs)
