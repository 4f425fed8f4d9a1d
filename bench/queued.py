"""Arm queued: what a run costs where few are open, beside where very many wait."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app import one
from drain import PATIENT, UNTRACED
from figures import Figure, at_most, slope
from fleet import LIMIT_SECONDS, Fleet, Moment, fleet_on
from submitting import ITEM, submit

from argosy.client.connection import Argosy
from argosy.console.stack import LocalStack

FEW = 100
LEAST_RUNS = 5_000
"""Measured for each depth, however few are open."""
SLICE = 2_000
_PROCESSES = ("coordinator", "worker")


@dataclass(frozen=True, slots=True)
class Queue:
    """CPU seconds for each run of a queue: to take it in, and to work it off."""

    taken_in: float
    worked_off: float

    @property
    def each(self) -> float:
        """For a run, all in all."""
        return self.taken_in + self.worked_off


async def measure(stack: LocalStack, repeats: int, depth: int) -> list[Figure]:
    """Measure coordinator and worker together: at 100 open, ten times that and so on; the deepest is queued before."""
    depths = [FEW]
    while depths[-1] * 10 < depth:
        depths.append(depths[-1] * 10)
    flat: dict[int, list[float]] = {each: [] for each in [*depths, depth]}
    queues: list[Queue] = []
    try:
        for _ in range(repeats):
            for each in depths:
                async with asyncio.timeout(LIMIT_SECONDS):
                    flat[each].append(await _open_at_once(stack, each))
            async with asyncio.timeout(2 * LIMIT_SECONDS):
                queues.append(await _queued(stack, depth))
            flat[depth].append(queues[-1].each)
    except TimeoutError:
        flat, queues = {each: [] for each in flat}, []
    return _figures(flat, queues, depth)


async def _open_at_once(stack: LocalStack, depth: int) -> float:
    """Keep so many runs open: each that ends makes room for the next one."""
    runs = max(LEAST_RUNS, depth)
    async with _fleet(stack) as (fleet, client):
        await fleet.worker(["noop"])
        await fleet.quiet("worker")
        await _closed_loop(client, depth, depth)
        before = fleet.cpu_seconds(*_PROCESSES)
        await _closed_loop(client, depth, runs)
        return (fleet.cpu_seconds(*_PROCESSES) - before) / runs


async def _closed_loop(client: Argosy, depth: int, runs: int) -> None:
    room = asyncio.Semaphore(depth)

    async def run() -> None:
        async with room:
            await (await client.submit(one, ITEM)).result()

    async with asyncio.TaskGroup() as group:
        for _ in range(runs):
            group.create_task(run(), name="run")


async def _queued(stack: LocalStack, depth: int) -> Queue:
    """Queue them all while nobody works, then let one worker at it."""
    async with _fleet(stack) as (fleet, client):
        await fleet.worker(["noop"])
        await fleet.quiet("worker")
        with fleet.frozen("worker"):
            first = fleet.cpu_seconds("coordinator")
            for _ in range(0, depth, SLICE):
                await submit(client, one, [ITEM] * min(SLICE, depth))
            await fleet.until(fleet.names.runs, depth)
            await fleet.quiet("coordinator")
            taken_in = fleet.cpu_seconds("coordinator") - first
            began = Moment(0.0, fleet.cpu_seconds(*_PROCESSES), 0)
        ended = await fleet.moment("coordinator", fleet.names.results, depth, "worker")
        return Queue(taken_in / depth, began.until(ended).cpu_seconds)


@asynccontextmanager
async def _fleet(stack: LocalStack) -> AsyncGenerator[tuple[Fleet, Argosy]]:
    async with fleet_on(stack, ["noop"], **PATIENT, **UNTRACED) as fleet:
        await fleet.coordinator()
        async with fleet.connect() as client:
            yield fleet, client


def _figures(flat: dict[int, list[float]], queues: list[Queue], depth: int) -> list[Figure]:
    rounds = list(zip(*flat.values(), strict=True))
    return [
        *(
            Figure(
                "queued",
                f"{each:,} runs {'queued' if each == depth else 'open'}: CPU per run",
                "us",
                [v * 1e6 for v in values],
            )
            for each, values in flat.items()
        ),
        Figure("queued", "of these, to take it in", "us", [queue.taken_in * 1e6 for queue in queues]),
        Figure(
            "queued",
            f"{depth:,} queued / {FEW} open, CPU per run",
            "x",
            [costs[-1] / costs[0] for costs in rounds],
            at_most(1.1),
        ),
        Figure(
            "queued",
            f"growth from {FEW} to {depth:,}",
            "exponent",
            [slope([*flat], costs) for costs in rounds],
            at_most(0.05),
        ),
    ]
