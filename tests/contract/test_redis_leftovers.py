"""The check for leftovers finds each kind of leftover, on both stores."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from argosy.broker.keys import LaneKeys
from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.redis import RedisStore
from argosy.schemas.ids import TaskId
from support.leftovers import leftovers
from support.valkey import Valkey

Both = MemoryRedis | RedisStore


@pytest.fixture(params=["memory", "valkey"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Both]:
    if request.param == "memory":
        yield MemoryRedis()
        return
    with Valkey(tmp_path) as server:
        store = server.store()
        yield store
        await store.close()


async def test_a_fleet_at_rest_has_its_permanent_keys_and_what_expires(store: Both) -> None:
    prefix = uuid4().hex
    keys = LaneKeys(prefix, 3)
    await store.command(b"HSET", keys.checkpoint.encode(), b"epoch", b"1")
    await store.command(b"SET", keys.live.encode(), b"identity")
    await store.command(b"SADD", keys.ready_agents("1").encode(), b"critic")
    for key in (keys.run("1", "r"), keys.task(TaskId("r/a"))):
        await store.command(b"HSET", key.encode(), b"st", b"ended")
        await store.command(b"PEXPIRE", key.encode(), b"100000")
    await store.command(b"SET", b"somebody:else", b"1")
    assert await leftovers(store, prefix) == []


async def test_everything_else_is_found(store: Both) -> None:
    prefix = uuid4().hex
    keys = LaneKeys(prefix, 3)
    task = keys.task(TaskId("r/a")).encode()
    await store.command(b"HSET", keys.run("1", "r").encode(), b"st", b"active")
    await store.command(b"HSET", task, b"fence", b"f")
    await store.command(b"PEXPIRE", task, b"100000")
    await store.command(b"ZADD", keys.out("1").encode(), b"1", b"r/a#1")
    await store.command(b"SET", f"{prefix}:mine".encode(), b"1")
    assert {line.split(": ")[1] for line in await leftovers(store, prefix)} == {
        "work is left in it",
        "it has no TTL",
        "it is claimed",
        "no module makes such a key",
    }
