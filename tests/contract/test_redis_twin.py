"""What the twin of Redis once did otherwise than a real Valkey, and what random lives can't show of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.broker.memory_server import MemoryServer
from argosy.broker.script import Script
from argosy.console.ports import free_ports
from argosy.schemas.errors import Refused
from support.effort import TIMEOUT_SECONDS, effort
from support.redis_calls import BEGIN, CALLS, Call
from support.redis_ops import ALL_KEYS, FAMILIES, MANY, Op, batches
from support.redis_pair import IDENTITY, RedisPair
from support.valkey import Valkey

pytestmark = pytest.mark.timeout(TIMEOUT_SECONDS)

A, B = b"{t}a", b"{t}b"
ONCE_OTHERWISE: dict[str, tuple[Op, ...]] = {
    "a time to live that overflows is refused": (
        (b"SET", A, b"x"),
        *((name, A, b"9223372036854775807") for name in (b"EXPIRE", b"PEXPIRE", b"EXPIREAT")),
        (b"SET", A, b"x", b"EX", b"9223372036854775807"),
    ),
    "the amount is read before the key": (
        (b"SADD", A, b"m"),
        (b"INCRBY", A, b"+1"),
        (b"DECRBY", A, b" 1"),
        (b"HINCRBY", A, b"f", b"no"),
        (b"ZRANGEBYSCORE", A, b"(1", b"1", b"LIMIT", b"0", b"x"),
        (b"ZRANGE", A, b"+inf", b"no", b"BYSCORE"),
        (b"ZCOUNT", A, b"no", b"1"),
    ),
    "the least integer can't be taken away": ((b"DECRBY", A, b"-9223372036854775808"),),
    "a score that no double holds is refused": tuple(
        (name, A, score, b"m")
        for name in (b"ZADD", b"ZINCRBY")
        for score in (b"1e400", b"-1e400", b"1e-400", b"0x10", b"nan", b"1_0", b"0e5", b"infinity")
    ),
    "minus zero is told and not kept": ((b"ZINCRBY", A, b"-0", b"m"), (b"ZSCORE", A, b"m")),
    "a number is printed with few zeros, then with an exponent": tuple(
        part
        for score in (b"1e15", b"1e17", b"4.7e18", b"1e-5", b"1e-7", b"1.5e-7", b"95661826.22642337", b"1e22")
        for part in ((b"ZADD", A, score, b"m"), (b"ZSCORE", A, b"m"))
    ),
    "a ping is answered with its word": ((b"PING",), (b"PING", b"word"), (b"PING", b"two", b"words")),
}
SCRIPTS_ONCE_OTHERWISE = {
    "numbers beyond 64 bits are cut as C cuts them": "return {2^63, -2^63, 0/0, 1/0, -1/0, 2^53}",
    "numbers as arguments are printed as scores are": (
        "for i, n in ipairs({1e15, 1e17, 4.7e18, 2^63, -2^63, 1e-5, -0, 0/0, 1/0, 95661826.25}) do"
        " redis.call('HSET', KEYS[1], i, n) end return redis.call('HVALS', KEYS[1])"
    ),
    "a call of nothing is an error": "return redis.pcall()",
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisPair]:
    with Valkey(tmp_path_factory.mktemp("valkey")) as server:
        both = RedisPair(server)
        yield both
        both.close()


@pytest.mark.parametrize("name", ONCE_OTHERWISE)
def test_of_commands(pair: RedisPair, name: str) -> None:
    pair.clear()
    for operation in ONCE_OTHERWISE[name]:
        replies = pair.command(*operation)
        assert pair.same(replies), (operation, replies)
    assert pair.same(pair.dumps())


@pytest.mark.parametrize("name", SCRIPTS_ONCE_OTHERWISE)
def test_of_scripts(pair: RedisPair, name: str) -> None:
    pair.clear()
    replies = pair.script(Script.of_text("test", SCRIPTS_ONCE_OTHERWISE[name]), ALL_KEYS, [])
    assert pair.same(replies), replies
    assert pair.same(pair.dumps())


def test_a_key_is_there_in_its_last_millisecond_and_gone_in_the_next(pair: RedisPair) -> None:
    """The real server is looked at until it was seen in both; the twin's clock is set to them."""
    pair.clear()
    look = Script.of_text(
        "look", "--! prelude\nlocal now = now_ms()\nreturn {now, redis.call('EXISTS', KEYS[1])}"
    )
    put = Script.of_text(
        "put",
        "--! prelude\nlocal at = now_ms() + ARGV[1]\nredis.call('SET', KEYS[1], 'x', 'PXAT', at)\nreturn at",
    )
    found: dict[int, int] = {}
    while not found.keys() >= {0, 1}:
        at_ms = pair.ask_real(put, ALL_KEYS[:1], [3])
        assert isinstance(at_ms, int)
        late_ms = -1
        while late_ms <= 1:
            reply = pair.ask_real(look, ALL_KEYS[:1], [])
            assert isinstance(reply, list)
            now_ms, there = reply
            assert isinstance(now_ms, int)
            assert isinstance(there, int)
            late_ms = now_ms - at_ms
            found[late_ms] = there
    now = 1_000.0
    twin = MemoryServer(clock=lambda: now)
    at_ms = twin.script(put, [A], [b"500"])
    assert isinstance(at_ms, int)
    for late_ms in (-1, 0, 1):
        now = (at_ms + late_ms) / 1000
        reply = twin.script(look, [A], [])
        assert reply == [at_ms + late_ms, found[late_ms] if late_ms >= 0 else 1]


