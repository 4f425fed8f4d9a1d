"""A result of a hundred times the limit fails its own task, with figures; nobody beside it pays, and memory stays."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from support.diamonds import Diamonds
from support.fault_app import Act, Done, begun, harming
from support.fault_world import STEADY, Ground, client_of, fault_world
from support.forks import Forks
from support.stack import StackThread

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1200)]

LIMIT: Final = 256 * 1024
HUGE: Final = 100 * LIMIT
ROUNDS: Final = 6
MEMORY: Final = 5 * HUGE
"""How far a worker may grow from its first huge result to its last, in bytes: kept ones would be more."""


def _resident(pid: int) -> int:
    pages = Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]
    return int(pages) * 4096


async def test_a_result_of_a_hundred_times_the_limit_is_refused_with_figures_and_harms_nobody(
    tmp_path: Path, forks: Forks, stack: StackThread
) -> None:
    ground = Ground(tmp_path, forks, stack.bootstrap_servers, stack.redis_url)
    limits = {"ARGOSY_FLEET__HARD_RESULT_BYTES": str(LIMIT), **STEADY}
    async with fault_world(ground, variables=limits) as world, client_of(world) as client:
        worker, diamonds, resident = world.places[1], Diamonds(world, client), list[int]()
        neighbours = [await client.submit(harming, Act(size=LIMIT // 2)) for _ in range(4)]
        for number in range(ROUNDS):
            huge = await client.submit(harming, Act(size=HUGE), run_id=f"huge-{number}")
            await diamonds.submit(2)
            ended = await huge.ended(timeout_seconds=240)
            assert ended.fault is not None
            assert (ended.outcome, ended.fault.code) == ("failed", "result_too_large")
            assert ended.fault.figures["limit"] == LIMIT
            assert ended.fault.figures["bytes"] > HUGE
            assert world.ledger.times(begun(f"{huge.run_id}/harm")) == 1, "it would only be as large again"
            resident.append(await asyncio.to_thread(_resident, worker.process.pid))
        for run in neighbours:
            assert isinstance(await run.result(timeout_seconds=240), Done)
        assert max(resident) - resident[0] < MEMORY, resident
        stored = [each.stat().st_size for each in (world.folder / "payloads").rglob("*") if each.is_file()]
        assert max(stored) <= LIMIT, "what was refused is nowhere kept"
        await diamonds.ended()
        await diamonds.judged()
        assert world.restarts == 0, world.said()[-3000:]
