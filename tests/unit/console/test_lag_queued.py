"""What coordinators keep in Redis, told by agent: held back by a window, in retry; and what can't be told."""

from argosy.broker.keys import LaneKeys
from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.store import Script, Store
from argosy.console.lag_amount import Amount
from argosy.console.lag_queued import MOST_ENTRIES, UNKNOWN
from argosy.console.lag_queued import queued as queued_within
from argosy.console.lag_standing import DispatchWindow, Queued
from argosy.coordinator.kept import Pinned
from argosy.coordinator.timers import member_of
from argosy.coordinator.windows import START, Bounds
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.pipeline import Pipeline
from argosy.schemas.payload import Inline

NOW = 1_000_000
EPOCH = "7"
KEYS = LaneKeys("p", 1)
BOUNDS = Bounds(least=2, most=256, ahead_ms=5_000)
_HSET = Script.of_text("hset", "return redis.call('HSET', KEYS[1], unpack(ARGV))")
_SADD = Script.of_text("sadd", "return redis.call('SADD', KEYS[1], unpack(ARGV))")
_ZADD = Script.of_text("zadd", "return redis.call('ZADD', KEYS[1], unpack(ARGV))")


@agent
async def critic(ctx: Context, text: str) -> str:
    """Criticise."""
    return f"{ctx.task_id} {text}"


pages = Pipeline("pages", takes=list[str], gives=list[str])
pages.returns(pages.map(critic, over=pages.input, name="each"))


async def queued(store: Store, key_prefix: str, lanes: int, now_ms: int) -> dict[str, Queued]:
    return await queued_within(store, key_prefix, lanes, now_ms, BOUNDS)


async def lane() -> Store:
    """Make the second of two lanes; the first one nobody has taken yet."""
    store = MemoryRedis()
    fields = ["epoch", EPOCH, "next", "5", "layout", "1"]
    await store.run(_HSET, [KEYS.checkpoint], fields)
    return store


async def test_a_fleet_that_has_nothing_has_no_queues() -> None:
    assert await queued(await lane(), "p", 2, NOW) == {}


async def test_ranges_that_wait_for_a_window_count_each_of_their_tasks_and_the_oldest() -> None:
    store = await lane()
    await store.run(_SADD, [KEYS.ready_agents(EPOCH)], ["critic", "idle"])
    ready: list[str | int | bytes] = [NOW - 9_000, "r|each|1|10|50", NOW - 3_000, "r|one|2|-|-"]
    await store.run(_ZADD, [KEYS.ready(EPOCH, "critic")], ready)
    found = await queued(store, "p", 2, NOW)
    assert {name: each.held.messages for name, each in found.items()} == {"critic": 41, "idle": 0}
    assert found["critic"].held == Amount(41, 9.0)


async def test_windows_are_told_as_they_stand_in_all_lanes_that_had_tasks_of_the_agent() -> None:
    store = await lane()
    await store.run(_HSET, [LaneKeys("p", 0).checkpoint], ["epoch", EPOCH, "next", "5", "layout", "1"])
    for keys in (KEYS, LaneKeys("p", 0)):
        await store.run(_SADD, [keys.ready_agents(EPOCH)], ["critic"])
    await store.run(_SADD, [KEYS.ready_agents(EPOCH)], ["planner"])
    await store.run(_HSET, [KEYS.windows(EPOCH)], ["critic", "7", "planner", "1"])
    found = await queued(store, "p", 2, NOW)
    assert found["critic"].window == DispatchWindow(7 + START, lanes=2, smallest=7, largest=START)
    assert found["planner"].window == DispatchWindow(
        2, lanes=1, smallest=2, largest=2
    )  # never below the least


async def test_more_entries_than_are_read_are_said_to_be_an_estimate() -> None:
    store = await lane()
    await store.run(_SADD, [KEYS.ready_agents(EPOCH)], ["critic"])
    many: list[str | int | bytes] = [
        part for number in range(MOST_ENTRIES + 5) for part in (NOW + number, f"r|s{number}|1|-|-")
    ]
    for first in range(0, len(many), 500):
        await store.run(_ZADD, [KEYS.ready(EPOCH, "critic")], many[first : first + 500])
    held = (await queued(store, "p", 2, NOW))["critic"].held
    assert (held.messages, held.estimated) == (MOST_ENTRIES, True)


async def test_tasks_in_retry_are_told_by_the_agent_of_their_runs_plan_and_others_as_nobodys() -> None:
    store = await lane()
    pinned = Pinned(
        rules=2, identity="one", input=Inline(value=[], bytes=2, tokens=1), data_hash="h",
        submitted_ms=1, accepted_ms=1, deadline_ms=NOW * 2,
    )  # fmt: skip
    plan = pages.compile().model_dump_json()
    await store.run(_HSET, [KEYS.run(EPOCH, "r")], ["run", pinned.model_dump_json(), "plan", plan])
    timers: list[str | int | bytes] = [
        *(NOW + 30_000, member_of("r", "retry:each.3")),
        *(NOW + 20_000, member_of("r", "retry:each.4")),
        *(NOW + 1_000, member_of("r", "retry:nothing")),
        *(NOW + 1_000, member_of("gone", "retry:each")),
        *(NOW + 90_000, member_of("r", "deadline")),
    ]
    await store.run(_ZADD, [KEYS.timers(EPOCH)], timers)
    found = await queued(store, "p", 2, NOW)
    assert (found["critic"].retry, found["critic"].retry_due_seconds) == (Amount(2), 20.0)
    assert found[UNKNOWN].retry == Amount(2)
