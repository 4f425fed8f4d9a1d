"""`bucket.lua` on the twin and on a real server: what is granted, to whom, and what a wipe costs."""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from pydantic import SecretStr

from argosy.agents.bucket import LEASE_SECONDS, Bucket, Told, Word
from argosy.broker.keys import ModelKeys
from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.memory_server import MemoryServer
from argosy.broker.redis import RedisStore
from argosy.broker.store import Store
from argosy.schemas.settings import ModelLimits, RedisSettings
from support.leftovers import leftovers

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


class Clocked:
    """A bucket on a twin whose clock the test moves."""

    def __init__(self, **limits: float) -> None:
        self.now = 1_000_000.0
        self.server = MemoryServer(clock=lambda: self.now)
        self.bucket = bucket(MemoryRedis(self.server), "p", **limits)

    async def tell(self, *words: Word) -> Told:
        return await self.bucket.tell(words)

    async def granted(self, words: Sequence[Word]) -> list[str]:
        told = await self.tell(*words)
        return [word.call for word, wait in zip(words, told.waits_ms, strict=True) if wait is None]


def bucket(store: Store, prefix: str, **limits: float) -> Bucket:
    return Bucket(store, ModelKeys(prefix, "openai:m", "default"), ModelLimits.model_validate(limits))


def ask(call: str, agent: str = "a", tokens: int = 10, place: str | None = None) -> Word:
    return Word("ask", call, place or f"place {call}", agent, tokens)


async def test_a_new_bucket_is_empty_and_its_keys_end(store: Store) -> None:
    prefix = f"t{uuid4().hex[:12]}"
    new = bucket(store, prefix, tokens_per_minute=60, burst_seconds=60)
    told = await new.tell([ask("1", tokens=30)])
    assert told.fresh
    (wait,) = told.waits_ms
    assert wait is not None
    assert 25_000 < wait <= 30_000
    assert not (await new.tell([ask("1", tokens=30)])).fresh
    assert await leftovers(store, prefix) == []


async def test_calls_at_once_are_bounded_and_an_end_lets_the_next_in(store: Store) -> None:
    new = bucket(store, f"t{uuid4().hex[:12]}", requests_per_minute=600_000)
    for _ in range(1000):
        if None in (await new.tell([ask("1"), ask("2")])).waits_ms:
            break
    told = await new.tell([Word("end", "1", tokens=3), Word("end", "1", tokens=3), Word("drop", "2")])
    assert (told.held, told.waiting) == (0, 0)


async def test_the_rate_is_kept_to_the_token() -> None:
    clocked = Clocked(tokens_per_minute=6_000, burst_seconds=10)
    waiting = [ask(str(number), tokens=100) for number in range(100)]
    taken = 0
    await clocked.tell()
    for _ in range(200):
        clocked.now += 0.1
        got = await clocked.granted(waiting)
        taken += 100 * len(got)
        waiting = [word for word in waiting if word.call not in got]
        await clocked.tell(*(Word("end", call, tokens=100) for call in got))
    assert 1_900 <= taken <= 2_000  # the clock tells whole milliseconds


async def test_what_was_reserved_and_not_used_comes_back_and_more_than_reserved_is_owed() -> None:
    clocked = Clocked(tokens_per_minute=6_000, burst_seconds=10)
    await clocked.tell()
    clocked.now += 60
    assert await clocked.granted([ask("1", tokens=900)]) == ["1"]
    assert (await clocked.tell()).tokens == 100
    assert (await clocked.tell(Word("end", "1", tokens=50))).tokens == 950
    assert await clocked.granted([ask("2", tokens=900)]) == ["2"]
    assert (await clocked.tell(Word("end", "2", tokens=1_500))).tokens == -550


async def test_a_call_larger_than_the_bucket_takes_it_whole_and_the_rest_is_owed() -> None:
    clocked = Clocked(tokens_per_minute=6_000, burst_seconds=10)
    await clocked.tell()
    clocked.now += 9.9
    assert await clocked.granted([ask("1", tokens=5_000)]) == []
    clocked.now += 0.2
    assert await clocked.granted([ask("1", tokens=5_000)]) == ["1"]
    assert (await clocked.tell()).tokens == -4_000


async def test_a_repeat_is_the_same_reservation() -> None:
    clocked = Clocked(requests_per_minute=60, tokens_per_minute=6_000)
    await clocked.tell()
    clocked.now += 60
    for _ in range(3):
        assert await clocked.granted([ask("1", tokens=100)]) == ["1"]
    told = await clocked.tell()
    assert (told.tokens, told.requests, told.held) == (900, 9.0, 1)


async def test_an_agent_with_a_hundred_calls_does_not_starve_one_with_one() -> None:
    clocked = Clocked(requests_per_minute=60, burst_seconds=1)
    crowd = [ask(f"crowd {number}", "crowd") for number in range(100)]
    await clocked.tell(*crowd)
    lone = [ask("lone", "lone")]
    turns: list[str] = []
    for _ in range(40):
        clocked.now += 1.0
        got = await clocked.granted([*crowd, *lone])
        turns += got
        crowd = [word for word in crowd if word.call not in got]
        if "lone" in got:
            break
        lone = [word for word in lone if word.call not in got]
    assert "lone" in turns
    assert len(turns) <= 2


async def test_two_busy_agents_have_equal_shares_of_tokens_whatever_the_sizes_of_their_calls() -> None:
    clocked = Clocked(tokens_per_minute=60_000, burst_seconds=2)
    large = [ask(f"large {number}", "large", 1_000) for number in range(200)]
    small = [ask(f"small {number}", "small", 100) for number in range(200)]
    had = {"large": 0, "small": 0}
    await clocked.tell()
    for _ in range(120):
        clocked.now += 0.25
        got = set(await clocked.granted([*large, *small]))
        for word in [*large, *small]:
            had[word.agent] += word.tokens if word.call in got else 0
        large, small = ([w for w in words if w.call not in got] for words in (large, small))
        await clocked.tell(*(Word("end", call, tokens=1_000 if "large" in call else 100) for call in got))
    assert abs(had["large"] - had["small"]) <= 1_100


