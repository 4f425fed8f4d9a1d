"""Streamed text over a cut connection and a second attempt: who reads it has the text of the newest one."""

import pytest

from argosy.agents import openai_client
from argosy.agents.models import Models
from argosy.client.links import read_events
from argosy.client.streamed import Piece, Streams
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.schemas.errors import ModelFailed
from argosy.testing import Rule, Script, ScriptedModels
from argosy.testing.model_faults import Cut
from support.worker_bench import Bench, input_of, memory_bench

TASK = "run-1/shout"
TEXT = "one two three four five six"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_client, "FIRST_WAIT_SECONDS", 0.0)


async def ready() -> Bench:
    bench, _, _ = memory_bench()
    await bench.create("shout")
    await bench.live()
    await bench.run("run-1", shout="r 1")
    return bench


async def pieces(bench: Bench) -> tuple[Streams, list[Piece]]:
    streams, found = Streams(), list[Piece]()
    for number in range(bench.settings.kafka.inbox_partitions):
        async for record in bench.cluster.scan(bench.partition(bench.topics.events, number), 0):
            for event in read_events(record):
                if (piece := streams.take(event.message)) is not None:
                    found.append(piece)
    return streams, found


async def test_a_cut_stream_fails_the_attempt_and_the_next_one_begins_the_text_anew() -> None:
    @agent(name="shout", model="openai:m", reserve=100)
    async def shout(ctx: Context, text: str) -> str:
        said = ""
        async for piece in ctx.model.stream(text):
            await ctx.stream(piece)
            said += piece
        return said

    script = Script(rules=[Rule(name="all", replies=[TEXT], faults=[Cut(after=3, last=1)])])
    bench = await ready()
    async with ScriptedModels(script) as server, server.client() as client:
        async with bench.worker(shout, models=Models(client, server.settings)):
            await bench.order(shout, TASK, input_of("text", "say it"))
            (first,) = await bench.until_settled()
            await bench.run("run-1", shout="r 2")
            await bench.order(shout, TASK, input_of("text", "say it"), attempt=2)
            _, second = await bench.until_settled(2)
        assert first.fault is not None
        assert first.fault.code == ModelFailed.code
        assert second.outcome == "succeeded"
        streams, found = await pieces(bench)
    assert streams.text(TASK) == TEXT
    assert [piece.attempt for piece in found if piece.restarted] == [2]
    assert any(piece.attempt == 1 for piece in found)
    assert all(piece.missed == 0 for piece in found)


async def test_a_handler_that_asks_again_itself_says_that_it_begins_anew() -> None:
    @agent(name="shout", model="openai:m", reserve=100)
    async def shout(ctx: Context, text: str) -> str:
        said, restart = "", False
        for _ in range(2):
            try:
                async for piece in ctx.model.stream(text):
                    await ctx.stream(piece, restart=restart)
                    said, restart = said + piece, False
            except ModelFailed:
                said, restart = "", True
        return said

    script = Script(rules=[Rule(name="all", replies=[TEXT], faults=[Cut(after=3, last=1)])])
    bench = await ready()
    async with ScriptedModels(script) as server, server.client() as client:
        async with bench.worker(shout, models=Models(client, server.settings)):
            await bench.order(shout, TASK, input_of("text", "say it"))
            await bench.until_settled()
        streams, found = await pieces(bench)
    assert streams.text(TASK) == TEXT
    assert [piece.restarted for piece in found].count(True) == 1
