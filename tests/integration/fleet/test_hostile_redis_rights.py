"""Redis with users: the rights of docs/security.md are enough for a fleet; a missing one is told and waited out."""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from argosy import Context, Pipeline, agent
from argosy.agents.worker import Worker
from argosy.broker import provision
from argosy.broker.memory_kafka import MemoryKafka
from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.presence import present
from argosy.broker.redis import RedisStore
from argosy.client.connection import Argosy
from argosy.coordinator.service import Coordinator
from argosy.schemas.settings import FleetSettings, KafkaSettings, RedisSettings, Settings
from support.patient_redis import patient
from support.rights import PAGE
from support.valkey import Valkey
from support.waiting import eventually

USER, PASSWORD = "argosy", "open-sesame"
OTHERS: Final = (
    "FLUSHALL",
    "CONFIG GET *",
    "KEYS *",
    "SHUTDOWN NOSAVE",
    "ACL LIST",
    "GET others:key",
)
"""What the page's user may not."""


async def _effect() -> int:
    return 7


@agent(retries=1, backoff_seconds=0.05)
async def remember(ctx: Context, text: str) -> str:
    """Make a memo, a logged one, and a first attempt that fails."""
    if ctx.attempt == 1:
        raise ValueError(text)
    return f"{text} {await ctx.step('plain', _effect)} {await ctx.step('logged', _effect, log=True)}"


remembering = Pipeline("remembering", takes=str, gives=str)
remembering.returns(remembering.step(remember, remembering.input))


def rights() -> list[str]:
    """The words of the page's ACL SETUSER."""
    found = re.search(r"ACL SETUSER argosy on >… (.+)", PAGE.read_text("utf-8"))
    assert found is not None
    return found[1].split()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Valkey]:
    """A server of the test's own."""
    with Valkey(tmp_path, "--appendonly", "yes") as server:
        yield server


async def set_user(server: Valkey, *words: str) -> None:
    """Give the user these rights and no others."""
    redis = patient(server.url)
    try:
        asked = ("ACL", "SETUSER", USER, "reset", "on", f">{PASSWORD}", *words)
        assert await redis.execute_command(*asked)  # type: ignore[no-untyped-call]  # pyright: ignore[reportUnknownMemberType] (its **kwargs)
    finally:
        await redis.aclose()


@dataclass
class Fleet:
    """A coordinator, a worker and a client in this process; all of them are the one user."""

    settings: Settings
    kafka: MemoryKafka = field(default_factory=MemoryKafka)
    payloads: MemoryPayloads = field(default_factory=MemoryPayloads)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Argosy]:
        """Run it."""
        await provision.ensure(self.kafka, self.settings, ["remember"])
        stop = asyncio.Event()
        stores = [RedisStore(self.settings.redis) for _ in range(3)]
        coordinator = Coordinator(self.settings, self.kafka.view("coordinator"), stores[0], self.payloads)
        worker = Worker(self.settings, self.kafka.view("worker"), stores[1], self.payloads, [remember])
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(coordinator.run(stop), name="coordinator")
                group.create_task(worker.run(stop), name="worker")
                try:
                    async with Argosy(
                        self.settings, self.kafka.view("client"), stores[2], self.payloads
                    ) as client:
                        yield client
                finally:
                    stop.set()
        finally:
            for store in stores:
                await store.close()


def fleet_of(server: Valkey) -> Fleet:
    """Make the fleet of a server."""
    url = server.url.replace("redis://", f"redis://{USER}:{PASSWORD}@")
    return Fleet(
        Settings(
            kafka=KafkaSettings(inbox_partitions=1, work_partitions=1),
            redis=RedisSettings.model_validate({"url": url}),
            fleet=FleetSettings(
                lanes=2,
                lease_seconds=20,  # a worker whose loop stands still for one ends its process: the test's own here
                renew_seconds=0.2,
                patience_seconds=1,
            ),
        )
    )


async def test_the_rights_of_the_page_are_enough_for_a_whole_fleet(server: Valkey) -> None:
    await set_user(server, *rights())
    fleet = fleet_of(server)
    async with fleet.running() as client:
        run = await client.submit(remembering, "seven")
        assert await run.result(timeout_seconds=150) == "seven 7 7"
        assert await run.state() == "succeeded"
        assert await client.run("nobody-knows-it").state() == "unknown"
        store = RedisStore(fleet.settings.redis)
        try:
            assert {each.role for each in (await present(store, "argosy")).processes} == {
                "coordinator",
                "worker",
            }
        finally:
            await store.close()


async def test_the_user_of_the_page_may_do_nothing_else(server: Valkey) -> None:
    await set_user(server, *rights())
    redis = patient(server.url.replace("redis://", f"redis://{USER}:{PASSWORD}@"))
    try:
        for words in OTHERS:
            with pytest.raises(Exception, match=r"(?i)no permissions|NOPERM"):
                await redis.execute_command(*words.split())  # type: ignore[no-untyped-call]  # pyright: ignore[reportUnknownMemberType] (its **kwargs)
    finally:
        await redis.aclose()


@pytest.mark.parametrize("lack", ["-@scripting", "-info", "-time", "-@write"])
async def test_a_right_that_is_missing_for_a_while_is_told_and_loses_nothing(
    server: Valkey, lack: str, capfd: pytest.CaptureFixture[str]
) -> None:
    await set_user(server, *rights())
    fleet = fleet_of(server)
    async with fleet.running() as client:
        before = await client.submit(remembering, "before")
        assert await before.result(timeout_seconds=150) == "before 7 7"
        await set_user(server, *rights(), lack)
        run = await client.submit(remembering, "meanwhile")
        said: list[str] = []

        async def told() -> bool:
            captured = capfd.readouterr()
            said.extend((captured.out, captured.err))
            text = "".join(said)
            return "NOPERM" in text and USER in text

        await eventually(told, f"somebody tells that {lack}")
        await set_user(server, *rights())
        assert await run.result(timeout_seconds=150) == "meanwhile 7 7"
