"""Who is there, and who holds a claim: on the twin and on a real server."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from pydantic import SecretStr

from argosy.broker.fence import Fence
from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.memory_server import MemoryServer
from argosy.broker.presence import SILENT_SECONDS, TTL_SECONDS, Beat, Held, InHand, LaneSaid, present
from argosy.broker.redis import RedisStore
from argosy.broker.store import Store
from argosy.schemas.settings import RedisSettings
from support.leftovers import leftovers
from support.waiting import eventually

if TYPE_CHECKING:
    from support.stack import StackThread


@pytest.fixture(params=["memory", "real"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    if request.param == "memory":
        found: Store = MemoryRedis()
    else:
        stack: StackThread = request.getfixturevalue("stack")
        found = RedisStore(RedisSettings(url=SecretStr(stack.redis_url)))
    yield found
    await found.close()


@pytest.fixture
def prefix() -> str:
    return f"t{uuid4().hex[:12]}"


def worker(store: Store, prefix: str, name: str, running: int = 3) -> Beat:
    return Beat(
        store,
        prefix,
        "worker",
        name,
        lambda: ({"critic": InHand(running=Held(partitions={0: running}), slots=8)}, {}),
    )


async def test_a_process_is_there_while_it_beats_and_gone_when_it_leaves(store: Store, prefix: str) -> None:
    beat = asyncio.create_task(worker(store, prefix, "host-1").run())

    async def there() -> bool:
        return bool((await present(store, prefix)).processes)

    await eventually(there, "the worker said that it is there")
    (found,) = (await present(store, prefix)).workers("critic")
    assert (found.name, found.agents["critic"].running.count) == ("host-1", 3)
    assert await leftovers(store, prefix) == []
    beat.cancel()
    await asyncio.wait({beat})
    assert (await present(store, prefix)).processes == ()


async def test_workers_and_coordinators_of_one_name_are_two(store: Store, prefix: str) -> None:
    lanes = {3: LaneSaid(word="live")}
    beats = [worker(store, prefix, "h-1"), Beat(store, prefix, "coordinator", "h-1", lambda: ({}, lanes))]
    tasks = [asyncio.create_task(beat.run()) for beat in beats]

    async def both() -> bool:
        return len((await present(store, prefix)).processes) == 2

    await eventually(both, "both said that they are there")
    first, second = (await present(store, prefix)).processes
    assert (first.lanes, second.lanes) == (lanes, {})
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_who_fell_silent_is_not_there() -> None:
    now = 1_000.0
    store = MemoryRedis(MemoryServer(clock=lambda: now))
    beat = asyncio.create_task(worker(store, "p", "host-1").run())

    async def there() -> bool:
        return bool((await present(store, "p")).processes)

    await eventually(there, "the worker said that it is there")
    now += TTL_SECONDS
    found = await present(store, "p")
    assert found.processes == ()
    assert [(each.process.name, each.seconds) for each in found.silent] == [("host-1", TTL_SECONDS)]
    now += SILENT_SECONDS
    assert (await present(store, "p")).silent == ()
    beat.cancel()
    await asyncio.wait({beat})
    assert (await present(store, "p")).silent == ()


@pytest.mark.parametrize("text", ["aabb/17/host-1", "aabb/0/", "aabb/5/a/b"])
def test_a_fence_is_read_as_it_was_written(text: str) -> None:
    assert str(Fence.read(text)) == text


def test_a_fence_that_is_a_bare_token_has_no_holder() -> None:
    assert Fence.read("aabb") == Fence("aabb", 0, "")
