"""The one connection to a real server: order, timeouts, refusals, and coming back."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from argosy.broker.keys import LaneKeys
from argosy.broker.redis import RedisStore
from argosy.broker.redis_errors import ACL_RULES
from argosy.broker.redis_pipe import RedisPipe
from argosy.broker.script import Script
from argosy.broker.server_check import check_server
from argosy.schemas.errors import ConfigurationError, Refused, Unreachable
from argosy.schemas.settings import RedisSettings
from support.listening import listening
from support.valkey import Valkey

APPEND = Script.of_text("append", "return redis.call('RPUSH', KEYS[1], ARGV[1])")
COUNT = Script.of_text("count", "return redis.call('INCR', KEYS[1])")


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    with Valkey(tmp_path, "--appendonly", "yes", "--appendfsync", "always") as server:
        yield server


@pytest.fixture
async def store(valkey: Valkey) -> AsyncIterator[RedisStore]:
    store = valkey.store()
    yield store
    await store.close()


async def test_calls_of_one_turn_are_done_in_the_order_they_were_made(store: RedisStore) -> None:
    calls = [store.run(APPEND, ["list"], [number]) for number in range(300)]
    assert await asyncio.gather(*calls) == list(range(1, 301))
    assert await store.command(b"LRANGE", b"list", b"0", b"-1") == [b"%d" % number for number in range(300)]


async def test_each_caller_gets_its_own_reply_or_error(store: RedisStore) -> None:
    wrong = Script.of_text("wrong", "return redis.error_reply('MINE alone')")
    replies = await asyncio.gather(
        store.run(COUNT, ["n"], []),
        store.run(wrong, [], []),
        store.run(COUNT, ["n"], []),
        return_exceptions=True,
    )
    assert (replies[0], replies[2]) == (1, 2)
    assert isinstance(replies[1], Refused)
    assert "script wrong" in str(replies[1])
    assert "MINE alone" in str(replies[1])


async def test_a_caller_that_goes_away_takes_no_other_ones_reply(store: RedisStore) -> None:
    await store.run(COUNT, ["n"], [])
    gone = asyncio.create_task(store.run(COUNT, ["n"], []), name="gone")
    stays = asyncio.create_task(store.run(COUNT, ["n"], []), name="stays")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays in {2, 3}
    count = await store.get("n")
    assert await store.run(COUNT, ["n"], []) == int(count or 0) + 1


async def test_a_script_that_the_server_forgot_is_sent_again_whole(store: RedisStore) -> None:
    assert await store.run(COUNT, ["n"], []) == 1
    await store.command(b"SCRIPT", b"FLUSH")
    assert await asyncio.gather(*(store.run(COUNT, ["n"], []) for _ in range(3))) == [2, 3, 4]
    assert await store.run(COUNT, ["n"], []) == 5


async def test_no_answer_in_time_is_unreachable_and_the_connection_is_given_up(valkey: Valkey) -> None:
    store = valkey.store(timeout_seconds=0.3)
    await answered(store)
    valkey.pause()
    try:
        with pytest.raises(Unreachable, match="no reply within") as caught:
            await store.run(COUNT, ["n"], [])
        assert f"127.0.0.1:{valkey.port}" in str(caught.value)
        with pytest.raises(Unreachable):
            await store.get("n")
    finally:
        valkey.go_on()
    patient = valkey.store()
    count = int(await patient.get("n") or 0)
    assert count in {0, 1}  # whether it took effect is unknown to its caller, and nobody did it twice
    assert await patient.run(COUNT, ["n"], []) == count + 1
    await patient.close()
    await store.close()


async def answered(store: RedisStore) -> None:
    """Have it connected, however often a busy server is too late for it."""
    while True:
        try:
            await store.get("nothing")
        except Unreachable:
            continue
        return


async def test_it_comes_back_after_the_server_was_killed(valkey: Valkey, store: RedisStore) -> None:
    assert await store.run(COUNT, ["n"], []) == 1
    valkey.kill()
    waiting = asyncio.create_task(store.run(COUNT, ["n"], []), name="waiting")
    await asyncio.sleep(0)
    valkey.start()
    try:
        first = await waiting
    except Unreachable:  # it was written to the dead connection
        first = None
    second = await store.run(COUNT, ["n"], [])
    assert (first, second) in {(None, 2), (None, 3), (2, 3)}


async def test_calls_in_flight_when_the_server_dies_are_unreachable(
    valkey: Valkey, store: RedisStore
) -> None:
    assert await store.run(COUNT, ["n"], []) == 1
    valkey.pause()
    calls = [asyncio.create_task(store.run(COUNT, ["n"], []), name=f"call {n}") for n in range(5)]
    await asyncio.to_thread(lambda: None)
    await asyncio.to_thread(valkey.kill)
    replies = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(reply, Unreachable) for reply in replies)


async def test_a_connection_that_the_loop_finds_closed_as_it_writes_is_lost_and_made_anew(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await store.run(COUNT, ["n"], []) == 1

    async def closed(*_: object, **__: object) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

    with monkeypatch.context() as broken:
        broken.setattr("redis.asyncio.connection.AbstractConnection.send_packed_command", closed)
        with pytest.raises(Unreachable, match="the handler is closed"):
            await store.run(COUNT, ["n"], [])
    assert await store.run(COUNT, ["n"], []) == 2


async def test_so_is_one_that_the_loop_finds_closed_in_its_handshake(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = RedisPipe(valkey.url, timeout_seconds=2.0)

    async def closed(*_: object, **__: object) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

    with monkeypatch.context() as broken:
        broken.setattr("redis.asyncio.connection.AbstractConnection.send_packed_command", closed)
        with pytest.raises(Unreachable, match="the handler is closed"):
            await pipe.call((b"PING",), "ping")
    assert await pipe.call((b"PING",), "ping") == b"PONG"
    await pipe.close()


async def test_nobody_there_is_unreachable_and_says_why() -> None:
    settings = RedisSettings.model_validate({"url": "redis://127.0.0.1:1/0", "timeout_seconds": 0.2})
    store = RedisStore(settings)
    with pytest.raises(Unreachable, match="REDIS_URL") as caught:
        await store.get("n")
    assert "127.0.0.1:1" in str(caught.value)
    with pytest.raises(Unreachable, match="REDIS_URL"):
        store.renewals().run(COUNT, ["n"], [])
    await store.close()


async def test_while_nobody_is_there_what_was_answered_does_not_pile_up() -> None:
    pipe = RedisPipe("redis://127.0.0.1:1/0", timeout_seconds=0.05)
    calls = [pipe.call((b"PING",), "ping") for _ in range(20)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unreachable}
    assert len(pipe._unwritten) == 0  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the leak
    await pipe.close()


async def test_a_closed_store_answers_at_once(valkey: Valkey) -> None:
    store = valkey.store()
    await store.get("n")
    await store.close()
    with pytest.raises(Unreachable, match="closed"):
        await store.get("n")


async def test_a_wrong_password_is_refused_and_never_shown(tmp_path: Path) -> None:
    with Valkey(tmp_path, "--requirepass", "right") as server:
        for password in ("", ":wr0ng@"):
            url = server.url.replace("redis://", f"redis://{password}")
            store = server.store(url=url)
            with pytest.raises(Refused, match="password") as caught:
                await store.get("n")
            assert "wr0ng" not in str(caught.value)
            with pytest.raises(Refused, match="password"):
                store.renewals().run(COUNT, ["n"], [])
            await store.close()
        right = server.store(url=server.url.replace("redis://", "redis://:right@"))
        assert await right.run(COUNT, ["n"], []) == 1
        await right.close()


async def test_an_acl_user_works_and_what_it_may_not_do_is_refused(valkey: Valkey, store: RedisStore) -> None:
    await store.command(b"ACL", b"SETUSER", b"ada", b"on", b">pw", b"~argosy:*", b"+@all", b"-unlink")
    user = valkey.store(url=valkey.url.replace("redis://", "redis://ada:pw@"))
    assert await user.run(COUNT, ["argosy:n"], []) == 1
    with pytest.raises(Refused, match="ACL SETUSER"):
        await user.delete(["argosy:n"])
    with pytest.raises(Refused, match="ACL user"):
        await user.get("other")
    await user.close()


async def test_the_rules_that_we_tell_are_enough_for_an_acl_user_and_no_more(
    valkey: Valkey, store: RedisStore
) -> None:
    rules = ACL_RULES.encode().split()
    await store.command(b"ACL", b"SETUSER", b"bob", b"on", b">pw", b"~argosy:*", *rules)
    user = valkey.store(url=valkey.url.replace("redis://", "redis://bob:pw@"))
    keys = LaneKeys("argosy", 1)
    script = Script.of_text(
        "all", "--! prelude\nredis.call('HSET', KEYS[1], 'a', 1) return {identity(), now_ms()}"
    )
    assert isinstance(await user.run(script, [keys.checkpoint], []), list)
    assert user.renewals().run(script, [keys.checkpoint], [])
    assert await user.hgetall(keys.checkpoint) == {b"a": b"1"}
    assert [key async for key in user.scan("argosy:*")] == [keys.checkpoint.encode()]
    assert await check_server(user) == []
    assert await user.delete([keys.checkpoint]) == 1
    for forbidden in ((b"FLUSHALL",), (b"CONFIG", b"GET", b"*"), (b"KEYS", b"*"), (b"GET", b"other")):
        with pytest.raises(Refused, match="ACL SETUSER"):
            await user.command(*forbidden)
    await user.close()


async def test_a_full_server_refuses_and_says_what_to_do(valkey: Valkey, store: RedisStore) -> None:
    await store.run(COUNT, ["n"], [])
    await store.command(b"CONFIG", b"SET", b"maxmemory", b"1")
    with pytest.raises(Refused, match="maxmemory") as caught:
        await store.run(COUNT, ["n"], [])
    assert "noeviction" in str(caught.value)
    await store.command(b"CONFIG", b"SET", b"maxmemory", b"0")
    assert await store.run(COUNT, ["n"], []) == 2
    assert valkey.port


async def test_a_server_with_too_many_clients_is_waited_for(tmp_path: Path) -> None:
    with Valkey(tmp_path, "--maxclients", "1") as server:
        first, second = server.store(), server.store(timeout_seconds=0.3)
        assert await first.run(COUNT, ["n"], []) == 1
        with pytest.raises(Unreachable):  # if the reset overtakes the server's words, without them
            await second.run(COUNT, ["n"], [])
        await first.close()
        await second.close()
        third = server.store()
        assert await third.run(COUNT, ["n"], []) == 2
        await third.close()


async def test_a_replica_refuses_writes(valkey: Valkey, store: RedisStore) -> None:
    await store.command(b"REPLICAOF", b"127.0.0.1", b"1")
    with pytest.raises(Refused, match="primary"):
        await store.run(COUNT, ["n"], [])
    assert [finding.what for finding in await check_server(store) if finding.severity == "error"] == [
        "Redis is a replica"
    ]
    await store.command(b"REPLICAOF", b"NO", b"ONE")
    assert await store.run(COUNT, ["n"], []) == 1
    assert valkey.port


async def test_an_evicting_server_is_found(store: RedisStore) -> None:
    assert await check_server(store) == []
    await store.command(b"CONFIG", b"SET", b"maxmemory-policy", b"allkeys-lru")
    (finding,) = await check_server(store)
    assert (finding.severity, "allkeys-lru" in finding.what) == ("error", True)


async def test_a_promotion_changes_the_identity_that_scripts_see(store: RedisStore) -> None:
    who = Script.of_text("who", "--! prelude\nreturn identity()")
    before = await store.run(who, [], [])
    await store.command(b"REPLICAOF", b"127.0.0.1", b"1")
    await store.command(b"REPLICAOF", b"NO", b"ONE")
    after = await store.run(who, [], [])
    assert isinstance(before, bytes)
    assert isinstance(after, bytes)
    assert before != after
    assert before.split(b":")[0] == after.split(b":")[0]


async def test_renewals_have_their_own_connection_and_come_back(valkey: Valkey, store: RedisStore) -> None:
    renewals = store.renewals()
    try:
        assert renewals.run(COUNT, ["n"], []) == 1
        await store.command(b"SCRIPT", b"FLUSH")
        assert renewals.run(COUNT, ["n"], []) == 2
        await asyncio.to_thread(valkey.kill)
        with pytest.raises(Unreachable):
            renewals.run(COUNT, ["n"], [])
        await asyncio.to_thread(valkey.start)
        assert renewals.run(COUNT, ["n"], []) == 3
    finally:
        renewals.close()


def test_a_url_that_is_none_is_a_configuration_error() -> None:
    for url in ("http://example.org", "redis://localhost:port/0", "redis://["):
        with pytest.raises(ConfigurationError, match="redis://host"):
            RedisStore(RedisSettings.model_validate({"url": url}))


async def test_tls_is_spoken_where_the_url_asks_for_it() -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.put_nowait(await reader.read(2))
        writer.close()

    async with listening(listen) as port:
        url = f"rediss://ada:secret@127.0.0.1:{port}/0"
        store = RedisStore(RedisSettings.model_validate({"url": url, "timeout_seconds": 0.5}))
        handshake = b"\x16\x03"
        with pytest.raises(Unreachable) as caught:
            await store.get("n")
        assert "secret" not in str(caught.value)
        assert await heard.get() == handshake
        with pytest.raises(Unreachable):
            await asyncio.to_thread(store.renewals().run, COUNT, ["n"], [])
        assert await heard.get() == handshake
        await store.close()
