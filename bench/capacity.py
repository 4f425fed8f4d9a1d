"""`make bench-capacity`: measure what `argosy plan-capacity` reckons with, and write `console/plan_capacity.json`.

Bytes come from runs of known shapes on real Kafka and Valkey, stopped where they hold most; CPU from the processes that
ran many of them. `--sizes` leaves CPU and memory as they were measured before: bytes don't depend on the machine.
"""

import asyncio
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import capacity_fit
import machine
import psutil

from argosy.broker.keys import kind_of
from argosy.console.plan_capacity_constants import FILE
from support.capacity_app import AGENTS, Item, asked, layered, rest
from support.capacity_world import Asked, Measured, World, capacity_world, measure

HERE = Path(__file__).parent
TARGET = HERE.parent / "console" / FILE
PROCESSES = {"coordinator": "coordinator-1", "worker": "worker-1", "kafka": "kafka", "redis": "valkey"}
REFERENCE = Asked(3, 8, 600, 10)
SHAPES = (
    REFERENCE,
    Asked(3, 40, 600, 5),
    Asked(4, 8, 600, 5),
    Asked(3, 8, 600, 5, waits=True),
    Asked(3, 40, 3_000, 5),
    Asked(1, 8, 600, 5),
    Asked(3, 4, 70_000, 3),
)
NARROW, WIDE, HEAVY = Asked(3, 1, 600, 600), Asked(3, 48, 600, 40), Asked(3, 48, 8_000, 40)
CHECK = Asked(4, 10, 2_000, 80)
"""What is reckoned from the three others is compared with this one."""
ROUNDS = 3
FEW, RESTING = 500, 3_000
"""Handlers that wait: before and after what each of them takes is looked at."""
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Idle:
    """What processes take that do nothing, and what each of many waiting handlers adds."""

    coordinator_mib: int
    worker_mib: int
    handler_kib: int
    out_bytes: int
    """In Redis, of each task that is with a worker."""


async def sizes(folder: Path) -> tuple[list[Measured], int]:
    """Measure bytes."""
    async with capacity_world(folder) as world:
        return await measure(world, SHAPES)


async def cpu(folder: Path) -> dict[Asked, dict[str, float]]:
    """Measure the CPU seconds of a run of each of some shapes, in turn; medians."""
    found: dict[Asked, list[dict[str, float]]] = {NARROW: [], WIDE: [], HEAVY: [], CHECK: []}
    async with capacity_world(folder) as world:
        await world.fleet.worker("worker-1", AGENTS)
        for shape in found:
            await _cpu(world, Asked(shape.depth, shape.width, shape.payload_bytes, 10))
        for _ in range(ROUNDS):
            for shape, rounds in found.items():
                rounds.append(await _cpu(world, shape))
    return {
        shape: {name: median(each[name] for each in rounds) for name in PROCESSES}
        for shape, rounds in found.items()
    }


async def _cpu(world: World, shape: Asked) -> dict[str, float]:
    before = _used(world)
    pipeline, value = layered(shape.depth), asked(shape.depth, shape.width, shape.payload_bytes)
    room = asyncio.Semaphore(100)

    async def one() -> None:
        async with room:
            run = await world.client.submit(pipeline, value)
        await run.result()

    await asyncio.gather(*(one() for _ in range(shape.runs)))
    return {name: (used - before[name]) / shape.runs for name, used in _used(world).items()}


def _used(world: World) -> dict[str, float]:
    def seconds(name: str) -> float:
        times = psutil.Process(_pid(world, name)).cpu_times()
        return float(times.user + times.system)

    return {name: seconds(child) for name, child in PROCESSES.items()}


def _pid(world: World, name: str) -> int:
    process = world.fleet.stack.supervisor.children[name].process
    if process is None:
        raise RuntimeError(f"{name} isn't running")
    return process.pid


async def idle(folder: Path) -> Idle:
    """Measure memory, and what tasks hold in Redis while their handlers wait."""
    async with capacity_world(folder) as world:
        await world.fleet.worker("worker-1", ["resting"])
        before = {name: _rss(world, f"{name}-1") for name in ("coordinator", "worker")}
        await _rest(world, 0, FEW)
        few = _rss(world, "worker-1")  # with what is loaded at the first task
        await _rest(world, FEW, RESTING)
        held = [size for kind in ("task", "out", "wait") for size in await _sizes(world, kind)]
        each = (_rss(world, "worker-1") - few) / (RESTING - FEW) / 1024
        return Idle(
            coordinator_mib=round(before["coordinator"] / MIB),
            worker_mib=round(few / MIB),
            handler_kib=max(1, round(each)),
            out_bytes=round(sum(held) / RESTING),
        )


async def _rest(world: World, there: int, wanted: int) -> None:
    """Let so many handlers wait."""
    await asyncio.gather(*(world.client.submit(rest, Item(text="x")) for _ in range(wanted - there)))

    async def all_claimed() -> bool:
        return len(await _sizes(world, "task")) == wanted

    await world.until(all_claimed)


def _rss(world: World, name: str) -> int:
    return int(psutil.Process(_pid(world, name)).memory_info().rss)


async def _sizes(world: World, kind: str) -> list[int]:
    keys = [key async for key in world.store.scan("argosy:*") if kind_of(key.decode()) == kind]
    asking = [await world.store.command(b"MEMORY", b"USAGE", key, b"SAMPLES", b"0") for key in keys]
    return [size for size in asking if isinstance(size, int)]


async def _main(*, only_sizes: bool) -> None:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="argosy-capacity-", ignore_cleanup_errors=True) as folder:
        measured, counted = await sizes(Path(folder) / "sizes")
        if only_sizes:
            known = json.loads(TARGET.read_text(encoding="utf-8"))
            made, times, checked = known["made"], known["cpu"], known["checked"]
            memory, out = known["memory"], known["held"]["out"]
        else:
            used = await cpu(Path(folder) / "cpu")
            times = capacity_fit.cpus(used, NARROW, WIDE, HEAVY)
            checked = capacity_fit.checked(used[CHECK], times, CHECK)
            found = asdict(await idle(Path(folder) / "idle"))
            out, memory, about = found.pop("out_bytes"), found, machine.describe()
            made = {
                "on": datetime.now(UTC).date().isoformat(),
                "machine": f"{about['cores']} cores, {about['processor']}",
                "with": f"Kafka {about['kafka']}, {about['python']}",
            }
    document = {
        "made": made,
        "sources": capacity_fit.SOURCES,
        "records": capacity_fit.records(measured, REFERENCE),
        "held": {**capacity_fit.held(measured, REFERENCE, counted), "out": out},
        "cpu": times,
        "checked": checked,
        "memory": memory,
        "assumed": capacity_fit.ASSUMED,
    }
    TARGET.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {TARGET.name} after {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    asyncio.run(_main(only_sizes="--sizes" in sys.argv))
