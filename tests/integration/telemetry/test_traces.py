"""Traces as a collector receives them, of real processes: one tree for a run, and nothing in it that did not happen."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from argosy.client.connection import Argosy
from argosy.schemas.settings import ModelSettings
from support.fleet import RealFleet, real_fleet
from support.model_server import Script, answer
from support.otlp import Received, Receiver, Span, receiver
from support.traced_app import Book, book
from support.waiting import eventually

pytestmark = pytest.mark.timeout(600)

APP = Path(__file__).parents[2] / "support" / "traced_app.py"
CHAPTERS = ["one", "two flaky", "three"]
CALL = {"id": "call-1", "type": "function", "function": {"name": "look_up", "arguments": '{"word": "x"}'}}
JOINED = (("run-1/judge", 1), ("run-1/gate", 1))
PATIENT = {
    "ARGOSY_FLEET__PATIENCE_SECONDS": "600",
    "ARGOSY_FLEET__LEASE_SECONDS": "12",
    "ARGOSY_KAFKA__SESSION_TIMEOUT_SECONDS": "12",
}
"""No dispatch is sent again meanwhile, for want of an answer or since its lane is taken anew, and no worker ends
itself, because a process stood still for some seconds."""
TREE = Counter({
    "process argosy.inbox": 1,
    "send argosy.tasks.read": 4,
    "send argosy.tasks.judge": 1,
    "send argosy.tasks.gate": 1,
    "send argosy.tasks.bind": 1,
    "invoke_agent read": 4,
    "invoke_agent judge": 1,
    "invoke_agent gate": 1,
    "invoke_agent bind": 1,
    "chat m-1": 2,
    "execute_tool look_up": 1,
    "send argosy.runs": 7,
    "invoke_workflow book": 1,
    "send argosy.results": 1,
})  # fmt: skip


def _variables(endpoint: str, protocol: str, model: ModelSettings) -> Mapping[str, str]:
    assert model.api_key is not None
    return {
        "ARGOSY_TELEMETRY__OTLP_ENDPOINT": endpoint,
        "ARGOSY_TELEMETRY__OTLP_PROTOCOL": protocol,
        "ARGOSY_TELEMETRY__CONTENT": "full",
        "ARGOSY_MODEL__BASE_URL": str(model.base_url),
        "ARGOSY_MODEL__API_KEY": model.api_key.get_secret_value(),
    }


@asynccontextmanager
async def _traced(
    folder: Path, server: HTTPServer, found: Receiver, protocol: str, **more: str
) -> AsyncGenerator[RealFleet]:
    script = Script(server, answer("", stop="tool_calls", tool_calls=[CALL]), answer("good"))
    endpoint = found.grpc_endpoint if protocol == "grpc" else found.http_endpoint
    variables = {**_variables(endpoint, protocol, script.settings), **PATIENT, **more}
    async with real_fleet(
        folder, workers=[("read", "judge", "bind"), ("gate",)], app=APP, variables=variables
    ) as fleet:
        yield fleet


async def _until(true: Callable[[], bool], what: str) -> None:
    async def so() -> bool:
        return true()

    await eventually(so, what)


async def _until_tree(found: Receiver) -> None:
    """Wait until all spans of a run came; AssertionError that tells which are there instead."""
    try:
        await _until(lambda: _names(found.received, "run-1") == TREE, "every span of what was done came")
    except AssertionError:
        assert _names(found.received, "run-1") == TREE
        raise


async def _run(fleet: RealFleet, run_id: str, given: Book) -> str:
    async with Argosy.connect(fleet.settings) as client:
        run = await client.submit(book, given, run_id=run_id, deadline_seconds=400)
        return await run.result(timeout_seconds=240)


def _holders(wanted: Path) -> list[int]:
    """The processes that run, or ran, the gate's handler."""
    return [int(file.name.rpartition(".")[2]) for file in wanted.parent.glob(f"{wanted.name}.*")]


def _names(received: Received, run_id: str) -> Counter[str]:
    return Counter(span.name for span in received.spans(run_id))


def _is_told(received: Received) -> bool:
    """Whether the run's end came, its result, and as many invocations as it had: several processes send them."""
    spans = received.spans("run-1")
    ends = [span for span in spans if span.name == "invoke_workflow book"]
    invoked = sum(span.name.startswith("invoke_agent") for span in spans)
    sent = any(span.name == "send argosy.results" for span in spans)
    return sent and bool(ends) and invoked >= int(str(ends[0].attributes["argosy.run.invocations"]))


def _one(spans: list[Span], name: str) -> Span:
    (found,) = [span for span in spans if span.name == name]
    return found


