"""What the twin of Redis can do to those who use it."""

import asyncio

import pytest

from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.memory_server import MemoryServer
from argosy.broker.script import Script
from argosy.schemas.errors import Refused, Unreachable

PUT = Script.of_text(
    "put", "redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) return redis.call('HLEN', KEYS[1])"
)
WHO = Script.of_text("who", "--! prelude\nreturn {identity(), now_ms()}")


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


def store_at(clock: Clock | None = None) -> MemoryRedis:
    return MemoryRedis(MemoryServer(clock=clock or Clock(), seed="5eed"))


async def test_nothing_takes_effect_while_it_is_down() -> None:
    store = store_at()
    store.server.down()
    with pytest.raises(Unreachable):
        await store.run(PUT, ["h"], ["a", 1])
    store.server.up()
    assert await store.hgetall("h") == {}


async def test_a_lost_request_has_no_effect_and_a_lost_reply_has() -> None:
    store = store_at()
    store.server.lose_requests()
    with pytest.raises(Unreachable):
        await store.run(PUT, ["h"], ["a", 1])
    store.server.lose_replies()
    with pytest.raises(Unreachable):
        await store.run(PUT, ["h"], ["b", 1])
    assert await store.hgetall("h") == {b"b": b"1"}


async def test_a_call_takes_effect_though_its_caller_is_cancelled() -> None:
    store = store_at()
    call = asyncio.create_task(store.run(PUT, ["h"], ["a", 1]), name="call")
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await store.hgetall("h") == {b"a": b"1"}


async def test_a_full_server_refuses_and_changes_nothing() -> None:
    store = store_at()
    store.server.refuse()
    with pytest.raises(Refused, match="OOM"):
        await store.run(PUT, ["h"], ["a", 1])
    store.server.refuse("")
    assert await store.hgetall("h") == {}


async def test_a_rollback_takes_back_whole_scripts_newest_first() -> None:
    store = store_at()
    for number in range(5):
        await store.run(PUT, ["h"], [f"f{number}", number])
    await store.get("nothing")
    assert store.server.rollback(2) == 2
    assert sorted(await store.hgetall("h")) == [b"f0", b"f1", b"f2"]
    assert store.server.rollback(99) == 3
    assert store.server.dump() == {}


async def test_a_rollback_brings_back_a_key_that_expired_in_between() -> None:
    clock = Clock()
    store = store_at(clock)
    await store.run(PUT, ["h"], ["a", 1])
    await store.command(b"PEXPIRE", b"h", b"10")
    clock.seconds += 1
    assert await store.hgetall("h") == {}
    store.server.rollback(1)
    assert await store.hgetall("h") == {b"a": b"1"}
    assert await store.ttl_ms("h") == -1


async def test_a_restart_is_another_server_and_a_failover_back_has_an_old_run_id() -> None:
    store = store_at()
    first = store.server.identity
    store.server.failover()
    second = store.server.identity
    store.server.failover()
    third = store.server.identity
    assert len({first, second, third}) == 3
    assert first.split(":")[0] == third.split(":")[0]
    reply = await store.run(WHO, [], [])
    assert isinstance(reply, list)
    assert reply[0] == third.encode()
    store.server.restart()
    assert store.server.identity.split(":")[0] not in {first.split(":")[0], second.split(":")[0]}


async def test_a_wipe_changes_no_identity() -> None:
    store = store_at()
    before = store.server.identity
    await store.run(PUT, ["h"], ["a", 1])
    store.server.wipe()
    assert store.server.dump() == {}
    assert store.server.identity == before


async def test_time_is_the_clock_given_to_it() -> None:
    clock = Clock()
    store = store_at(clock)
    await store.run(PUT, ["h"], ["a", 1])
    await store.command(b"PEXPIRE", b"h", b"1500")
    assert await store.ttl_ms("h") == 1500
    clock.seconds += 1.5
    assert await store.hgetall("h") == {b"a": b"1"}  # it lives to its last millisecond
    clock.seconds += 0.001
    assert await store.hgetall("h") == {}
    reply = await store.run(WHO, [], [])
    assert isinstance(reply, list)
    assert reply[1] == 1_000_001_501


async def test_a_script_can_touch_only_the_keys_it_was_given() -> None:
    script = Script.of_text("sly", "return redis.call('GET', KEYS[1] .. 'x')")
    with pytest.raises(Refused, match="kx"):
        await store_at().run(script, ["k"], [])


async def test_an_unknown_command_is_a_loud_error() -> None:
    with pytest.raises(Refused, match=r"unknown command 'GEOADD'"):
        await store_at().command(b"GEOADD", b"k")


async def test_one_process_can_be_cut_off_alone() -> None:
    server = MemoryServer()
    deaf, other = MemoryRedis(server), MemoryRedis(server)
    deaf.deafen()
    with pytest.raises(Unreachable):
        await deaf.run(PUT, ["h"], ["a", 1])
    with pytest.raises(Unreachable):
        deaf.renewals().run(PUT, ["h"], ["a", 1])
    assert await other.run(PUT, ["h"], ["b", 2]) == 1
    deaf.heal()
    assert await deaf.run(PUT, ["h"], ["a", 1]) == 2


async def test_clients_share_a_server_and_a_closed_one_is_unreachable() -> None:
    server = MemoryServer()
    one, other = MemoryRedis(server), MemoryRedis(server)
    await one.run(PUT, ["h"], ["a", 1])
    assert other.renewals().run(PUT, ["h"], ["b", 2]) == 2
    await one.close()
    with pytest.raises(Unreachable):
        await one.get("h")
    assert len(await other.hgetall("h")) == 2
