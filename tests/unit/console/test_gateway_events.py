"""Events over HTTP: the run's story, its end, and going on where one was cut off."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from httpx2 import Response
from pydantic import JsonValue
from pydantic_core import from_json, to_json

from argosy.broker.memory_redis import MemoryRedis
from argosy.client.connection import Argosy
from argosy.client.links import RunEvent
from argosy.console import gateway_events
from argosy.console.gateway_events import Seen
from argosy.console.gateway_feed import Feed
from argosy.schemas.errors import Unreachable
from support.gateway import Gateway, gateway_of
from support.shell_world import ShellWorld, diamond, shell_world

DIAMOND: JsonValue = from_json(to_json(diamond.compile().dump()))


@dataclass(frozen=True)
class Told:
    """One event as a browser has it; a comment has no kind."""

    kind: str
    data: dict[str, JsonValue]
    id: str


async def told(lines: AsyncIterator[str]) -> AsyncGenerator[Told]:
    fields: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield Told(fields.get("event", ""), from_json(fields.get("data", "{}")), fields.get("id", ""))
            fields = {}


@asynccontextmanager
async def gateway_world(**changes: object) -> AsyncGenerator[tuple[ShellWorld, Gateway]]:
    async with shell_world() as world:
        kafka = world.kafka.view("gateway")
        async with (
            Argosy(world.settings, kafka, MemoryRedis(world.server), world.payloads) as client,
            gateway_of(world.settings, kafka, world.payloads, client, **changes) as gateway,
        ):
            yield world, gateway


async def all_told(response: Response) -> list[Told]:
    async with asyncio.timeout(60):
        return [each async for each in told(response.aiter_lines()) if each.kind]


async def test_the_story_is_told_to_its_end() -> None:
    async with gateway_world() as (_, gateway):
        await gateway.submit(pipeline=DIAMOND, input="x", run_id="story")
        async with gateway.http.stream("GET", "/runs/story/events") as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            events = await all_told(response)
        assert [events[0].kind, events[-2].kind, events[-1].kind] == ["accepted", "ended", "end"]
        assert ("succeeded", "story/both") in [(each.kind, each.data.get("task_id")) for each in events]
        assert events[-1].data == {"run_id": "story", "outcome": "succeeded"}


async def test_the_story_of_an_ended_run_is_read_whole_however_slowly_its_reader_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with gateway_world() as (_, gateway):
        await gateway.submit(pipeline=DIAMOND, input="x", run_id="story")
        assert (await gateway.result("story")).status_code == 200
        monkeypatch.setattr(gateway_events, "LAST_SECONDS", 0.0)
        async with gateway.http.stream("GET", "/runs/story/events") as response:
            kinds = [each.kind for each in await all_told(response)]
    assert kinds.count("succeeded") == 3
    assert kinds[-2:] == ["ended", "end"]


async def test_who_waits_for_the_story_of_an_ended_run_is_told_that_we_are_there_and_at_last_its_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gateway_events, "KEEP_ALIVE_SECONDS", 0.02)
    monkeypatch.setattr(gateway_events, "LOOK_BACK_SECONDS", 0.1)
    async with gateway_world() as (_, gateway):
        await gateway.submit(pipeline=DIAMOND, input="x", run_id="story")
        assert (await gateway.result("story")).status_code == 200

        nothing: tuple[RunEvent, ...] = ()

        async def slow(*_: object) -> AsyncGenerator[RunEvent]:
            await asyncio.Event().wait()
            for event in nothing:
                yield event

        monkeypatch.setattr(Feed, "_past", slow)
        async with asyncio.timeout(60), gateway.http.stream("GET", "/runs/story/events") as response:
            lines = [line async for line in response.aiter_lines()]
    assert lines.count(": still here") >= 3
    assert [line for line in lines if line.startswith("event: ")] == ["event: end"]


async def test_a_story_that_cannot_be_read_does_not_keep_the_answer_of_an_ended_run_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with gateway_world() as (_, gateway):
        await gateway.submit(pipeline=DIAMOND, input="x", run_id="story")
        assert (await gateway.result("story")).status_code == 200

        async def unreadable(*_: object) -> AsyncGenerator[RunEvent]:
            while any(task.get_name() == "watched run's end" for task in asyncio.all_tasks()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)  # until the answer is there, which has no event
            message = "Kafka does not answer"
            raise Unreachable(message)
            yield

        monkeypatch.setattr(Feed, "_past", unreadable)
        async with gateway.http.stream("GET", "/runs/story/events") as response:
            assert [each.kind for each in await all_told(response)] == ["end"]


async def test_who_comes_back_goes_on_behind_what_it_has_seen() -> None:
    async with gateway_world() as (_, gateway):
        await gateway.submit(pipeline=DIAMOND, input="x", run_id="story")
        async with gateway.http.stream("GET", "/runs/story/events") as response:
            events = await all_told(response)
        assert len({each.id for each in events}) == len(events)
        for number, seen in enumerate(events[:-1], 1):
            last = {"Last-Event-ID": seen.id}
            async with gateway.http.stream("GET", "/runs/story/events", headers=last) as response:
                assert [each.id for each in await all_told(response)] == [each.id for each in events[number:]]
        over = await gateway.http.get("/runs/story/events", headers={"Last-Event-ID": events[-1].id})
        assert over.status_code == 204


async def test_a_quiet_run_is_kept_alive_by_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_events, "KEEP_ALIVE_SECONDS", 0.02)
    async with gateway_world() as (world, gateway):
        world.handler = lambda _: None
        await gateway.submit(pipeline=DIAMOND, input="x", run_id="quiet")
        async with gateway.http.stream("GET", "/runs/quiet/events") as response, asyncio.timeout(60):
            async for line in response.aiter_lines():
                if line.startswith(":"):
                    break


async def test_a_stop_ends_streams_and_long_polls_at_once() -> None:
    async with gateway_world() as (world, gateway):
        world.handler = lambda _: None
        await gateway.submit(pipeline=DIAMOND, input="x", run_id="stuck")
        waiting = asyncio.create_task(gateway.result("stuck", wait=60))
        async with gateway.http.stream("GET", "/runs/stuck/events") as response:
            lines = response.aiter_lines()
            async with asyncio.timeout(60):
                assert (await anext(told(lines))).data is not None
                gateway.stop.set()
                assert "end" not in [each.kind async for each in told(lines)]
                assert (await waiting).status_code == 202
                await gateway.serving


async def test_watchers_are_bounded_and_a_place_is_free_again_when_one_leaves() -> None:
    async with gateway_world(watchers=1) as (world, gateway):
        world.handler = lambda _: None
        await gateway.submit(pipeline=DIAMOND, input="x", run_id="held")
        async with gateway.http.stream("GET", "/runs/held/events") as response:
            await anext(response.aiter_lines())
            full = await gateway.http.get("/runs/held/events")
            assert full.status_code == 503
            assert full.json()["error"]["code"] == "busy"
        async with asyncio.timeout(60):
            while gateway.door.watchers.locked():  # noqa: ASYNC110 - the server learns of it in its own time
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("text", "seen"), [("12-34", Seen(12, 34)), ("", None), (None, None), ("end", None), ("1-x", None)]
)
def test_an_event_id_is_read_back_and_another_text_counts_as_none(
    text: str | None, seen: Seen | None
) -> None:
    assert Seen.parse(text) == seen
