"""Bad input from clients in any language: refused with the field and the reason, or the run fails and says why."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import JsonValue

from argosy.broker.log import Outgoing
from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.topics import TopicNames
from argosy.client.answers import read_answer
from argosy.coordinator import accept
from argosy.coordinator.learnt import Factors
from argosy.coordinator.registry import Registry, publish
from argosy.schemas.envelope import Envelope
from argosy.schemas.errors import BadArgument, RunFailed, RunRefused
from argosy.schemas.ids import lane_of
from argosy.schemas.inbox import RunSubmitted
from argosy.schemas.payload import Inline
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.result import SubmitRefused
from argosy.schemas.runlog import TaskSettled
from argosy.schemas.task import TaskDispatched
from support.all_logged import all_logged
from support.shell_world import ShellWorld, client_of, diamond, hello, many, shell_world
from support.waiting import eventually

Change = Callable[[dict[str, Any]], object]
SUBMIT = "run.submitted"


def put(*way: str | int, value: object) -> Change:
    """Change one field of a pipeline's JSON."""

    def change(document: dict[str, Any]) -> None:
        found: Any = document
        for part in way[:-1]:
            found = found[part]
        found[way[-1]] = value

    return change


def twice(name: str) -> JsonValue:
    both: list[JsonValue] = [{"$ref": f"#/schemas/{name}"}] * 2
    return {"allOf": both}


DOUBLING: dict[str, JsonValue] = {
    **{f"S{number}": twice(f"S{number + 1}") for number in range(40)},
    "S40": {"type": "string"},
}
"""Each line sends the value through the next one twice."""

WRONG: dict[str, tuple[Change, str]] = {
    "a cycle": (put("steps", 0, "inputs", 0, "from", value="both"), "wait for each other"),
    "a step that reads itself": (put("steps", 0, "inputs", 0, "from", value="first"), "wait for each other"),
    "an unknown ref": (put("steps", 2, "inputs", 1, "from", value="nope"), "reads 'nope'"),
    "an unknown agent": (put("steps", 1, "agent", value="nope"), "runs the agent 'nope'"),
    "an unknown step returned": (put("returns", "from", value="nope"), "returns nothing"),
    "an input that is not fed": (put("steps", 2, "inputs", 1, "name", value="left"), "feeds 'left' twice"),
    "a join that nothing can miss": (put("steps", 2, "join", value={"policy": "any"}), "join=any"),
    "a field of another release": (put("steps", 0, "colour", value="red"), "Extra inputs"),
    "a select that is no JMESPath": (put("returns", "select", value="a["), "Invalid jmespath"),
    "a schema that takes for ever": (
        lambda document: document.update(takes={"$ref": "#/schemas/S0"}, schemas=DOUBLING),
        "pipeline.takes: to check 1 values by it",
    ),
    "an endless number": (put("deadline_seconds", value=10**400), "deadline_seconds"),
}


def body_of(pipeline: CompiledPipeline, value: JsonValue, *changes: Change) -> bytes:
    """Write a submit as another language would."""
    document: dict[str, Any] = json.loads(json.dumps(pipeline.dump()))
    for change in changes:
        change(document)
    return json.dumps({"pipeline": document, "input": value}).encode()


async def submit(world: ShellWorld, run_id: str, body: bytes) -> str:
    """Send it; return its position in the inbox."""
    return await world.send(world.names.inbox, Envelope(SUBMIT, run_id, "test", subject=run_id), body)


async def refusal(world: ShellWorld, position: str) -> SubmitRefused:
    """Wait for the answer to one submit."""
    follower = world.kafka.follower(TopicNames(world.settings.kafka.topic_prefix).results)
    await follower.start(beginning=True)
    async with asyncio.timeout(60):
        while True:
            for record in await follower.read(1.0):
                found = read_answer(record)
                body = found and found[1]
                if isinstance(body, SubmitRefused) and body.position == position:
                    return body


async def order_of(world: ShellWorld) -> TaskDispatched:
    """Wait for the first task that goes out."""
    await world.until(lambda: len(world.seen) > 0)
    return world.seen[0]


def orders_of(world: ShellWorld) -> dict[str, TaskDispatched]:
    """Return what went out for each run: an order that nobody answers is sent again and again."""
    return {order.task_id.split("/")[0]: order for order in world.seen}


@pytest.mark.parametrize("case", WRONG)
async def test_a_pipeline_that_can_not_be_is_refused_and_says_where(case: str) -> None:
    change, text = WRONG[case]
    async with shell_world() as world:
        refused = await refusal(world, await submit(world, "bad", body_of(diamond.compile(), "x", change)))
        assert refused.reason == "invalid"
        assert refused.field.split(".")[0] == "pipeline"
        assert text in f"{refused.field}: {refused.message}"
        assert not world.seen


