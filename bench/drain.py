"""Arm drain: a filled queue of no-op tasks through one worker, beside bare loop and prototype on the same records.

A worker has started, and stands still while the coordinator fills the queue and leaves, so that what is seen is the
worker alone: it claims, runs, stores and settles each task, and all that it uses for them counts. Of the arms beside
it, which begin as they start, that from the first tenth of their records to the last counts, by what came out. Then a
coordinator comes back and every run must end.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from app import Item, one
from figures import Figure, at_most, ratios
from fleet import LIMIT_SECONDS, Fleet, Moment, PerRecord, fleet_on
from submitting import ITEM, submit

from argosy.console.stack import LocalStack
from argosy.pipelines.pipeline import Pipeline

PATIENT = {
    "ARGOSY_FLEET__LEASE_SECONDS": "150",
    "ARGOSY_KAFKA__SESSION_TIMEOUT_SECONDS": "150",
}
"""For fleets in which a worker is made to stand still for a while: it isn't given up."""
UNTRACED = {"ARGOSY_TELEMETRY__LOG_LEVEL": "warning"}
WIDE = {
    "ARGOSY_FLEET__DISPATCH_WINDOW": "1000000",
    "ARGOSY_FLEET__DISPATCH_WINDOW_LEAST": "1000000",  # nobody works while the queue is filled
    "ARGOSY_FLEET__PATIENCE_SECONDS": "600",
    **PATIENT,
}


@dataclass(frozen=True, slots=True)
class Repeat:
    """What a record took in each arm of one repeat."""

    untraced: PerRecord
    bare: PerRecord
    prototype: PerRecord
    traced: PerRecord


async def measure(stack: LocalStack, repeats: int, tasks: int) -> list[Figure]:
    """Measure, the arms in turn."""
    found: list[Repeat] = []
    try:
        for _ in range(repeats):
            async with asyncio.timeout(LIMIT_SECONDS):
                found.append(await _repeat(stack, tasks))
    except TimeoutError:
        found.clear()
    return _figures(found)


async def _repeat(stack: LocalStack, tasks: int) -> Repeat:
    async with fleet_on(stack, ["noop"], **WIDE, **UNTRACED) as fleet:
        untraced = await drained(fleet, "noop", [ITEM] * tasks, one)
        bare = await scripted(fleet, "bare_loop", tasks)
        prototype = await scripted(fleet, "batched_worker", tasks, fleet.stack.redis_url)
    async with fleet_on(stack, ["noop"], **WIDE, **traced_per_mille(stack, 100)) as fleet:
        traced = await drained(fleet, "noop", [ITEM] * tasks, one)
    return Repeat(untraced, bare, prototype, traced)


def traced_per_mille(stack: LocalStack, share: int) -> dict[str, str]:
    """Have so many of a thousand runs traced, into files; all handoffs are logged."""
    return {
        "ARGOSY_TELEMETRY__SAMPLE_PER_MILLE": str(share),
        "ARGOSY_TELEMETRY__FOLDER": str(stack.folder / "traces"),
    }


async def drained(
    fleet: Fleet, agent: str, values: Sequence[Item], pipeline: Pipeline[Item, Item]
) -> PerRecord:
    """Fill the queue of a single-step pipeline's agent, let one worker empty it alone, then end every run.

    Gives what a task took, of all that was used: what is in work at some moment in between would count for nobody.
    """
    tasks = len(values)
    await fleet.coordinator()
    await fleet.worker([agent])
    await fleet.quiet("worker")
    with fleet.frozen("worker"):
        async with fleet.connect() as client:
            await submit(client, pipeline, values)
        await fleet.until(fleet.names.tasks(agent), tasks)
        await fleet.stop("coordinator")
        before = await fleet.appended(fleet.names.runs)
        began = Moment(time.monotonic(), fleet.cpu_seconds("worker"), before)
    used = began.until(await fleet.moment("worker", fleet.names.runs, before + tasks))
    await fleet.coordinator()
    await fleet.until(fleet.names.results, tasks)
    await fleet.stop("worker", "coordinator")
    return used


async def scripted(fleet: Fleet, name: str, tasks: int, *arguments: str) -> PerRecord:
    """Let a reference arm work on the very same records."""
    topic, out = fleet.names.tasks("noop"), fleet.names.events
    before = await fleet.appended(out)
    await fleet.script(name, fleet.stack.bootstrap_servers, topic, out, *arguments)
    try:
        return await _watch(fleet, name, out, before, tasks)
    finally:
        await fleet.stop(name)


async def _watch(fleet: Fleet, process: str, topic: str, before: int, tasks: int) -> PerRecord:
    began = await fleet.moment(process, topic, before + tasks // 10)
    return began.until(await fleet.moment(process, topic, before + tasks))


def _figures(found: list[Repeat]) -> list[Figure]:
    arms = {
        "argosy, untraced": [repeat.untraced for repeat in found],
        "argosy, a tenth traced": [repeat.traced for repeat in found],
        "bare loop": [repeat.bare for repeat in found],
        "prototype": [repeat.prototype for repeat in found],
    }
    cpu = {name: [each.cpu_seconds for each in values] for name, values in arms.items()}
    wall = {name: [each.wall_seconds for each in values] for name, values in arms.items()}
    bare, prototype = "bare loop", "prototype"
    untraced, traced = "argosy, untraced", "argosy, a tenth traced"
    rows = [
        Figure("drain", f"{name}: CPU per task", "us", [value * 1e6 for value in values])
        for name, values in cpu.items()
    ]
    rows += [
        Figure("drain", f"{name}: drain", "tasks/s", [1 / value for value in values])
        for name, values in wall.items()
    ]
    return [
        *rows,
        Figure("drain", "untraced / bare loop, CPU", "x", ratios(cpu[untraced], cpu[bare]), at_most(2.0)),
        Figure("drain", "a tenth traced / bare loop, CPU", "x", ratios(cpu[traced], cpu[bare])),
        Figure("drain", "untraced / prototype, CPU", "x", ratios(cpu[untraced], cpu[prototype])),
        Figure("drain", "untraced / bare loop, wall", "x", ratios(wall[untraced], wall[bare])),
    ]
