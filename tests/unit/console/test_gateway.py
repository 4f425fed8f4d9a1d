"""HTTP submits: acknowledged, idempotent by run id, refused with the field's path, bounded."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from pydantic_core import from_json, to_json

from argosy import Pipeline
from argosy.broker.memory_redis import MemoryRedis
from argosy.client.connection import Argosy
from argosy.coordinator.registry import publish
from argosy.schemas.fault import Fault
from argosy.schemas.pipeline import CompiledPipeline
from support.gateway import Gateway, gateway_of
from support.shell_world import ShellWorld, first, hello, many, patient, shell_world
from support.waiting import eventually

HELLO = from_json(to_json(hello.compile().dump()))
_waits = Pipeline("waits", takes=str, gives=str)
_ok = _waits.approval("Good?", about=_waits.input, name="ok", within_seconds=600)
_told = _waits.signal("told", str, within_seconds=600)
_waits.returns(_waits.step(first, _told, when=_ok.pick(lambda answer: answer.approved)))
WAITS = from_json(to_json(_waits.compile().dump()))
MANY = from_json(to_json(many.compile().dump()))


@asynccontextmanager
async def gateway_world(**changes: object) -> AsyncGenerator[tuple[ShellWorld, Gateway]]:
    async with shell_world() as world, one_more(world, **changes) as gateway:
        yield world, gateway


@asynccontextmanager
async def one_more(world: ShellWorld, **changes: object) -> AsyncGenerator[Gateway]:
    kafka = world.kafka.view(f"gateway-{id(changes)}")
    async with (
        Argosy(world.settings, kafka, MemoryRedis(world.server), world.payloads) as client,
        gateway_of(world.settings, kafka, world.payloads, client, **changes) as gateway,
    ):
        yield gateway


async def publish_it(world: ShellWorld, gateway: Gateway, pipeline: CompiledPipeline) -> None:
    await publish(await world.kafka.producer(), world.names, pipeline, "test")
    assert await gateway.door.registry.find(pipeline.name, 10) is not None


async def test_a_submit_is_acknowledged_and_its_result_comes_by_a_long_poll() -> None:
    async with gateway_world() as (world, gateway):
        world.handler = lambda _: "hi"
        answer = await gateway.submit(pipeline=HELLO, input="x", run_id="one")
        assert answer.status_code == 202, answer.text
        found = answer.json()
        assert found["run_id"] == "one"
        assert answer.headers["location"] == found["links"]["result"]
        ended = await gateway.http.get(found["links"]["result"], params={"wait": "20"})
        assert ended.status_code == 200, ended.text
        assert {key: ended.json()[key] for key in ("run_id", "outcome", "result")} == {
            "run_id": "one",
            "outcome": "succeeded",
            "result": "hi",
        }
        state = await gateway.http.get("/runs/one")
        assert state.json() == {"run_id": "one", "state": "succeeded"}


async def test_a_submit_without_an_id_gets_one() -> None:
    async with gateway_world() as (_, gateway):
        answer = (await gateway.submit(pipeline=HELLO, input="x")).json()
        assert len(answer["run_id"]) == 26
        assert (await gateway.result(answer["run_id"])).status_code == 200


async def test_a_published_pipeline_is_named_and_its_input_is_checked_at_once() -> None:
    async with gateway_world() as (world, gateway):
        await publish_it(world, gateway, many.compile())
        answer = await gateway.submit(pipeline="many@1", input=["a", "b"], run_id="named")
        assert answer.status_code == 202
        assert (await gateway.result("named")).json()["result"] == ["done", "done"]
        refused = await gateway.submit(pipeline="many", input=["a", 7])
        assert refused.status_code == 422
        assert refused.json()["error"]["field"] == "input.1"
        assert refused.json()["error"]["what"].startswith("input.1: 7 is not")


async def test_a_repeat_is_the_same_run_and_other_data_is_a_conflict() -> None:
    async with shell_world(patient()) as world, one_more(world) as gateway:
        first = await gateway.submit(pipeline=HELLO, input="x", run_id="twice")
        result = await gateway.result("twice")
        again = await gateway.submit(pipeline=HELLO, input="x", run_id="twice")
        assert again.status_code == 202
        assert (await gateway.result("twice")).content == result.content
        other = await gateway.submit(pipeline=HELLO, input="y", run_id="twice")
        assert other.status_code == 409
        assert other.json()["error"]["code"] == "run_conflict"
        assert other.json()["error"]["run_id"] == "twice"
        assert len([order for order in world.seen if order.task_id == "twice/first"]) == 1
        assert (await gateway.result("twice", receipt=first.json()["receipt"])).status_code == 200


async def test_a_conflict_that_was_not_seen_at_once_is_told_to_who_brings_the_receipt() -> None:
    async with gateway_world() as (world, gateway):
        world.server.down()
        first = await gateway.submit(pipeline=HELLO, input="x", run_id="race")
        second = await gateway.submit(pipeline=HELLO, input="y", run_id="race")
        world.server.up()
        assert (first.status_code, second.status_code) == (202, 202)
        found = {
            (await gateway.result("race", receipt=each.json()["receipt"])).status_code
            for each in (first, second)
        }
        assert found == {200, 409}


async def test_who_asks_too_early_is_told_to_ask_again() -> None:
    async with gateway_world() as (world, gateway):
        world.handler = lambda _: None
        await gateway.submit(pipeline=HELLO, input="x", run_id="slow")
        early = await gateway.result("slow", wait=0)
        assert early.status_code == 202, early.text
        assert early.headers["retry-after"] == "1"
        assert early.json()["state"] in ("submitted", "running")
        waited = await gateway.result("slow", wait=0.05)
        assert waited.status_code == 202
        world.handler = lambda _: "at last"
        assert (await gateway.result("slow")).status_code == 200


async def test_a_failed_run_is_a_result_too_and_says_why() -> None:
    async with gateway_world() as (world, gateway):
        world.handler = lambda _: Fault(code="rejected", message="no way")
        await gateway.submit(pipeline=HELLO, input="x", run_id="bad")
        ended = await gateway.result("bad")
        assert ended.status_code == 200
        assert ended.json()["outcome"] == "failed"
        assert ended.json()["fault"]["message"] == "no way"
        assert ended.json()["result"] is None


async def test_a_run_that_nobody_knows_is_not_found() -> None:
    async with gateway_world() as (_, gateway):
        for path in ("/runs/nobody", "/runs/nobody/result?wait=1", "/runs/nobody/events"):
            answer = await gateway.http.get(path)
            assert answer.status_code == 404, path
            assert set(answer.json()["error"]) == {"code", "what", "why", "do"}


async def test_another_gateway_answers_the_same() -> None:
    async with gateway_world() as (world, gateway):
        submitted = (await gateway.submit(pipeline=HELLO, input="x", run_id="moved")).json()
        await gateway.result("moved")
        refused = (await gateway.submit(pipeline="unheard-of", input=1, run_id="unheard")).json()
        assert (await gateway.result("unheard")).status_code == 422
        async with one_more(world) as other:
            assert (await other.result("moved")).json()["result"] == "done"
            assert (await other.result("moved", receipt=submitted["receipt"])).status_code == 200
            for receipt in (refused["receipt"], None):
                answer = await other.result("unheard", receipt=receipt)
                assert answer.status_code == 422
                assert answer.json()["error"]["field"] == "pipeline"


async def test_a_result_that_the_payload_store_lost_is_gone() -> None:
    async with gateway_world() as (world, gateway):
        world.handler = lambda _: "x" * 100_000
        await gateway.submit(pipeline=HELLO, input="x", run_id="large")
        assert len((await gateway.result("large")).json()["result"]) == 100_000
        world.payloads.collect(-1)
        gone = await gateway.result("large")
        assert gone.status_code == 410, gone.text
        assert gone.json()["error"]["code"] == "payload_gone"


async def test_what_waits_is_listed_and_answered() -> None:
    async with gateway_world() as (_, gateway):
        await gateway.submit(pipeline=WAITS, input="plan", run_id="asks")

        async def both() -> bool:
            waiting = (await gateway.http.get("/runs/asks/waiting")).json()["waiting"]
            return len(waiting) == 2 and all(
                one["about_sha256"] for one in waiting if one["kind"] == "approval"
            )

        await eventually(both, "an approval and a signal")
        waiting = (await gateway.http.get("/runs/asks/waiting")).json()["waiting"]
        asked = next(one for one in waiting if one["kind"] == "approval")
        assert (asked["step"], asked["question"], asked["about"]) == ("ok", "Good?", "plan")
        answer = {"step": "ok", "approved": True, "by": "ann"}
        refused = await gateway.http.post("/runs/asks/approve", json=answer)
        assert (refused.status_code, refused.json()["error"]["field"]) == (422, "about_sha256")
        told = await gateway.http.post(
            "/runs/asks/approve", json={**answer, "about_sha256": asked["about_sha256"]}
        )
        assert told.status_code == 202, told.text
        told = await gateway.http.post(
            "/runs/asks/signal", json={"step": "told", "value": "x", "signal_id": "1"}
        )
        assert told.status_code == 202, told.text
        assert (await gateway.result("asks")).json()["outcome"] == "succeeded"
        assert (await gateway.http.get("/runs/asks/waiting")).json()["waiting"] == []
        assert (await gateway.http.post("/runs/asks/signal", json={"value": 1})).status_code == 422


async def test_a_cancel_ends_the_run() -> None:
    async with gateway_world() as (world, gateway):
        world.handler = lambda _: None
        await gateway.submit(pipeline=HELLO, input="x", run_id="stop-me")
        waiting = asyncio.create_task(gateway.result("stop-me"))
        answer = await gateway.http.post("/runs/stop-me/cancel", json={"reason": "enough"})
        assert answer.status_code == 202
        assert (await waiting).json()["outcome"] == "cancelled"
        assert (await gateway.http.post("/runs/stop-me/cancel")).status_code == 202, "idempotent"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "body"),
        (b'{"pipeline": "p", "input": NaN}', "body"),
        (b"[]", "body"),
        (b"{}", "pipeline"),
        (b'{"pipeline": "p", "priority": "high"}', "priority"),
        (b'{"pipeline": "p", "run_id": "no/good"}', "run_id"),
        (b'{"pipeline": "p", "retries": 3}', "retries"),
        (b'{"pipeline": {"argosy": "pipeline/1"}}', "pipeline.name"),
    ],
)
async def test_bad_input_is_refused_with_the_path_of_the_field(body: bytes, field: str) -> None:
    async with gateway_world() as (_, gateway):
        answer = await gateway.http.post("/runs", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, answer.text
        assert answer.json()["error"]["field"] == field
        assert answer.json()["error"]["do"]


async def test_a_pipeline_that_can_not_run_is_refused_at_once() -> None:
    async with gateway_world() as (_, gateway):
        broken = from_json(to_json(HELLO))
        broken["returns"] = {"from": "nowhere"}
        answer = await gateway.submit(pipeline=broken, input="x")
        assert answer.status_code == 422
        assert answer.json()["error"]["field"].startswith("pipeline")
        wrong = await gateway.submit(pipeline=MANY, input="no list")
        assert wrong.json()["error"]["field"] == "input"


async def test_kafka_away_is_said_with_the_id_to_repeat() -> None:
    async with gateway_world() as (world, gateway):
        world.kafka.broker.deadline_seconds = 0.1
        world.kafka.broker.stop()
        answer = await gateway.submit(pipeline=HELLO, input="x")
        ready = await gateway.http.get("/ready")
        world.kafka.broker.start()
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        error = answer.json()["error"]
        assert error["code"] == "unreachable"
        assert (ready.status_code, (await gateway.http.get("/ready")).status_code) == (503, 200)
        repeated = await gateway.submit(pipeline=HELLO, input="x", run_id=error["run_id"])
        assert repeated.status_code == 202
        assert (await gateway.result(error["run_id"])).status_code == 200


async def test_the_caller_s_trace_goes_on_in_the_run() -> None:
    async with gateway_world() as (world, gateway):
        trace = "0af7651916cd43dd8448eb211c80319c"
        headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
        body = {"pipeline": HELLO, "input": "x", "run_id": "traced"}
        assert (await gateway.http.post("/runs", json=body, headers=headers)).status_code == 202
        follower = world.kafka.follower(world.names.inbox)
        await follower.start(beginning=True)
        (record,) = await follower.read(5)
        assert trace in dict(record.headers)["traceparent"].decode()


async def test_a_budget_is_refused_at_once_and_nothing_is_sent() -> None:
    async with shell_world() as world:
        world.settings.fleet = world.settings.fleet.model_copy(update={"rules": 1})
        async with one_more(world) as gateway:
            refused = await gateway.submit(pipeline=HELLO, input="x", run_id="held", budget=1000)
            assert refused.status_code == 422
            assert refused.json()["error"]["field"] == "budget"
            assert (await gateway.http.get("/runs/held")).status_code == 404
            assert not world.seen


async def test_an_input_over_the_limit_is_refused_at_once_and_nothing_is_sent() -> None:
    async with shell_world() as world:
        world.settings.fleet = world.settings.fleet.model_copy(update={"hard_input_bytes": 100_000})
        async with one_more(world) as gateway:
            refused = await gateway.submit(pipeline=HELLO, input="x" * 100_000, run_id="large")
            assert refused.status_code == 422
            error = refused.json()["error"]
            assert "100002 bytes as JSON; 100000 is the most" in error["why"]
            assert error["do"]
            assert (
                await gateway.submit(pipeline=HELLO, input="x" * 99_998, run_id="fits")
            ).status_code == 202
            assert (await gateway.result("fits")).json()["outcome"] == "succeeded"


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/nowhere", 404, "no route"),
        ("GET", "/runs/nobody", 404, "never submitted"),
        ("DELETE", "/runs/x", 405, "GET"),
        ("POST", "/runs", 415, "Content-Type"),
        ("GET", "/runs/x/result?wait=soon", 422, "checked before"),
        ("GET", "/runs/a b", 422, "checked before"),
    ],
)
async def test_each_refusal_says_what_and_why_and_what_to_do(
    method: str, path: str, status: int, words: str
) -> None:
    async with gateway_world() as (_, gateway):
        answer = await gateway.http.request(method, path)
        error = answer.json()["error"]
        assert answer.status_code == status
        assert words in error["why"]
        assert error["what"]
        assert error["do"]
