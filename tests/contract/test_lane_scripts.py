"""`take.lua` and `commit.lua` on the twin and on a real server: the chain of commits, and what a commit may do."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from pydantic import SecretStr

from argosy.broker.keys import LaneKeys
from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.redis import RedisStore
from argosy.broker.store import Store
from argosy.coordinator.chain import DELETED, Chain
from argosy.coordinator.checkpoint import Checkpoint, Last
from argosy.coordinator.writes import Writes
from argosy.schemas.errors import ChainBroken
from argosy.schemas.ids import TaskId
from argosy.schemas.settings import RedisSettings

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
def keys() -> LaneKeys:
    return LaneKeys(f"t{uuid4().hex[:12]}", 3)


def hash_writes(key: str, **fields: str) -> Writes:
    writes = Writes()
    writes.hset(key, fields)
    return writes


async def test_a_checkpoint_comes_back_as_it_was_written(store: Store, keys: LaneKeys) -> None:
    chain = Chain(store, keys)
    taken = await chain.take()
    assert Checkpoint.read(taken.checkpoint) is None
    written = Checkpoint("e1", 17, Last(16, 1_000, "run"), horizon_ms=5, sweep=("e0",))
    await chain.commit(Writes(), written.fields())
    assert Checkpoint.read((await chain.take()).checkpoint) == written
    cleared = Checkpoint("e1", 18)
    await chain.commit(Writes(), cleared.fields())
    assert Checkpoint.read((await chain.take()).checkpoint) == cleared


async def test_commits_go_on_from_each_other(store: Store, keys: LaneKeys) -> None:
    chain, key = Chain(store, keys), keys.run("e", "r")
    await chain.take()
    await chain.commit(hash_writes(key, a="1"), {})
    await chain.commit(hash_writes(key, b="2"), {"next": "2"})
    assert await store.hgetall(key) == {b"a": b"1", b"b": b"2"}


async def test_an_owner_that_was_replaced_changes_nothing(store: Store, keys: LaneKeys) -> None:
    old, new, key = Chain(store, keys), Chain(store, keys), keys.run("e", "r")
    await old.take()
    await new.take()
    with pytest.raises(ChainBroken):
        await old.commit(hash_writes(key, a="old"), {"next": "9"})
    assert await store.hgetall(key) == {}
    await new.commit(hash_writes(key, a="new"), {})
    assert await store.hgetall(key) == {b"a": b"new"}


async def test_a_lost_chain_shows_at_the_next_commit(store: Store, keys: LaneKeys) -> None:
    chain = Chain(store, keys)
    await chain.take()
    await store.delete([keys.checkpoint])
    with pytest.raises(ChainBroken):
        await chain.commit(Writes(), {})


async def test_the_live_mark_is_set_for_the_identity_that_was_taken_only(
    store: Store, keys: LaneKeys
) -> None:
    chain = Chain(store, keys)
    taken = await chain.take()
    with pytest.raises(ChainBroken):
        await chain.commit(Writes(), {}, mark="another server")
    assert await store.get(keys.live) is None
    await chain.take()
    await chain.commit(Writes(), {}, mark=taken.identity)
    assert await store.get(keys.live) == taken.identity.encode()
    assert (await chain.take()).live == taken.identity
    await chain.commit(Writes(), {}, mark=DELETED)
    assert await store.get(keys.live) is None


async def test_an_outbox_entry_is_removed_only_if_it_is_still_the_one(store: Store, keys: LaneKeys) -> None:
    chain, key = Chain(store, keys), keys.outbox("e")
    await chain.take()
    await chain.commit(hash_writes(key, sent="1", asked="1"), {})
    writes = Writes()
    writes.hset(key, {"asked": "2"})
    writes.unsend(key, {"sent": "1", "asked": "1"})
    await chain.commit(writes, {})
    assert await store.hgetall(key) == {b"asked": b"2"}


async def test_of_a_logged_memo_the_first_offset_stays(store: Store, keys: LaneKeys) -> None:
    chain, key = Chain(store, keys), keys.task(TaskId("r/a"))
    await chain.take()
    for value, offset in ((b'"first"', 5), (b'"second"', 9)):
        writes = Writes()
        writes.memo(key, "save", value, offset, 60_000)
        await chain.commit(writes, {})
    assert await store.hgetall(key) == {b"m:save": b'"first"', b"mo:save": b"5"}
    assert 0 < await store.ttl_ms(key) <= 60_000


@pytest.mark.parametrize(("kept_ms", "then_ms"), [(5_000, 60_000), (90_000, 90_000)])
async def test_a_memo_lengthens_the_life_of_a_claim_that_was_put_back_and_shortens_none(
    store: Store, keys: LaneKeys, kept_ms: int, then_ms: int
) -> None:
    chain, key = Chain(store, keys), keys.task(TaskId("r/a"))
    await chain.take()
    writes = hash_writes(key, attempt="1")
    writes.expire(key, kept_ms)
    writes.memo(key, "save", b"1", 5, 60_000)
    await chain.commit(writes, {})
    assert then_ms - 25_000 < await store.ttl_ms(key) <= then_ms


async def test_thousands_of_arguments_are_one_commit(store: Store, keys: LaneKeys) -> None:
    chain, key = Chain(store, keys), keys.timers("e")
    await chain.take()
    writes = Writes()
    writes.zadd(key, {f"run-{n}|deadline": n for n in range(5_000)})
    writes.zrem(key, [f"run-{n}|deadline" for n in range(4_990)])
    await chain.commit(writes, {})
    assert [member for member, _ in await store.zrange(key, 0, -1)][:2] == [
        b"run-4990|deadline",
        b"run-4991|deadline",
    ]


async def test_a_commit_that_is_repeated_as_it_is_takes_effect_once(keys: LaneKeys) -> None:
    store = MemoryRedis()
    chain, key = Chain(store, keys), keys.run("e", "r")
    await chain.take()
    store.server.lose_replies(1)
    await chain.commit(hash_writes(key, a="1"), {})
    store.server.lose_requests(1)
    await chain.commit(hash_writes(key, a="2"), {})
    assert await store.hgetall(key) == {b"a": b"2"}


async def test_a_failover_shows_at_the_next_commit(keys: LaneKeys) -> None:
    store = MemoryRedis()
    chain = Chain(store, keys)
    await chain.take()
    store.server.failover()
    with pytest.raises(ChainBroken):
        await chain.commit(Writes(), {})