HUGE = b"1e999"


@pytest.mark.parametrize(
    "way", [("takes", "maximum"), ("steps", 0, "inputs", 0, "value"), ("deadline_seconds",)]
)
async def test_a_number_that_no_float_holds_is_refused_and_ends_no_coordinator(
    way: tuple[str | int, ...],
) -> None:
    body = body_of(diamond.compile(), "x", put(*way, value="HUGE")).replace(b'"HUGE"', HUGE)
    async with shell_world() as world, client_of(world) as client:
        refused = await refusal(world, await submit(world, "bad", body))
        assert refused.reason == "invalid"
        assert await (await client.submit(hello, "x")).result(timeout_seconds=150) == "done"


@pytest.mark.parametrize("number", [HUGE, b"NaN", b"Infinity", b"-Infinity"])
async def test_a_published_pipeline_with_a_number_that_json_can_not_say_is_none(number: bytes) -> None:
    document = json.dumps({**hello.compile().dump(), "takes": {"maximum": "HUGE"}}).encode()
    async with shell_world() as world:
        kind = Envelope("pipeline.published", "1", "test", subject="hello@1")
        await world.send(world.names.pipelines, kind, document.replace(b'"HUGE"', number))
        position = await submit(world, "bad", b'{"pipeline":"hello","input":"x"}')
        refused = await refusal(world, position)
        assert (refused.reason, "can't read it" in refused.message) == ("unknown_pipeline", True)


async def test_a_submit_that_can_not_be_judged_is_refused_with_the_reason_and_ends_no_coordinator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_pipeline: CompiledPipeline) -> None:
        message = "a bug in the checks"
        raise ZeroDivisionError(message)

    async with shell_world() as world, client_of(world) as client:
        with monkeypatch.context() as patched:
            patched.setattr(accept, "check_pipeline", broken)
            refused = await refusal(world, await submit(world, "bad", body_of(hello.compile(), "x")))
        assert (refused.reason, refused.message) == (
            "invalid",
            "it could not be judged: ZeroDivisionError: a bug in the checks",
        )
        assert await (await client.submit(hello, "x")).result(timeout_seconds=150) == "done"


async def test_a_submit_that_can_not_be_judged_is_logged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_submit: RunSubmitted) -> str:
        message = "a bug in the checks"
        raise ZeroDivisionError(message)

    async with shell_world() as world, client_of(world) as client:
        assert (
            await (await client.submit(hello, "x")).result(timeout_seconds=150) == "done"
        )  # known from now on
        monkeypatch.setattr(accept, "data_hash", broken)
        with all_logged() as lines:
            await refusal(world, await submit(world, "bad", body_of(hello.compile(), "x")))
        assert [line["event"] for line in lines].count("a submit could not be judged") == 1


