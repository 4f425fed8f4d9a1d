"""What a bucket tells to people who look: its own figures, and what has flown in since."""

from argosy.agents.bucket import Bucket, Word
from argosy.agents.bucket_figures import buckets, model_waits
from argosy.broker.keys import ModelKeys
from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.memory_server import MemoryServer
from argosy.console.limits import cells
from argosy.schemas.settings import ModelLimits


async def test_figures_are_those_of_the_bucket() -> None:
    now = 1_000_000.0
    store = MemoryRedis(MemoryServer(clock=lambda: now))
    limits = ModelLimits(requests_per_minute=600, tokens_per_minute=6_000, calls=4, burst_seconds=10)
    bucket = Bucket(store, ModelKeys("p", "openai:a/b", "team"), limits)
    await bucket.tell([])
    now += 60
    await bucket.tell([Word("ask", str(n), f"place {n}", "crowd", 200) for n in range(6)])
    now += 1
    (found,) = await buckets(store, "p", round(now * 1000))
    assert (found.model, found.key_name, found.limits) == ("openai:a/b", "team", limits)
    assert (found.tokens, found.requests) == (1_000 - 800 + 100, 100)
    assert (found.calls, found.waiting, found.granted, found.refused) == (4, {"crowd": 2}, 4, 0)
    assert cells(found)[4:6] == ("4 of 4", "crowd 2")
    await bucket.tell([Word("busy", "0", ms=20_000)])
    (found,) = await buckets(store, "p", round(now * 1000))
    assert (found.blocked_seconds, found.rate, found.refused) == (20.0, 0.75, 1)
    assert "75%" in cells(found)


async def test_without_calls_there_is_nothing_to_tell() -> None:
    assert await buckets(MemoryRedis(), "p", 0) == ()


async def test_tasks_of_a_run_that_wait_are_found_with_their_place_also_while_their_slot_is_given_away() -> (
    None
):
    now = 1_000_000.0
    store = MemoryRedis(MemoryServer(clock=lambda: now))
    bucket = Bucket(store, ModelKeys("p", "openai:a", "default"), ModelLimits(requests_per_minute=6))
    await bucket.tell(
        [Word("ask", "c1", "other/x#1:0", "crowd", 50), Word("ask", "c2", "r/a#2:0", "crowd", 70)]
    )
    found = await buckets(store, "p", round(now * 1000))
    (waits,) = await model_waits(store, "p", found, "r", round(now * 1000))
    assert (waits.task_id, waits.attempt, waits.tokens, waits.ahead) == ("r/a", 2, 70, 1)
    assert waits.bucket.model == "openai:a"
    await bucket.tell([Word("leave", "c2", "r/a#2:0", "crowd", 70, 8_000)])
    (waits,) = await model_waits(store, "p", found, "r", round(now * 1000))
    assert waits.ahead is None
    assert await model_waits(store, "p", found, "nobody", round(now * 1000)) == ()
    now += 60
    assert await model_waits(store, "p", found, "r", round(now * 1000)) == ()
