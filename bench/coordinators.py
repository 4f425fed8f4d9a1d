"""Arm results: what a result costs coordinators, one and two: to fetch, decode, fold, count at a join and commit it.

Maps have half of their shards out, and each result of the first half makes one shard more to publish. A worker answers.
"""

import asyncio

from app import WIDTH_OF_MAP, Items, halved
from drain import UNTRACED
from figures import Figure, at_least, ratios
from fleet import LIMIT_SECONDS, fleet_on
from submitting import ITEM, results, submit

from argosy.console.stack import LocalStack

_AGENTS = ("noop", "counted")


async def measure(stack: LocalStack, repeats: int, maps: int) -> list[Figure]:
    """Measure by CPU time for each result, of all coordinators together, from the first tenth to the last."""
    one: list[float] = []
    two: list[float] = []
    try:
        for _ in range(repeats):
            async with asyncio.timeout(LIMIT_SECONDS):
                one.append(await cpu_seconds(stack, maps, 1))
                two.append(await cpu_seconds(stack, maps, 2))
    except TimeoutError:
        one, two = [], []
    gains = [2 * ratio for ratio in ratios(one, two)]
    return [
        Figure("results", "one coordinator: CPU per result", "us", [value * 1e6 for value in one]),
        Figure("results", "two coordinators: CPU per result", "us", [value * 1e6 for value in two]),
        Figure(
            "results",
            "one coordinator, per core of it",
            "results/s",
            [1 / value for value in one],
            at_least(8_000),
        ),
        Figure("results", "two coordinators on cores of their own / one", "x", gains, at_least(1.8)),
    ]


async def cpu_seconds(stack: LocalStack, maps: int, coordinators: int) -> float:
    """Give what one result takes of all coordinators together, from the first tenth of the shards to the last."""
    async with fleet_on(stack, _AGENTS, **UNTRACED) as fleet:
        names = [f"coordinator-{number}" for number in range(coordinators)]
        await asyncio.gather(*(fleet.coordinator(name) for name in names))
        await fleet.worker(_AGENTS)
        shards, work = maps * WIDTH_OF_MAP, fleet.names.tasks("noop")
        async with fleet.connect() as client:
            runs = await submit(client, halved, [Items(items=[ITEM] * WIDTH_OF_MAP)] * maps)
            began = await fleet.moment(names[0], work, shards // 10, *names[1:])
            used = began.until(await fleet.moment(names[0], work, shards, *names[1:]))
            if await results(runs) != [WIDTH_OF_MAP] * maps:
                message = "a map lost results"
                raise RuntimeError(message)
        return used.cpu_seconds
