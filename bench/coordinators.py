"""Arm results: coordinators alone, on a run log full of results.

Maps have half of their shards out; a worker answers these while nobody coordinates, and leaves. Then coordinators come:
each result is one to decode, fold, count at its join and commit, and it makes one shard to publish. One coordinator and
two, in turn.
"""

import asyncio

from app import HALF_WIDTH, Items, halved
from drain import UNTRACED, WIDE
from figures import Figure, at_least, ratios
from fleet import LIMIT_SECONDS, Fleet, fleet_on
from submitting import ITEM, submit

from argosy.console.stack import LocalStack

HALF = HALF_WIDTH // 2


async def measure(stack: LocalStack, repeats: int, maps: int) -> list[Figure]:
    """Measure by CPU time for each result, of all coordinators together, from the first tenth to the last."""
    one: list[float] = []
    two: list[float] = []
    try:
        for _ in range(repeats):
            async with asyncio.timeout(LIMIT_SECONDS):
                one.append(await _cpu_seconds(stack, maps, 1))
                two.append(await _cpu_seconds(stack, maps, 2))
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


async def _cpu_seconds(stack: LocalStack, maps: int, coordinators: int) -> float:
    async with fleet_on(stack, ["noop", "counted"], **WIDE, **UNTRACED) as fleet:
        answered = maps * HALF
        await _fill(fleet, maps)
        names = [f"coordinator-{number}" for number in range(coordinators)]
        await asyncio.gather(*(fleet.coordinator(name) for name in names))
        work = fleet.names.tasks("noop")
        began = await fleet.moment(names[0], work, answered + answered // 10, *names[1:])
        used = began.until(await fleet.moment(names[0], work, 2 * answered, *names[1:]))
        return used.cpu_seconds


async def _fill(fleet: Fleet, maps: int) -> None:
    work, answered = fleet.names.tasks("noop"), maps * HALF
    await fleet.coordinator()
    async with fleet.connect() as client:
        await submit(client, halved, [Items(items=[ITEM] * HALF_WIDTH)] * maps)
    await fleet.until(work, answered)
    await fleet.stop("coordinator")
    before = await fleet.appended(fleet.names.runs)
    await fleet.worker(["noop"])
    await fleet.until(fleet.names.runs, before + answered)
    await fleet.stop("worker")
