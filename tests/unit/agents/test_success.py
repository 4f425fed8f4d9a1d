"""The body of a plain success: the same bytes as the codec gives, and what it leaves to others."""

# ruff: noqa: ARG001 - a handler's parameters are its interface

import pytest
from pydantic import JsonValue
from pydantic_core import to_json

from argosy.agents.order import decode
from argosy.agents.running import Running
from argosy.agents.success import Success
from argosy.agents.time_limit import TimeLimit
from argosy.broker.log import Record
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.schemas.chat import Usage
from argosy.schemas.codec import encode_body
from argosy.schemas.envelope import Envelope
from argosy.schemas.facts import Want
from argosy.schemas.payload import Inline
from argosy.schemas.runlog import TaskSettled
from argosy.schemas.task import TaskDispatched
from support.worker_bench import input_of, memory_bench

SUCCESS = Success("argosy/worker/höst-1", lambda text: len(text) // 4 + 1)


@agent
async def think(ctx: Context, text: str) -> str:
    return text


def running(task_id: str = "run-1/think", *, wants: tuple[Want, ...] = ()) -> Running:
    bench, _, _ = memory_bench()
    body = bench.dispatch(think, task_id, input_of("text", "x"), wants=wants)
    headers = Envelope(kind=TaskDispatched.KIND, id=f"{task_id}#1", source="t").headers()
    order = decode(Record("topic", 0, 0, 0, None, encode_body(body), headers))
    return Running(order, "fence", 0, TimeLimit(60, 60), [])


def settled(value: JsonValue, data: bytes, tokens: int, **more: object) -> TaskSettled:
    fields = {
        "task_id": "run-1/think",
        "attempt": 1,
        "outcome": "succeeded",
        "result": Inline(value=value, bytes=len(data), tokens=tokens),
        "worker": SUCCESS.source,
        "deliveries": 1,
        **more,
    }
    return TaskSettled.model_validate(fields)


@pytest.mark.parametrize("value", ["text", 'quoted "\\" ünï\n', 1.5, None, True, [], {"a": [1, {"b": None}]}])
@pytest.mark.parametrize("seconds", [0.0, 0.0004, 1.25])
def test_a_plain_success_is_written_as_the_codec_writes_it(value: JsonValue, seconds: float) -> None:
    one, data = running(), to_json(value)
    one.seconds = seconds
    text = value if isinstance(value, str) else data.decode()
    found = SUCCESS.body(one, data)
    assert found == encode_body(settled(value, data, len(text) // 4 + 1, duration_ms=round(seconds * 1000)))


def test_what_models_took_is_told() -> None:
    one, data = running(), b'"x"'
    one.usage += Usage(input_tokens=5, output_tokens=2)
    assert SUCCESS.body(one, data) == encode_body(settled("x", data, 1, usage=one.usage))


def test_the_names_of_tasks_are_written_as_json() -> None:
    body = SUCCESS.body(running('run-1/a"b'), b"1")
    assert body is not None
    assert TaskSettled.model_validate_json(body).task_id == 'run-1/a"b'


def test_an_input_that_is_handed_on_as_it_came_keeps_its_tokens() -> None:
    one, data = running(), b'{"a":1}'
    one.inputs = {"text": Inline(value={"a": 1}, bytes=len(data), tokens=99)}
    body = SUCCESS.body(one, data)
    assert body is not None
    result = TaskSettled.model_validate_json(body).result
    assert result is not None
    assert result.tokens == 99
    other = SUCCESS.body(one, b'{"a":2}')
    assert other is not None
    result = TaskSettled.model_validate_json(other).result
    assert result is not None
    assert result.tokens == 2


@pytest.mark.parametrize("data", [b'"' + b"x" * 70_000 + b'"', b"[" * 150 + b"]" * 150, b"1" * 5_000])
def test_what_is_large_deep_or_not_to_be_read_back_is_left_to_others(data: bytes) -> None:
    assert SUCCESS.body(running(), data) is None


def test_what_the_plan_asks_for_is_left_to_others() -> None:
    assert SUCCESS.body(running(wants=(Want(kind="size"),)), b"1") is None
