"""Arm flat: whether the memory of a coordinator and of a worker stays as it is, over very many tasks."""

import asyncio

from app import Item, graph
from drain import UNTRACED
from figures import Figure, at_most
from fleet import Fleet, fleet_on
from graphs import TASKS

from argosy.client.connection import Argosy
from argosy.console.stack import LocalStack

OPEN = 300
"""Graphs at once."""
TENTHS = 10
SECONDS_PER_TASK = 0.01
"""A measurement in which a task takes longer did not finish."""
_PROCESSES = ("coordinator", "worker")
_AGENTS = ("noop", "joined")


async def measure(stack: LocalStack, tasks: int) -> list[Figure]:
    """Measure once, by resident memory after each tenth: what is made once is made after the second."""
    found: dict[str, list[int]] = {name: [] for name in _PROCESSES}
    try:
        async with (
            asyncio.timeout(60 + tasks * SECONDS_PER_TASK),
            fleet_on(stack, _AGENTS, **UNTRACED) as fleet,
        ):
            await fleet.coordinator()
            await fleet.worker(_AGENTS)
            async with fleet.connect() as client:
                for _ in range(TENTHS):
                    await _graphs(client, tasks // TASKS // TENTHS)
                    _note(fleet, found)
    except TimeoutError:
        found = {name: [] for name in _PROCESSES}
    return [figure for name, sizes in found.items() for figure in _figures(name, sizes, tasks)]


async def _graphs(client: Argosy, graphs: int) -> None:
    left = iter(range(graphs))

    async def some() -> None:
        for number in left:
            await (await client.submit(graph, Item(text=str(number)))).result()

    async with asyncio.TaskGroup() as group:
        for _ in range(OPEN):
            group.create_task(some(), name="graphs")


def _note(fleet: Fleet, found: dict[str, list[int]]) -> None:
    for name, sizes in found.items():
        sizes.append(fleet.resident_bytes(name))


def _figures(name: str, sizes: list[int], tasks: int) -> list[Figure]:
    growth = [sizes[-1] / sizes[1]] if sizes else []
    each = [(sizes[-1] - sizes[1]) / (tasks * (TENTHS - 2) / TENTHS)] if sizes else []
    return [
        Figure(
            "flat",
            f"{name}: resident memory after each tenth of {tasks:,} tasks",
            "MB",
            [size / 1e6 for size in sizes],
        ),
        Figure("flat", f"{name}: at the end / after a fifth", "x", growth, at_most(1.1)),
        Figure("flat", f"{name}: more memory for each task since", "bytes", each),
    ]
