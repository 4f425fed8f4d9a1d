"""`make bench-check`: whether a task still costs no more CPU than it did; exit code 1 where it does.

CPU times of a worker and of a coordinator, as multiples of a fixed piece of work (`yardstick.py`) that runs between
them, are held to those in `kept.json`. `--keep` writes these anew; `--plant MICROSECONDS` makes both slower, and must
fail.
"""

import asyncio
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import coordinators
import guard
import machine
import typer
from app import one
from drain import UNTRACED, WIDE, drained
from fleet import HERE, LIMIT_SECONDS, fleet_on
from submitting import ITEM

from argosy.console.stack import LocalStack

WORKER, COORDINATOR = "worker: a no-op task", "coordinator: a result"
TOLERANCE = 1.3
PLANTED = HERE / "planted"
BURN = "BENCH_BURN_MICROSECONDS"


def main(
    *,
    small: Annotated[
        bool, typer.Option("--small", help="About a minute on an idle machine, for CI.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep today's ratios: they are what it costs.")
    ] = False,
    plant: Annotated[
        float, typer.Option("--plant", help="Make each task and result so many microseconds dearer.")
    ] = 0.0,
) -> None:
    """Compare CPU per task with what is kept."""
    if plant:
        os.environ[BURN] = str(plant)
        os.environ["PYTHONPATH"] = os.pathsep.join(
            [str(PLANTED), *filter(None, [os.environ.get("PYTHONPATH")])]
        )
    rounds, tasks, maps = (3, 2_000, 20) if small else (7, 4_000, 40)
    costs, yardsticks = asyncio.run(_measure(rounds, tasks, maps))
    found = guard.ratios(costs, yardsticks)
    if keep:
        about = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine.describe()}
        guard.Kept(TOLERANCE, found).write(about)
        print("kept: " + ", ".join(f"{name} {ratio:.2f}" for name, ratio in found.items()))
        return
    judged = guard.judge(guard.Kept.read(), found)
    print(f"yardstick: {min(yardsticks):.1f} µs, the least of {len(yardsticks)}")
    print(*judged, sep="\n")
    if any(each.is_too_dear for each in judged):
        print(
            "Look for what got slower (docs/performance.md, docs/tuning.md); if it has to be so: --keep",
            file=sys.stderr,
        )
        raise typer.Exit(1)


async def _measure(rounds: int, tasks: int, maps: int) -> tuple[dict[str, list[float]], list[float]]:
    costs: dict[str, list[float]] = {WORKER: [], COORDINATOR: []}
    yardsticks = [await _yardstick()]
    with tempfile.TemporaryDirectory(prefix="argosy-bench-", ignore_cleanup_errors=True) as folder:
        async with LocalStack(Path(folder)) as stack:
            for number in range(1, rounds + 1):
                async with asyncio.timeout(LIMIT_SECONDS):
                    costs[WORKER].append(await _worker(stack, tasks))
                    yardsticks.append(await _yardstick())
                    costs[COORDINATOR].append(await coordinators.cpu_seconds(stack, maps, 1) * 1e6)
                    yardsticks.append(await _yardstick())
                told = ", ".join(f"{name} {values[-1]:.0f} µs" for name, values in costs.items())
                told += f", yardstick {min(yardsticks[-2:]):.1f} µs"
                print(f"round {number} of {rounds}: {told}", file=sys.stderr, flush=True)
    return costs, yardsticks


async def _worker(stack: LocalStack, tasks: int) -> float:
    async with fleet_on(stack, ["noop"], **WIDE, **UNTRACED) as fleet:
        return (await drained(fleet, "noop", [ITEM] * tasks, one)).cpu_seconds * 1e6


async def _yardstick() -> float:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / "yardstick.py"), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return float(output)


if __name__ == "__main__":
    typer.run(main)
