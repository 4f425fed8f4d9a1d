"""Arm graphs: graphs 1→8→1 of no-op tasks, all submitted at once, beside the prototype of a whole fleet."""

import asyncio
import json
import sys
import time
from dataclasses import dataclass

from app import WIDTH, graph
from drain import UNTRACED
from figures import Figure, ratios
from fleet import HERE, LIMIT_SECONDS, fleet_on
from submitting import ITEM, results, submit

from argosy.console.stack import LocalStack

TASKS = WIDTH + 2
"""Of one graph."""
WARM_UP = 20
_PROCESSES = ("coordinator", "worker")


@dataclass(frozen=True, slots=True)
class Took:
    """What some graphs took: the clock's seconds, and CPU seconds of coordinator and worker."""

    seconds: float
    coordinator: float
    worker: float


@dataclass(frozen=True, slots=True)
class Prototype:
    """What the prototype took; coordinator and worker are one process there."""

    seconds: float
    cpu: float


async def measure(stack: LocalStack, repeats: int, graphs: int) -> list[Figure]:
    """Measure, the arms in turn."""
    ours: list[Took] = []
    theirs: list[Prototype] = []
    try:
        for _ in range(repeats):
            async with asyncio.timeout(LIMIT_SECONDS):
                ours.append(await _argosy(stack, graphs))
                theirs.append(await _prototype(stack, graphs))
    except TimeoutError:
        ours, theirs = [], []
    return _figures(ours, theirs, graphs)


async def _argosy(stack: LocalStack, graphs: int) -> Took:
    async with fleet_on(stack, ["noop", "joined"], **UNTRACED) as fleet:
        await fleet.coordinator()
        await fleet.worker(["noop", "joined"])
        async with fleet.connect() as client:
            await results(await submit(client, graph, [ITEM] * WARM_UP))
            before = [fleet.cpu_seconds(name) for name in _PROCESSES]
            began = time.monotonic()
            await results(await submit(client, graph, [ITEM] * graphs))
            seconds = time.monotonic() - began
            coordinator, worker = (
                fleet.cpu_seconds(name) - used for name, used in zip(_PROCESSES, before, strict=True)
            )
            return Took(seconds, coordinator, worker)


async def _prototype(stack: LocalStack, graphs: int) -> Prototype:
    arguments = (stack.bootstrap_servers, stack.redis_url, str(graphs), str(WIDTH))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE / "batched_graphs.py"),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,  # the library complains of topics that have just been made
    )
    try:
        output, complaints = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        raise RuntimeError(f"the prototype ended with {process.returncode}: {complaints.decode()[-2_000:]}")
    found = json.loads(output)
    return Prototype(found["seconds"], found["cpu_seconds"])


def _figures(ours: list[Took], theirs: list[Prototype], graphs: int) -> list[Figure]:
    tasks = graphs * TASKS
    rate = [graphs / took.seconds for took in ours]
    prototype = [graphs / took.seconds for took in theirs]
    cpu = [(took.coordinator + took.worker) / tasks * 1e6 for took in ours]
    prototype_cpu = [took.cpu / tasks * 1e6 for took in theirs]
    return [
        Figure("graphs", "argosy: graphs", "graphs/s", rate),
        Figure("graphs", "prototype: graphs", "graphs/s", prototype),
        Figure("graphs", "argosy / prototype, graphs per second", "x", ratios(rate, prototype)),
        Figure(
            "graphs", "coordinator: CPU per task", "us", [took.coordinator / tasks * 1e6 for took in ours]
        ),
        Figure("graphs", "worker: CPU per task", "us", [took.worker / tasks * 1e6 for took in ours]),
        Figure("graphs", "prototype: CPU per task", "us", prototype_cpu),
        Figure("graphs", "argosy / prototype, CPU", "x", ratios(cpu, prototype_cpu)),
    ]