def _is_tree(spans: list[Span]) -> None:
    """All of one trace, ids are unique, one root, and every parent is there."""
    assert len({span.trace_id for span in spans}) == 1
    ids = [span.span_id for span in spans]
    assert len(set(ids)) == len(ids)
    assert [span.name for span in spans if not span.parent_id] == ["process argosy.inbox"]
    assert {span.parent_id for span in spans if span.parent_id} <= set(ids)


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
async def test_a_run_is_one_tree_over_all_processes_with_links_at_join_and_retry(
    tmp_path: Path, httpserver: HTTPServer, protocol: str
) -> None:
    with receiver() as found:
        async with _traced(tmp_path, httpserver, found, protocol) as fleet:
            assert await _run(fleet, "run-1", Book(chapters=CHAPTERS)) == "3 good open"
            await _until_tree(found)
        spans = found.received.spans("run-1")
    _is_tree(spans)
    by_id = {span.span_id: span for span in spans}
    invocations = {
        (span.attributes["argosy.task.id"], span.attributes["argosy.task.attempt"]): span
        for span in spans
        if span.name.startswith("invoke_agent")
    }
    assert {link.span_id for link in invocations["run-1/bind", 1].linked("parent")} == {
        invocations[key].span_id
        for key in (("run-1/read.0", 1), ("run-1/read.1", 2), ("run-1/read.2", 1), *JOINED)
    }
    first, second = invocations["run-1/read.1", 1], invocations["run-1/read.1", 2]
    assert first.failed
    assert first.attributes["argosy.task.outcome"] == "failed"
    assert [link.span_id for link in second.linked("retry")] == [first.span_id]
    assert not second.linked("delivery")
    tool, asked = _one(spans, "execute_tool look_up"), _one(spans, "invoke_agent judge")
    assert by_id[tool.parent_id] is asked
    assert '"word"' in str(tool.attributes["gen_ai.tool.call.arguments"])
    assert "x is a word" in str(tool.attributes["gen_ai.tool.call.result"])
    chats = [span for span in spans if span.name == "chat m-1"]
    assert {by_id[span.parent_id].name for span in chats} == {"invoke_agent judge"}
    assert asked.attributes["gen_ai.usage.input_tokens"] == 22
    assert asked.attributes["gen_ai.usage.output_tokens"] == 6
    for span in invocations.values():
        assert {"argosy.wall_seconds", "argosy.handoff_seconds", "argosy.task.delivery", "argosy.input.sha256",
                "messaging.consumer.group.name", "messaging.kafka.offset"} <= set(span.attributes)  # fmt: skip
        assert by_id[span.parent_id].name == f"send argosy.tasks.{span.attributes['gen_ai.agent.name']}"
    assert _one(spans, "invoke_workflow book").attributes["argosy.run.invocations"] == 7


async def test_beyond_so_many_tasks_each_has_a_trace_of_its_own_that_links_to_the_runs(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    with receiver() as found:
        more = {"ARGOSY_TELEMETRY__TRACE_TASKS": "2"}
        async with _traced(tmp_path, httpserver, found, "http/protobuf", **more) as fleet:
            await _run(fleet, "run-1", Book(chapters=CHAPTERS))
            await _until_tree(found)
        spans = found.received.spans("run-1")
    accept = _one(spans, "process argosy.inbox")
    assert {span.name for span in spans if span.trace_id == accept.trace_id} == {
        "process argosy.inbox", "invoke_workflow book", "send argosy.results"
    }  # fmt: skip
    roots = [span for span in spans if span.attributes.get("argosy.trace.mode") == "link"]
    assert len({span.trace_id for span in roots}) == len(roots) == 7
    for root in roots:
        assert not root.parent_id
        assert [(link.trace_id, link.span_id) for link in root.linked("run")] == [
            (accept.trace_id, accept.span_id)
        ]
        mine = [span for span in spans if span.trace_id == root.trace_id]
        assert {span.parent_id for span in mine if span is not root} <= {span.span_id for span in mine}


async def test_a_worker_that_is_killed_leaves_no_span_of_success_and_the_next_delivery_tells_of_it(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    wanted = tmp_path / "go"
    with receiver() as found:
        async with _traced(tmp_path, httpserver, found, "grpc") as fleet:
            running = asyncio.create_task(
                _run(fleet, "run-1", Book(chapters=CHAPTERS, wait_for=str(wanted))), name="run"
            )
            await _until(lambda: bool(_holders(wanted)), "the gate's handler runs")
            (first,) = _holders(wanted)
            os.kill(first, signal.SIGKILL)
            await _until(lambda: len(_holders(wanted)) == 2, "another process has it")
            wanted.touch()
            assert await running == "3 good open"
            await _until_tree(found)
        spans = found.received.spans("run-1")
    _is_tree(spans)  # the killed one's own span never came: it was no parent of anything that did
    again = _one(spans, "invoke_agent gate")
    assert again.attributes["argosy.task.delivery"] == 2
    (lost,) = again.linked("delivery")
    assert lost.trace_id == again.trace_id
    assert lost.span_id not in {span.span_id for span in spans}
    assert _one(spans, "invoke_workflow book").attributes["argosy.run.invocations"] == 7


async def test_a_coordinator_that_is_killed_takes_spans_along_but_tells_no_outcome_twice(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    wanted = tmp_path / "go"
    with receiver() as found:
        async with _traced(tmp_path, httpserver, found, "grpc") as fleet:
            running = asyncio.create_task(
                _run(fleet, "run-1", Book(chapters=CHAPTERS, wait_for=str(wanted))), name="run"
            )
            await _until(lambda: bool(_holders(wanted)), "the gate's handler runs")
            await fleet.kill("coordinator-1")
            wanted.touch()
            assert await running == "3 good open"
            await _until(lambda: _is_told(found.received), "the end's spans, and each invocation's")
        spans = found.received.spans("run-1")
    assert len({span.trace_id for span in spans}) == 1
    assert {span.name for span in spans if not span.parent_id} <= {"process argosy.inbox"}
    settled = Counter(
        (span.attributes["argosy.task.id"], span.attributes["argosy.task.attempt"])
        for span in spans
        if span.attributes.get("argosy.task.outcome") == "succeeded" and span.name.startswith("invoke_agent")
    )
    assert set(settled.values()) == {1}
    (end,) = [span for span in spans if span.name == "invoke_workflow book"]
    assert end.attributes["argosy.run.outcome"] == "succeeded"
    assert end.attributes["argosy.run.invocations"] == sum(
        span.name.startswith("invoke_agent") for span in spans
    )
