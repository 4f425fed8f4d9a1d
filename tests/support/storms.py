"""A thousand runs of one kind at once, and how much work went out for them after they had ended."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from argosy.client.run import Run
from argosy.schemas.runlog import RunEnded
from argosy.schemas.task import TaskDispatched
from support.fault_app import RACERS
from support.fault_world import ENDED_SECONDS, FaultWorld

_AT_ONCE = 64


async def all_at_once(count: int, one: Callable[[int], Awaitable[None]]) -> None:
    """Do it so many times, many at once."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def gated(number: int) -> None:
        async with gate:
            await one(number)

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(gated(number), name=f"{number} of the storm")


async def ends(runs: Sequence[Run[Any]]) -> list[RunEnded]:
    """Wait for all ends."""
    return await asyncio.gather(*(run.ended(timeout_seconds=ENDED_SECONDS) for run in runs))


@dataclass(frozen=True)
class Counted:
    """Dispatches of a storm's runs."""

    runs: int
    orders: int
    again: int
    """More than one of the same attempt."""
    late: int
    """Appended after the run's end was."""
    needless: int
    """Decided by a record of the run log that lies after the run's end."""


async def count(world: FaultWorld, runs: Sequence[Run[Any]]) -> Counted:
    """Count from the raw topics; both clocks are the broker's."""
    mine = {run.run_id for run in runs}
    lines = [line for line in await world.witness.read({}) if line.envelope.subject in mine]
    found = [line for line in lines if isinstance(line.message, RunEnded) and line.topic.endswith(".runs")]
    ended = {line.envelope.subject: line for line in reversed(found)}
    orders = [line for line in lines if isinstance(line.message, TaskDispatched)]
    different = {
        (o.message.task_id, o.message.attempt) for o in orders if isinstance(o.message, TaskDispatched)
    }
    assert set(ended) == mine, f"{len(mine) - len(ended)} runs have no end"
    late = sum(order.time_ms > ended[order.envelope.subject].time_ms for order in orders)
    causes = [(order.envelope.cause, ended[order.envelope.subject].offset) for order in orders]
    needless = sum(cause is None or cause > end for cause, end in causes)
    return Counted(len(mine), len(orders), len(orders) - len(different), late, needless)


INPUT = list(range(RACERS))
