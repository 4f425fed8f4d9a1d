"""One reader for all who watch; buffers are bounded, and who is too slow is told."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from argosy.broker.log import Follower, Outgoing, Record
from argosy.broker.memory_kafka import MemoryKafka
from argosy.client.links import RunEvent
from argosy.console import gateway_feed
from argosy.console.gateway_feed import Feed, Lagged, Watcher
from argosy.console.gateway_recent import Recent, size_of
from argosy.schemas.codec import encode_body
from argosy.schemas.envelope import Envelope
from argosy.schemas.errors import Refused
from argosy.schemas.watch import TaskProgressed

TOPIC = "argosy.events"
LATER = 2**50
"""Later than all that is there: what was read lately goes back far enough."""


def progress(run_id: str, text: str) -> Outgoing:
    body = TaskProgressed(task_id=f"{run_id}/a", attempt=1, text=text)
    headers = Envelope(kind=body.KIND, id=text, source="argosy/test", subject=run_id).headers()
    return Outgoing(TOPIC, run_id.encode(), encode_body(body), headers, 0)


@dataclass
class World:
    kafka: MemoryKafka
    made: list[Follower] = field(default_factory=list[Follower])

    async def tell(self, run_id: str, *texts: str) -> None:
        producer = await self.kafka.producer()
        for text in texts:
            await producer.send(progress(run_id, text))

    def follower(self) -> Follower:
        self.made.append(self.kafka.follower(TOPIC))
        return self.made[-1]


@asynccontextmanager
async def feed_world() -> AsyncGenerator[tuple[World, Feed]]:
    world = World(MemoryKafka())
    world.kafka.broker.create(TOPIC, 1)
    feed = Feed(world.follower)
    running = asyncio.create_task(feed.run(), name="feed")
    try:
        yield world, feed
    finally:
        running.cancel()
        await asyncio.wait({running})


def text_of(event: RunEvent | Lagged) -> str:
    assert isinstance(event, RunEvent)
    assert isinstance(event.message, TaskProgressed)
    return event.message.text


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


async def take(events: AsyncGenerator[RunEvent | Lagged], count: int) -> list[str]:
    async with asyncio.timeout(60):
        return [text_of(await anext(events)) for _ in range(count)]


async def test_a_hundred_watchers_are_served_by_one_reader() -> None:
    async with feed_world() as (world, feed):
        first = feed.events("run-0", None)
        await world.tell("run-0", "hello")
        assert await take(first, 1) == ["hello"]
        many = [feed.events(f"run-{1 + number % 10}", LATER) for number in range(100)]
        begun = [asyncio.create_task(take(each, 2)) for each in many]
        await until(lambda: feed.watchers == 101)
        for number in range(1, 11):
            await world.tell(f"run-{number}", "one", "two")
        assert await asyncio.gather(*begun) == [["one", "two"]] * 100
        assert len(world.made) == 2  # the shared one, and what read the past for the first watcher
        for each in (first, *many):
            await each.aclose()


async def test_who_comes_back_soon_is_served_from_what_was_read_lately() -> None:
    async with feed_world() as (world, feed), aclosing(feed.events("run", LATER)) as events:
        taking = asyncio.create_task(take(events, 3))
        await until(lambda: feed.reading)
        await world.tell("run", "a", "b", "c")
        assert await taking == ["a", "b", "c"]
        async with aclosing(feed.events("run", LATER)) as again:
            assert await take(again, 3) == ["a", "b", "c"]
        assert len(world.made) == 1


async def test_what_happened_before_the_reader_began_is_read_from_the_topic_and_nothing_comes_twice() -> None:
    async with feed_world() as (world, feed):
        await world.tell("run", "a", "b")
        await world.tell("other", "x")
        async with aclosing(feed.events("run", None)) as events:
            assert await take(events, 2) == ["a", "b"]
            await world.tell("run", "c")
            assert await take(events, 1) == ["c"]


async def test_a_watcher_that_is_too_slow_is_told_how_much_it_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_feed, "MOST_EVENTS", 3)
    async with feed_world() as (world, feed):
        slow, quick = feed.events("run", None), feed.events("run", None)
        await world.tell("run", "0")
        assert await take(slow, 1) == await take(quick, 1) == ["0"]
        for number in range(1, 11):
            await world.tell("run", str(number))
            assert await take(quick, 1) == [str(number)]
        assert await anext(slow) == Lagged(7)
        assert await take(slow, 3) == ["8", "9", "10"]
        await slow.aclose()
        await quick.aclose()


async def test_a_buffer_is_bounded_in_bytes_too() -> None:
    watcher = Watcher()
    event = RunEvent("x", None, TaskProgressed(task_id="r/a", attempt=1, text=""), 0, 0)
    for _ in range(3):
        watcher.put(event, gateway_feed.MOST_BYTES // 2)
    assert await watcher.get() == Lagged(1)
    assert await watcher.get() == event


async def test_an_error_ends_who_watches_and_reading_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_feed, "AGAIN_SECONDS", 0.0)
    async with feed_world() as (world, feed):
        await world.tell("run", "a")
        events = feed.events("run", None)
        assert await take(events, 1) == ["a"]

        async def refuse(_: float) -> tuple[Record, ...]:
            raise Refused("reading argosy.events is not allowed")

        monkeypatch.setattr(world.made[0], "read", refuse)
        with pytest.raises(Refused):
            await take(events, 1)
        async with aclosing(feed.events("run", None)) as again:
            assert await take(again, 1) == ["a"]


async def test_the_reader_stops_when_nobody_watches_and_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_feed, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(gateway_feed, "READ_SECONDS", 0.01)
    async with feed_world() as (world, feed):
        assert world.made == []
        for number in range(2):
            await world.tell("run", str(number))
            async with aclosing(feed.events("run", None)) as events:
                assert await take(events, number + 1) == [str(each) for each in range(number + 1)]
            await until(lambda: not feed.reading)
        assert len(world.made) == 4


def test_what_is_kept_lately_is_bounded_and_says_from_when_on_it_is_whole() -> None:
    def record(run_id: str, at_ms: int) -> Record:
        return Record(TOPIC, 0, at_ms, at_ms, run_id.encode(), b"x" * 100, ())

    recent = Recent(5, most_bytes=2 * size_of(record("a", 0)))
    for number, run_id in enumerate(("a", "b", "a"), 10):
        recent.add(run_id, record(run_id, number))
    assert [each.offset for each in recent.of("a")] == [12]
    assert [each.offset for each in recent.of("b")] == [11]
    assert (recent.of("c"), recent.since_ms) == ((), 11)
