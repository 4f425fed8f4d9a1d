"""One suite for both stores: what `RedisStore` on a real Valkey and `MemoryRedis` promise alike."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.redis import RedisStore
from argosy.broker.script import Script
from argosy.broker.store import Store
from argosy.schemas.errors import Refused
from support.valkey import Valkey

Both = MemoryRedis | RedisStore


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with Valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(params=["memory", "valkey"])
async def store(request: pytest.FixtureRequest, valkey: Valkey) -> AsyncIterator[Both]:
    store = MemoryRedis() if request.param == "memory" else valkey.store()
    yield store
    await store.close()


@pytest.fixture
def key() -> str:
    return f"{{k}}:{uuid4().hex}"


def lua(text: str) -> Script:
    return Script.of_text("test", text)


async def test_both_are_stores(store: Store) -> None:
    assert await store.get("nothing") is None


async def test_absent_keys_read_as_empty(store: Both, key: str) -> None:
    assert await store.hgetall(key) == {}
    assert await store.hmget(key, ["a", "b"]) == [None, None]
    assert await store.hmget(key, []) == []
    assert await store.smembers(key) == set()
    assert await store.zrange(key, 0, -1) == []
    assert await store.zrangebyscore(key, 10, 10) == []
    assert await store.ttl_ms(key) == -2
    assert await store.delete([key]) == 0
    assert await store.delete([]) == 0


async def test_values_are_bytes_and_nothing_is_decoded(store: Both, key: str) -> None:
    raw = bytes(range(256))
    put = lua("redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) return redis.call('HGET', KEYS[1], ARGV[1])")
    assert await store.run(put, [key], [raw, raw]) == raw
    assert await store.hgetall(key) == {raw: raw}


async def test_sorted_sets_come_lowest_first_and_are_cut(store: Both, key: str) -> None:
    add = lua("for i = 1, #ARGV, 2 do redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i + 1]) end")
    await store.run(add, [key], ["3", "c", "1.5", "b", "1.5", "a", "-2", "z", str(1795655320892), "t"])
    everything = [(b"z", -2.0), (b"a", 1.5), (b"b", 1.5), (b"c", 3.0), (b"t", 1795655320892.0)]
    assert await store.zrange(key, 0, -1) == everything
    assert await store.zrange(key, 1, 2) == everything[1:3]
    assert await store.zrangebyscore(key, 1.5, 10) == everything[:3]
    assert await store.zrangebyscore(key, 1.5, 2) == everything[:2]
    assert await store.zrangebyscore(key, 1795655320891.5, 10) == everything[:4]


async def test_scan_finds_every_key_that_matches_and_no_other(store: Both, key: str) -> None:
    put = lua("redis.call('SET', KEYS[1], 1)")
    for name in ("a:1", "a:2", "b:1", "a*"):
        await store.run(put, [f"{key}:{name}"], [])
    prefix = f"{key}:".encode()
    assert {found async for found in store.scan(f"{key}:a:*")} == {prefix + b"a:1", prefix + b"a:2"}
    assert {found async for found in store.scan(f"{key}:[bc]:?")} == {prefix + b"b:1"}
    assert {found async for found in store.scan(f"{key}:a\\*")} == {prefix + b"a*"}


async def test_replies_are_converted_as_redis_does(store: Both) -> None:
    reply = await store.run(
        lua(
            "return {1, 2.9, -2.9, 'text', true, false, {1, {2}}, redis.status_reply('FINE'), '', {},"
            " 2^53, tostring(1795655320892), 1795655320892 .. '', 0.1 .. '', nil, 'after a nil'}"
        ),
        [],
        [],
    )
    assert reply == [
        1,
        2,
        -2,
        b"text",
        1,
        None,
        [1, [2]],
        b"FINE",
        b"",
        [],
        2**53,
        b"1795655320892",
        b"1795655320892",
        b"0.1",
    ]
    assert await store.run(lua("return nil"), [], []) is None
    assert await store.run(lua("return"), [], []) is None
    assert await store.run(lua("return {ok = 'YES'}"), [], []) == b"YES"


async def test_what_a_command_gives_a_script(store: Both, key: str) -> None:
    reply = await store.run(
        lua(
            "local k = KEYS[1]\n"
            "local absent = redis.call('HGET', k, 'a')\n"
            "local set = redis.call('HSET', k, 'a', 1, 'b', 0.5, 'c', 1e15)\n"
            "local many = redis.call('HMGET', k, 'a', 'x', 'b', 'c')\n"
            "local status = redis.call('SET', KEYS[2], 'v')\n"
            "return {absent == false and 1 or 0, set, type(set), many[1], many[2] == false and 1 or 0,"
            " many[3], many[4], type(status), status.ok, #redis.call('HGETALL', k)}"
        ),
        [key, f"{key}2"],
        [],
    )
    assert reply == [
        1,
        3,
        b"number",
        b"1",
        1,
        b"0.5",
        b"1000000000000000",
        b"table",
        b"OK",
        6,
    ]


async def test_the_prelude_gives_identity_and_time(store: Both) -> None:
    script = lua("--! prelude\nreturn {identity(), now_ms(), redis.call('TIME')[1]}")
    first, second = await asyncio.gather(store.run(script, [], []), store.run(script, [], []))
    assert isinstance(first, list)
    assert isinstance(second, list)
    assert first[0] == second[0]
    info = await store.server_info()
    assert first[0] == f"{info['run_id']}:{info['master_replid']}".encode()
    assert isinstance(first[1], int)
    assert isinstance(first[2], bytes)
    assert first[1] // 1000 == int(first[2])


async def test_what_a_script_wrote_before_its_error_stays(store: Both, key: str) -> None:
    with pytest.raises(Refused, match="script test"):
        await store.run(lua("redis.call('SET', KEYS[1], 1) error('too late')"), [key], [])
    assert await store.get(key) == b"1"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("return redis.error_reply('STALE it is')", "STALE it is"),
        ("return {err = 'STALE it is'}", "STALE it is"),
        ("error({err = 'STALE it is'})", "STALE it is"),
        ("error('just text')", "just text"),
        ("return redis.call('HGET', KEYS[1], 'a')", "WRONGTYPE"),
        ("return redis.call('HGET', KEYS[1])", "[Ww]rong number of arg"),
        ("return redis.call('NOSUCH', KEYS[1])", "[Uu]nknown"),
        ("return redis.call('GET', {})", "arguments must be strings or integers"),
        ("return redis.call('HINCRBY', KEYS[2], 'a', 'x')", "not an integer"),
        ("global = 1", "readonly table"),
        ("return absent", "nonexistent global"),
        ("return )", "ompiling"),
        ("string.upper()", "bad argument"),
    ],
)
async def test_a_script_that_fails_is_refused_with_its_words(
    store: Both, key: str, text: str, told: str
) -> None:
    await store.run(lua("redis.call('SET', KEYS[1], 'x')"), [key], [])
    with pytest.raises(Refused, match=told):
        await store.run(lua(text), [key, f"{key}2"], [])


async def test_a_caught_error_is_a_table(store: Both, key: str) -> None:
    await store.run(lua("redis.call('SET', KEYS[1], 'x')"), [key], [])
    text = "local r = redis.pcall('HGET', KEYS[1], 'a') return {type(r), string.sub(r.err, 1, 9)}"
    assert await store.run(lua(text), [key], []) == [b"table", b"WRONGTYPE"]
    # The error that plain pcall catches is a table in Redis and a string in Valkey: scripts use redis.pcall.
    assert await store.run(lua("return {tostring(pcall(redis.call, 'HGET', KEYS[1], 'a'))}"), [key], []) == [
        b"false"
    ]


async def test_keys_expire_and_a_ttl_can_be_taken_back(store: Both, key: str) -> None:
    script = lua(
        "redis.call('SET', KEYS[1], 1, 'PX', 100000) local first = redis.call('PTTL', KEYS[1])\n"
        "redis.call('PEXPIRE', KEYS[1], 50000, 'LT') local second = redis.call('PTTL', KEYS[1])\n"
        "redis.call('PERSIST', KEYS[1]) local third = redis.call('PTTL', KEYS[1])\n"
        "redis.call('PEXPIRE', KEYS[1], 0)\n"
        "return {first, second, third, redis.call('EXISTS', KEYS[1])}"
    )
    assert await store.run(script, [key], []) == [100000, 50000, -1, 0]


async def test_renewals_run_the_same_scripts(store: Both, key: str) -> None:
    renewals = store.renewals()
    script = lua("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    assert await asyncio.to_thread(renewals.run, script, [key], [5]) == 5
    assert await store.run(script, [key], [2]) == 7
    renewals.close()