async def test_want_of_memory_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_pipeline: CompiledPipeline) -> None:
        raise MemoryError

    monkeypatch.setattr(accept, "check_pipeline", broken)
    async with shell_world() as world:
        registry = Registry(world.kafka.follower(world.names.pipelines))
        judge = accept.Accept(world.settings, registry, MemoryPayloads(), Factors(MemoryRedis(), "argosy"))
        asked = RunSubmitted(pipeline=hello.compile(), input="x")
        arrived = accept.Arrived("0/0", time.time_ns() // 1_000_000, None)
        with pytest.raises(MemoryError):
            await judge.accept(asked, arrived)


async def test_an_empty_map_ends_at_once_with_an_empty_list() -> None:
    async with shell_world() as world, client_of(world) as client:
        assert await (await client.submit(many, [])).result(timeout_seconds=150) == []
        assert not world.seen
        await world.until(lambda: not world.left_over())


@pytest.mark.parametrize("value", [{"a": 1}, "text", 7, None])
async def test_a_map_over_what_is_no_list_fails_its_run_and_says_so(value: JsonValue) -> None:
    async with shell_world() as world, client_of(world) as client:
        await submit(world, "no-list", body_of(many.compile(), value, put("takes", value={})))
        with pytest.raises(RunFailed, match="no list"):
            await client.run("no-list").result(timeout_seconds=150)
        await world.until(lambda: not world.left_over())


@pytest.mark.parametrize("digits", [30, 400, 4_000])
async def test_a_huge_integer_arrives_as_it_was_sent(digits: int) -> None:
    number = 10**digits + 7
    async with shell_world() as world, client_of(world) as client:
        world.handler = lambda order: order.inputs[0].model_dump()["source"]["value"]
        body = body_of(hello.compile(), number, put("takes", value={}))
        await submit(world, "huge", body)
        assert await client.run("huge").result(timeout_seconds=150) == number


async def test_a_settle_of_a_task_that_its_run_does_not_have_changes_nothing() -> None:
    async with shell_world() as world, client_of(world) as client:
        world.handler = lambda _: None
        run = await client.submit(hello, "x", run_id="known")
        order = await order_of(world)
        lane = lane_of("known", world.settings.fleet.lanes)
        result = Inline(value="not mine", bytes=10, tokens=2)
        for task_id in ("known/nope", "known/first.1", "known/first~1", "known/first/deeper", "other/first"):
            settled = TaskSettled(task_id=task_id, attempt=1, outcome="succeeded", result=result)
            await world.log("known", lane, settled)
        settled = TaskSettled(task_id="known/first", attempt=99, outcome="failed")
        await world.log("known", lane, settled)
        assert await run.state() == "running"
        envelope = Envelope(SUBMIT, "x", "test", subject="known")
        await world.settle(order, "mine", envelope)
        assert await run.result(timeout_seconds=150) == "mine"
        await world.until(lambda: not world.left_over())


async def test_of_two_pipelines_of_one_name_and_version_each_run_keeps_its_own() -> None:
    other = hello.compile().model_copy(update={"takes": {"type": "integer"}, "gives": {}})
    assert other.identity != hello.compile().identity
    async with shell_world() as world, client_of(world) as client:
        world.handler = lambda _: None
        first = await client.submit(hello, "x", run_id="first")
        await order_of(world)
        second = await client.submit(other, 7, run_id="second")
        await world.until(lambda: len(orders_of(world)) == 2)
        for run_id, order in orders_of(world).items():
            await world.settle(order, run_id, Envelope(SUBMIT, "x", "test", subject=run_id))
        assert await first.result(timeout_seconds=150) == "first"
        assert await second.result(timeout_seconds=150) == "second"


async def test_of_two_published_under_one_name_and_version_the_later_one_counts() -> None:
    other = hello.compile().model_copy(update={"takes": {"type": "integer"}})
    async with shell_world() as world, client_of(world) as client:
        producer = await world.kafka.producer()
        for pipeline in (hello.compile(), other):
            await publish(producer, world.names, pipeline, "test")

        async def taken() -> bool:
            run = await client.submit("hello@1", 8)
            try:
                return await run.result(timeout_seconds=150) == "done"
            except RunRefused:  # by the receiver that has not read the later one yet
                return False

        await eventually(taken, "the later one counts")
        with pytest.raises(RunRefused, match="input"):
            await (await client.submit("hello@1", "x")).result(timeout_seconds=150)


async def test_a_budget_that_nobody_would_hold_the_run_to_is_refused() -> None:
    async with shell_world() as world, client_of(world) as client:
        world.settings.fleet = world.settings.fleet.model_copy(update={"rules": 1})
        run = await client.submit(hello, "world", budget=1000)
        with pytest.raises(RunRefused, match="budget") as caught:
            await run.result(timeout_seconds=30)
        assert caught.value.field == "budget"


async def test_a_stored_input_over_the_limit_is_refused_whatever_its_client_says_of_it() -> None:
    async with shell_world() as world, client_of(world) as client:
        world.settings.fleet = world.settings.fleet.model_copy(update={"hard_input_bytes": 1000})
        for number, (size, said) in enumerate([(2000, 2000), (2000, 10), (900, 2000)]):
            sha256 = await world.payloads.put(json.dumps("x" * (size - 2)).encode())
            reference = {"sha256": sha256, "bytes": said, "tokens": 0}
            body = {"pipeline": json.loads(str(hello)), "input_ref": reference}
            refused = await refusal(world, await submit(world, f"large-{number}", json.dumps(body).encode()))
            assert (refused.reason, refused.field) == ("too_large", "input")
            assert "ARGOSY_FLEET__HARD_INPUT_BYTES" in refused.message
        with pytest.raises(BadArgument, match="the input can't be that"):
            await client.submit(hello, "x" * 1000)
        assert not world.seen


async def test_a_body_of_another_type_is_refused_and_the_type_is_named() -> None:
    async with shell_world() as world:
        headers = dict(Envelope(SUBMIT, "typed", "test", subject="typed").headers())
        headers["content-type"] = b"application/cloudevents+json"
        producer = await world.kafka.producer()
        body = body_of(hello.compile(), "x")
        partition, offset = await producer.send(
            Outgoing(world.names.inbox, b"typed", body, tuple(headers.items()))
        )
        refused = await refusal(world, f"{partition}/{offset}")
        assert (refused.reason, refused.field) == ("invalid", "content-type")
        assert "must be application/json" in refused.message
        assert not world.seen
