"""A full fleet over HTTP: 429 with a time, or a wait, by choice."""

import asyncio

import pytest

from argosy.client import room
from argosy.coordinator import gate
from support.shell_world import settings_of, shell_world
from unit.console.test_gateway import HELLO, one_more
from unit.coordinator.test_admission import until_said


async def test_a_full_fleet_answers_429_with_a_time_and_lets_in_who_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(room, "FRESH_SECONDS", 0.01)
    async with shell_world(settings_of(most_runs=1)) as world, one_more(world) as gateway:
        world.handler = lambda _: None
        assert (await gateway.submit(pipeline=HELLO, input="x", run_id="one")).status_code == 202
        await until_said(world, 1)
        full = await gateway.submit(pipeline=HELLO, input="x", run_id="two")
        assert full.status_code == 429, full.text
        assert int(full.headers["retry-after"]) >= 1
        assert full.json()["error"]["code"] == "busy"
        assert "1 runs are under way, the fleet holds 1" in full.json()["error"]["what"]
        assert (await gateway.submit(pipeline=HELLO, input="x", run_id="one")).status_code == 202
        waiting = asyncio.create_task(
            gateway.submit(pipeline=HELLO, input="x", run_id="two", when_busy="wait")
        )
        world.handler = lambda _: "hi"
        answer = await waiting
        assert answer.status_code == 202, answer.text
        ended = await gateway.http.get(answer.json()["links"]["result"], params={"wait": "20"})
        assert ended.json()["result"] == "hi"
