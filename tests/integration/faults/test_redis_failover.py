"""A real pair of servers changes places under load, and back: the tail that was not replicated is lost, no run is."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from argosy.console.ports import LOOPBACK, free_ports
from support.diamonds import Diamonds
from support.fault_app import Act, begun, lonely
from support.fault_world import Ground, client_of, fault_world
from support.forks import Forks
from support.patient_redis import patient
from support.stack import StackThread
from support.valkey import Valkey
from support.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1200)]

NOBODY: Final = 1
"""A port where no server is: whoever replicates from there keeps what it has and gets nothing new."""


class Member:
    """One server of the pair, asked over its own connection wherever it listens."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def ask(self, *words: str | int) -> object:
        """Run a command."""
        redis = patient(f"redis://{LOOPBACK}:{self.port}/0")
        try:
            return await redis.execute_command(*words)  # type: ignore[no-untyped-call]
        finally:
            await redis.aclose()

    async def follow(self, port: int) -> None:
        """Replicate from another; return when it has all."""
        await self.ask("REPLICAOF", LOOPBACK, port)

        async def so() -> bool:
            return b"master_link_status:up" in _bytes(await self.ask("INFO", "replication"))

        await eventually(so, "the replica has all")

    async def move(self, port: int) -> None:
        """Listen elsewhere, and drop whoever is connected."""
        await self.ask("CONFIG", "SET", "port", port)
        self.port = port
        await self.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def _bytes(reply: object) -> bytes:
    """Return INFO's reply as it came; the library has made a table of it."""
    return "\n".join(f"{key}:{value}" for key, value in dict(reply).items()).encode()  # type: ignore[call-overload]


async def fail_over(old: Member, new: Member, address: int) -> None:
    """Cut the replica off, let writes go on to be lost, then give it the address."""
    await new.ask("REPLICAOF", LOOPBACK, NOBODY)
    before = await old.ask("DBSIZE")

    async def written() -> bool:
        return await old.ask("DBSIZE") != before

    await eventually(written, "something is written that the replica will not have")
    (elsewhere,) = free_ports(1)
    await old.move(elsewhere)
    await new.ask("REPLICAOF", "NO", "ONE")
    await new.move(address)


async def test_a_failover_and_the_way_back_under_load_lose_no_run(
    tmp_path: Path, forks: Forks, stack: StackThread
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with Valkey(tmp_path / "one") as first, Valkey(tmp_path / "two") as second:
        address = first.port
        one, two = Member(first.port), Member(second.port)
        await two.follow(one.port)
        async with (
            fault_world(Ground(tmp_path, forks, stack.bootstrap_servers, first.url), workers=2) as world,
            client_of(world) as client,
        ):
            diamonds = Diamonds(world, client)
            await diamonds.submit(2)
            await diamonds.ended()
            waiting = await client.submit(lonely, Act(seconds=4))
            enough = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                group.create_task(diamonds.keep_on(enough), name="load")
                await fail_over(one, two, address)
                await one.follow(address)
                await fail_over(two, one, address)  # the first one's run id is back, and is not what it was
                enough.set()
            await diamonds.ended()
            await waiting.result(timeout_seconds=240)
            assert world.ledger.times(begun(f"{waiting.run_id}/later")) >= 2
            await diamonds.judged(redis_lost=True)
            assert world.restarts == 0, world.said()[-3000:]
