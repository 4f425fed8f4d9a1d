"""Producers before real processes: many submits, Kafka that restarts under them, a gateway that drains."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from httpx2 import AsyncClient
from pydantic_core import from_json

from argosy.client.connection import Argosy
from argosy.schemas.errors import ResultTimeout
from argosy.schemas.watch import TextStreamed
from support.http_results import ended_by_http
from support.producers import TOKEN, Producers
from support.talkative import Said, Talk, talkative
from support.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

MANY = 400
ENDED_SECONDS = 150.0


def http_of(producers: Producers) -> AsyncClient:
    return AsyncClient(
        base_url=producers.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=90, trust_env=False
    )


async def test_many_submits_at_once_are_all_acknowledged_and_all_end(producers: Producers) -> None:
    async with Argosy.connect(producers.fleet.settings) as client:
        talks = (Talk(words=[f"word{number}"]) for number in range(MANY))
        runs = [
            run
            async for run in client.submit_many(
                talkative, talks, run_id=lambda talk: f"many-{talk.words[0]}", in_flight=64
            )
        ]
        assert len(runs) == MANY
        results = await asyncio.gather(*(run.result(timeout_seconds=ENDED_SECONDS) for run in runs))
        assert results == [Said(text=f"word{number}") for number in range(MANY)]


async def test_streamed_text_comes_while_the_agent_works(producers: Producers, tmp_path: Path) -> None:
    async with Argosy.connect(producers.fleet.settings) as client:
        gate = tmp_path / "go-on"
        run = await client.submit(talkative, Talk(words=["one", "two", "three"], until=str(gate)))
        text: list[str] = []
        async with asyncio.timeout(ENDED_SECONDS):
            async for event in run.events():
                if isinstance(event.message, TextStreamed):
                    text.append(event.message.text)
                    if len(text) == 2:
                        assert await run.state() == "running"
                        gate.touch()
        assert text == ["one", "two", "three"]
        assert (await run.result(timeout_seconds=ENDED_SECONDS)).text == "one two three"


async def test_a_killed_workers_text_is_void_once_another_claim_streams(
    producers: Producers, tmp_path: Path
) -> None:
    async with Argosy.connect(producers.fleet.settings) as client:
        gate = tmp_path / "go-on"
        run = await client.submit(talkative, Talk(words=["one ", "two ", "three"], until=str(gate)))
        text = ""
        restarts = 0
        async with asyncio.timeout(ENDED_SECONDS):
            async for piece in run.texts():
                text = piece.text if piece.restarted else text + piece.text
                restarts += piece.restarted
                if piece.text == "two ":
                    if restarts:
                        gate.touch()
                    else:
                        await producers.fleet.kill("worker-1")
        assert text == "one two three"
        assert restarts == 1


async def test_a_client_goes_on_when_kafka_was_killed_under_it(producers: Producers, tmp_path: Path) -> None:
    async with Argosy.connect(producers.fleet.settings) as client:
        gate = tmp_path / "go-on"
        run = await client.submit(talkative, Talk(words=["before", "after"], until=str(gate)))
        waiting = asyncio.create_task(run.result(timeout_seconds=ENDED_SECONDS))
        await producers.fleet.kill("kafka")
        await producers.fleet.stack.supervisor.until_ready("kafka")
        gate.touch()
        assert (await waiting).text == "before after"
        again = await client.submit(talkative, Talk(words=["on"]))
        assert (await again.result(timeout_seconds=ENDED_SECONDS)).text == "on"


async def test_events_go_on_when_kafka_was_killed_under_who_watches(
    producers: Producers, tmp_path: Path
) -> None:
    async with Argosy.connect(producers.fleet.settings) as client:
        gate = tmp_path / "go-on"
        run = await client.submit(talkative, Talk(words=["before", "and", "after"], until=str(gate)))
        kinds: list[str] = []
        text: list[str] = []
        async with asyncio.timeout(ENDED_SECONDS):
            async for event in run.events():
                kinds.append(event.kind)
                if isinstance(event.message, TextStreamed):
                    text.append(event.message.text)
                    if len(text) == 2:
                        await producers.fleet.kill("kafka")
                        await producers.fleet.stack.supervisor.until_ready("kafka")
                        gate.touch()
        assert text == ["before", "and", "after"]
        assert kinds[-1] == "ended"


async def test_who_waits_with_a_deadline_is_told_that_it_is_over_and_the_run_goes_on(
    producers: Producers, tmp_path: Path
) -> None:
    async with Argosy.connect(producers.fleet.settings) as client:
        gate = tmp_path / "go-on"
        run = await client.submit(talkative, Talk(words=["in", "the", "end"], until=str(gate)))
        with pytest.raises(ResultTimeout, match=r"has not ended within 0\.2 s"):
            await run.result(timeout_seconds=0.2)
        gate.touch()
        assert (await run.result(timeout_seconds=ENDED_SECONDS)).text == "in the end"


async def test_the_gateway_serves_a_run_from_submit_to_its_end(producers: Producers) -> None:
    async with http_of(producers) as http:
        body = {"pipeline": "talkative", "input": {"words": ["a", "b"]}, "run_id": "by-http"}
        submitted = await http.post("/runs", json=body)
        assert submitted.status_code == 202, submitted.text
        ended = await ended_by_http(http, submitted.json()["links"]["result"])
        assert ended.json()["result"] == {"text": "a b"}
        events = (await http.get("/runs/by-http/events")).text
        assert "event: text.streamed" in events
        assert events.rstrip().splitlines()[-1] == 'data: {"run_id":"by-http","outcome":"succeeded"}'
        repeated = await http.post("/runs", json={**body, "input": {"words": ["c"]}})
        assert repeated.status_code == 409
        refused = await http.post("/runs", json={**body, "input": {"words": ["a", 7]}, "run_id": "wrong"})
        assert refused.status_code == 422
        assert refused.json()["error"]["field"] == "input.words.1"
        assert (await http.get("/runs/by-http", headers={"Authorization": ""})).status_code == 401


async def test_a_large_input_and_result_pass_through_the_gateway(producers: Producers) -> None:
    async with http_of(producers) as http:
        words = ["x" * 200_000]
        body = {"pipeline": "talkative", "input": {"words": words}, "run_id": "large"}
        assert (await http.post("/runs", json=body)).status_code == 202
        ended = await ended_by_http(http, "/runs/large/result")
        assert ended.json().get("result") == {"text": words[0]}, ended.text[:500]


async def test_the_gateway_outlives_a_kill_of_kafka_and_of_redis(
    producers: Producers, tmp_path: Path
) -> None:
    async with http_of(producers) as http:
        gate = tmp_path / "go-on"
        talk = {"words": ["still", "here"], "until": str(gate)}
        assert (
            await http.post("/runs", json={"pipeline": "talkative", "input": talk, "run_id": "kept"})
        ).is_success
        waiting = asyncio.create_task(http.get("/runs/kept/result", params={"wait": "60"}))
        for server in ("kafka", "valkey"):
            await producers.fleet.kill(server)
            await producers.fleet.stack.supervisor.until_ready(server)
        gate.touch()

        async def ended() -> bool:
            answer = await http.get("/runs/kept/result", params={"wait": "5"})
            return answer.status_code == 200 and answer.json()["result"] == {"text": "still here"}

        await eventually(ended, "the run's result by HTTP", seconds=ENDED_SECONDS)
        await waiting


async def test_a_gateway_that_is_stopped_answers_who_waits_and_ends_well(
    producers: Producers, tmp_path: Path
) -> None:
    gate = tmp_path / "go-on"
    async with http_of(producers) as http:
        talk = {"words": ["at", "last"], "until": str(gate)}
        assert (
            await http.post("/runs", json={"pipeline": "talkative", "input": talk, "run_id": "drain"})
        ).is_success
        async with http.stream("GET", "/runs/drain/events") as events:
            lines = events.aiter_lines()
            async for line in lines:
                if line.startswith("event: "):  # it was accepted: whoever asks the next gateway finds it
                    break
            written = asyncio.Event()

            async def trace(event: str, _: object) -> None:
                if event.endswith("send_request_body.complete"):
                    written.set()

            poll = http.get("/runs/drain/result", params={"wait": "60"}, extensions={"trace": trace})
            waiting = asyncio.create_task(poll)
            async with asyncio.timeout(ENDED_SECONDS):
                await written.wait()
            # What was asked later is answered: then the long poll has come too, and waits as the gateway stops.
            await http.get("/health")
            assert not waiting.done()
            producers.ready_file.unlink()
            await producers.fleet.stack.supervisor.restart("gateway")
            assert (await waiting).status_code == 202
            assert "event: end" not in [line async for line in lines]
    gate.touch()
    async with http_of(producers) as http:
        ended = await ended_by_http(http, "/runs/drain/result")
        assert from_json(ended.content)["result"] == {"text": "at last"}
    log = (producers.fleet.stack.folder / "logs" / "gateway.log").read_text("utf-8")
    assert "Traceback" not in log, log


async def test_ten_thousand_submits_in_one_go_are_acknowledged_with_progress(
    producers: Producers, tmp_path: Path
) -> None:
    lines = "".join(f'{{"words": ["{number}"]}}\n' for number in range(10_000))
    (tmp_path / "inputs").write_text(lines)
    words = ("run", "talkative", "--each", "inputs", "--detach", "--run-id", "batch")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", "argosy", *words),
        cwd=tmp_path,
        env={**os.environ, **producers.fleet.environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    acknowledged = [from_json(line)["run_id"] for line in out.splitlines()]
    assert acknowledged == [f"batch-{number}" for number in range(1, 10_001)]
    told = [line for line in err.decode().splitlines() if line.endswith("acknowledged")]
    assert told[-1] == "10000 acknowledged"
    numbers = [int(line.split()[0]) for line in told]
    assert numbers == sorted(numbers)
    assert len(numbers) > 1  # while it goes on, not only in the end