def test_a_restart_is_another_identity_with_the_same_keys_and_without_scripts(tmp_path: Path) -> None:
    with Valkey(tmp_path, "--appendonly", "yes", "--appendfsync", "always") as server:
        pair = RedisPair(server)
        pair.script(BEGIN[0].script, BEGIN[0].keys, BEGIN[0].args)
        pair.command(b"ZADD", B, b"1", b"m")
        before = pair.identities
        pair.restart()
        assert all(now != then for now, then in zip(pair.identities, before, strict=True))
        dumps = pair.dumps()
        assert pair.same(dumps), dumps
        for call in BEGIN:
            assert pair.same(pair.script(call.script, call.keys, call.args)), call
        pair.close()


def test_keys_of_two_slots_are_refused_as_a_cluster_refuses_them(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with Valkey(
        tmp_path_factory.mktemp("cluster"),
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        str(free_ports(1)[0]),
    ) as server:
        pair = RedisPair(server)
        pair.wait_for(b"CLUSTER", b"ADDSLOTSRANGE", b"0", b"16383", has=b"OK")
        pair.wait_for(b"CLUSTER", b"INFO", has=b"cluster_state:ok")
        count = Script.of_text("count", "return #KEYS")
        for keys in (
            ["a", "b"],
            ["{t}a", "{t}b"],
            ["{a}x", "{b}x"],
            ["a{}b", "a{}c"],
            ["{x", "{x"],
            ["a}{t}", "t"],
        ):
            replies = pair.script(count, keys, [])
            assert pair.same(replies), (keys, replies)
            replies = pair.command(b"UNLINK", *(key.encode() for key in keys))
            assert pair.same(replies), (keys, replies)
        pair.close()


def test_a_key_that_a_script_did_not_declare_is_refused_though_a_single_server_lets_it_pass() -> None:
    twin = MemoryServer()
    with pytest.raises(Refused, match=r"didn't declare: \{t\}b"):
        twin.script(Script.of_text("strays", "return redis.call('MGET', KEYS[1], ARGV[1])"), [A], [B])


@effort(150)
@given(
    commands=st.sampled_from(FAMILIES).flatmap(lambda family: st.lists(family, min_size=20, max_size=60)),
    lost=st.integers(0, 20),
)
def test_a_rollback_gives_back_exactly_what_was_there_before(commands: list[Op], lost: int) -> None:
    twin = MemoryServer()
    dumps = [(twin.dump(), twin.expiries())]
    for batch in batches(commands, 2):
        units = twin.writes
        twin.script(MANY, *MANY.encode(ALL_KEYS, batch))
        if twin.writes > units:
            dumps.append((twin.dump(), twin.expiries()))
        else:
            assert (twin.dump(), twin.expiries()) == dumps[-1]
    taken = twin.rollback(lost)
    assert taken == min(lost, len(dumps) - 1)
    assert (twin.dump(), twin.expiries()) == dumps[len(dumps) - 1 - taken]


@effort(50)
@given(calls=st.lists(CALLS, max_size=15))
def test_our_scripts_may_be_repeated_at_once(calls: list[Call]) -> None:
    """Who gets no answer asks again. Nothing more happens then, but that a lease that is over counts."""
    twin = MemoryServer(clock=lambda: 1_000_000.0)
    for call in (*BEGIN, *calls):
        args = [twin.identity if arg == IDENTITY else arg for arg in call.args]
        twin.script(call.script, *call.script.encode(call.keys, args))
        before = twin.dump(), twin.expiries()
        twin.script(call.script, *call.script.encode(call.keys, args))
        lease_is_over = any(isinstance(arg, int) and arg < 0 for arg in args)
        assert lease_is_over or (twin.dump(), twin.expiries()) == before, call