async def test_a_busy_server_blocks_the_whole_fleet_and_slows_it_for_a_while() -> None:
    clocked = Clocked(requests_per_minute=600, burst_seconds=10)
    await clocked.tell()
    clocked.now += 60
    assert await clocked.granted([ask("1")]) == ["1"]
    told = await clocked.tell(Word("busy", "1", ms=20_000), ask("2"), ask("3"))
    assert told.blocked_ms == 20_000
    assert told.rate_per_mille == 750
    assert told.waits_ms[0] == 20_000
    clocked.now += 19.9
    assert await clocked.granted([ask("2"), ask("3")]) == []
    clocked.now += 0.1
    assert await clocked.granted([ask("2"), ask("3")]) == ["2"]
    clocked.now += 60
    assert (await clocked.tell()).rate_per_mille == 1000


async def test_a_server_that_is_loaded_blocks_the_whole_fleet_and_slows_it_not() -> None:
    clocked = Clocked(requests_per_minute=600, burst_seconds=10)
    await clocked.tell()
    clocked.now += 60
    assert await clocked.granted([ask("1")]) == ["1"]
    told = await clocked.tell(Word("loaded", "1", ms=20_000), ask("2"))
    assert (told.blocked_ms, told.rate_per_mille, told.held) == (20_000, 1000, 0)


async def test_a_server_that_refuses_one_call_now_and_then_does_not_hold_the_fleet_down() -> None:
    clocked = Clocked(requests_per_minute=600)
    await clocked.tell()
    clocked.now += 60
    for number in range(20):
        assert await clocked.granted([ask(str(number))]) == [str(number)]
        assert (await clocked.tell(Word("busy", str(number), ms=100))).rate_per_mille >= 750
        clocked.now += 15


async def test_many_refusals_at_once_slow_it_once() -> None:
    clocked = Clocked(requests_per_minute=600)
    await clocked.tell()
    clocked.now += 60
    calls = [ask(str(number)) for number in range(10)]
    assert len(await clocked.granted(calls)) == 10
    told = await clocked.tell(*(Word("busy", word.call, ms=100) for word in calls))
    assert told.rate_per_mille == 750


async def test_who_gave_its_slot_away_comes_back_to_its_place() -> None:
    clocked = Clocked(requests_per_minute=60, burst_seconds=1)
    await clocked.tell()
    await clocked.tell(ask("a1", place="a"), ask("b1", place="b"), ask("c1", place="c"))
    await clocked.tell(Word("leave", "b1", "b", "a", 10, ms=30_000))
    clocked.now += 1
    assert await clocked.granted([ask("a1", place="a"), ask("c1", place="c")]) == ["a1"]
    clocked.now += 1
    assert await clocked.granted([ask("b2", place="b"), ask("c1", place="c")]) == ["b2"]


async def test_who_gave_its_slot_away_and_was_granted_unheard_comes_back_to_the_head() -> None:
    clocked = Clocked(requests_per_minute=60, burst_seconds=1)
    await clocked.tell()
    clocked.now += 1
    assert await clocked.granted([ask("a1", place="a")]) == ["a1"]
    told = await clocked.tell(Word("leave", "a1", "a", "a", 10, ms=30_000))
    assert (told.held, told.waiting) == (0, 1)
    assert await clocked.granted([ask("c1", place="c"), ask("a2", place="a")]) == ["a2"]


async def test_a_call_that_nobody_speaks_for_is_over_and_what_it_reserved_stays_spent() -> None:
    clocked = Clocked(calls=1, tokens_per_minute=6_000, burst_seconds=60)
    await clocked.tell()
    clocked.now += 60
    assert await clocked.granted([ask("dead", tokens=5_000)]) == ["dead"]
    assert await clocked.granted([ask("2", tokens=500)]) == []
    clocked.now += LEASE_SECONDS / 2
    assert await clocked.granted([ask("2", tokens=500)]) == []
    clocked.now += LEASE_SECONDS / 2
    assert await clocked.granted([ask("2", tokens=500)]) == ["2"]
    told = await clocked.tell(Word("end", "dead", tokens=0))
    assert told.tokens == 6_000 - 5_000 + 900 - 500


async def test_a_wiped_bucket_begins_empty_and_waits_until_calls_under_way_are_told() -> None:
    clocked = Clocked(calls=1, requests_per_minute=6_000)
    await clocked.tell()
    clocked.now += 60
    assert await clocked.granted([ask("1")]) == ["1"]
    clocked.server.wipe()
    told = await clocked.tell(ask("2"))
    assert (told.fresh, told.held, told.waits_ms[0] is None) == (True, 0, False)
    clocked.now += 1
    assert await clocked.granted([ask("2")]) == []  # whoever holds "1" may not have said so yet
    await clocked.tell(Word("hold", "1", agent="a", tokens=10))
    for _ in range(6):
        clocked.now += 1
        assert await clocked.granted([ask("2")]) == []
    await clocked.tell(Word("end", "1", tokens=10))
    assert await clocked.granted([ask("2")]) == ["2"]


async def test_another_server_has_not_what_the_first_had_saved_up() -> None:
    clocked = Clocked(tokens_per_minute=6_000, burst_seconds=10)
    await clocked.tell()
    clocked.now += 60
    assert (await clocked.tell()).tokens == 1_000
    clocked.server.restart(0)
    told = await clocked.tell()
    assert (told.fresh, told.tokens) == (True, 0)
