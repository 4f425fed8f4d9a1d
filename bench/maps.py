"""Arm maps: what a task of a wide map costs beside one of a narrow map; the same number of tasks in both arms."""

import asyncio
import time
from dataclasses import dataclass

from app import Item, Items, mapped
from drain import UNTRACED
from figures import Figure, at_most, ratios, slope
from fleet import LIMIT_SECONDS, Fleet, fleet_on
from submitting import results, submit

from argosy.client.connection import Argosy
from argosy.console.stack import LocalStack

NARROW = 100
_PROCESSES = ("coordinator", "worker")
_AGENTS = ("noop", "counted")


@dataclass(frozen=True, slots=True)
class PerTask:
    """Seconds per task: of the clock, and of CPU in coordinator and worker together."""

    wall: float
    cpu: float


async def measure(stack: LocalStack, repeats: int, width: int) -> list[Figure]:
    """Measure, the arms in turn, on one fleet."""
    wide: list[PerTask] = []
    narrow: list[PerTask] = []
    try:
        async with fleet_on(stack, _AGENTS, **UNTRACED) as fleet:
            await fleet.coordinator()
            await fleet.worker(_AGENTS)
            async with fleet.connect() as client:
                await _maps(fleet, client, 2, NARROW)
                for _ in range(repeats):
                    async with asyncio.timeout(LIMIT_SECONDS):
                        narrow.append(await _maps(fleet, client, width // NARROW, NARROW))
                        wide.append(await _maps(fleet, client, 1, width))
    except TimeoutError:
        wide, narrow = [], []
    pairs = zip(narrow, wide, strict=True)
    slopes = [slope([NARROW, width], [one.cpu, other.cpu]) for one, other in pairs]
    cpu = ratios([each.cpu for each in wide], [each.cpu for each in narrow])
    wall = ratios([each.wall for each in wide], [each.wall for each in narrow])
    return [
        Figure("maps", f"map of {NARROW}: CPU per task", "us", [each.cpu * 1e6 for each in narrow]),
        Figure("maps", f"map of {width}: CPU per task", "us", [each.cpu * 1e6 for each in wide]),
        Figure("maps", f"map of {width} / of {NARROW}, CPU per task", "x", cpu, at_most(1.1)),
        Figure("maps", f"growth of CPU per task from {NARROW} to {width}", "exponent", slopes, at_most(0.05)),
        Figure("maps", f"map of {width} / of {NARROW}, wall per task", "x", wall),
    ]


async def _maps(fleet: Fleet, client: Argosy, maps: int, width: int) -> PerTask:
    before, began = fleet.cpu_seconds(*_PROCESSES), time.monotonic()
    items = Items(items=[Item(text=str(number)) for number in range(width)])
    counted = await results(await submit(client, mapped, [items] * maps))
    tasks = sum(counted)
    if tasks != maps * width:
        message = f"{maps} maps of {width} gave {tasks} results"
        raise RuntimeError(message)
    return PerTask((time.monotonic() - began) / tasks, (fleet.cpu_seconds(*_PROCESSES) - before) / tasks)
