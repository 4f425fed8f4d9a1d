"""Arm a: a filled queue of no-op tasks through one worker, beside a bare loop and the prototype on the same records.

The coordinator fills the queue and then leaves, so that what is seen is the worker alone: it claims, runs, stores and
settles each task. What a process used is taken from the first tenth of its records to the last, by what came out of it:
so start-up counts for nobody. Then a coordinator comes back and every run must end.
"""

import asyncio
from dataclasses import dataclass

from app import one
from figures import Figure, ratios
from fleet import LIMIT_SECONDS, Fleet, PerRecord, fleet_on
from submitting import ITEM, submit

from argosy.console.stack import LocalStack

UNTRACED = {"ARGOSY_TELEMETRY__LOG_LEVEL": "warning"}
_WIDE = {
    "ARGOSY_FLEET__DISPATCH_WINDOW": "1000000",
    "ARGOSY_FLEET__DISPATCH_WINDOW_LEAST": "1000000",  # nobody works while the queue is filled
    "ARGOSY_FLEET__PATIENCE_SECONDS": "600",
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
    async with fleet_on(stack, ["noop"], **_WIDE, **UNTRACED) as fleet:
        untraced = await _argosy(fleet, tasks)
        bare = await _script(fleet, "bare_loop", tasks)
        prototype = await _script(fleet, "batched_worker", tasks, fleet.stack.redis_url)
    traces = stack.folder / "traces"
    tenth = {"ARGOSY_TELEMETRY__SAMPLE_PER_MILLE": "100", "ARGOSY_TELEMETRY__FOLDER": str(traces)}
    async with fleet_on(stack, ["noop"], **_WIDE, **tenth) as fleet:
        traced = await _argosy(fleet, tasks)
    return Repeat(untraced, bare, prototype, traced)


async def _argosy(fleet: Fleet, tasks: int) -> PerRecord:
    await fleet.coordinator()
    async with fleet.connect() as client:
        await submit(client, one, [ITEM] * tasks)
    await fleet.until(fleet.names.tasks("noop"), tasks)
    await fleet.stop("coordinator")
    before = await fleet.appended(fleet.names.runs)
    await fleet.worker(["noop"])
    used = await _watch(fleet, "worker", fleet.names.runs, before, tasks)
    await fleet.coordinator()
    await fleet.until(fleet.names.results, tasks)
    await fleet.stop("worker", "coordinator")
    return used


async def _script(fleet: Fleet, name: str, tasks: int, *arguments: str) -> PerRecord:
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
        Figure("a", f"{name}: CPU per task", "us", [value * 1e6 for value in values])
        for name, values in cpu.items()
    ]
    rows += [
        Figure("a", f"{name}: drain", "tasks/s", [1 / value for value in values])
        for name, values in wall.items()
    ]
    return [
        *rows,
        Figure("a", "untraced / bare loop, CPU", "x", ratios(cpu[untraced], cpu[bare]), "≤ 2.5"),
        Figure("a", "a tenth traced / bare loop, CPU", "x", ratios(cpu[traced], cpu[bare]), "≤ 4"),
        Figure("a", "untraced / prototype, CPU", "x", ratios(cpu[untraced], cpu[prototype])),
        Figure("a", "untraced / bare loop, wall", "x", ratios(wall[untraced], wall[bare])),
    ]
