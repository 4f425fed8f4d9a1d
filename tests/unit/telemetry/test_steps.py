import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from argosy.schemas.chat import Usage
from argosy.telemetry import calls, names, steps
from argosy.telemetry.propagation import Trace
from argosy.telemetry.steps import Claim, Position, RunSummary, Wait, Work
from support.traces import Spans, attributes

INBOX = Position("argosy.inbox", 1, 42)
TASKS = Position("argosy.tasks.critic", 0, 7)
CRITIC = Work(run_id="r", task_id="r/critique", agent="critic", attempt=2, delivery=1, step="critique")


@pytest.fixture
def spans() -> Spans:
    return Spans()


def span_id(trace: Trace) -> str:
    return (trace.traceparent or "")[36:52]


def links(span: ReadableSpan) -> list[tuple[str, object]]:
    return [(f"{link.context.span_id:016x}", (link.attributes or {})["argosy.link"]) for link in span.links]


def test_one_run_is_one_trace_from_submit_to_result(spans: Spans) -> None:
    with steps.submit("argosy.inbox", "r", "briefing@1") as submitted:
        pass
    with steps.accept(INBOX, "r", submitted.trace) as accepted:
        pass
    with steps.dispatch("argosy.tasks.critic", CRITIC, accepted.trace) as dispatched:
        pass
    with steps.invocation(TASKS, CRITIC, dispatched.trace) as invoked:
        with calls.of_tool("search", "{}"):
            pass
        with calls.of_model("openai", "gpt-5-mini", {}):
            pass
        steps.invoked(invoked, "succeeded", Usage(input_tokens=10, output_tokens=3), 1.5)
        with steps.settle("argosy.runs", CRITIC, "succeeded"):
            pass
    summary = RunSummary(
        "r", "briefing@1", "succeeded", 1_700_000_000_000, 4, Usage(input_tokens=10, output_tokens=3)
    )
    steps.end(summary, accepted.trace).end()
    steps.result("argosy.results", "r", "succeeded", accepted.trace).end()

    everything = spans.all()
    assert {span.context.trace_id for span in everything if span.context} == {
        int(submitted.trace.trace_id or "", 16)
    }
    assert [(span.name, span.kind) for span in everything] == [
        ("send argosy.inbox", SpanKind.PRODUCER),
        ("process argosy.inbox", SpanKind.CONSUMER),
        ("send argosy.tasks.critic", SpanKind.PRODUCER),
        ("execute_tool search", SpanKind.INTERNAL),
        ("chat gpt-5-mini", SpanKind.CLIENT),
        ("send argosy.runs", SpanKind.PRODUCER),
        ("invoke_agent critic", SpanKind.CONSUMER),
        ("invoke_workflow briefing", SpanKind.INTERNAL),
        ("send argosy.results", SpanKind.PRODUCER),
    ]
    parents = {span.name: f"{span.parent.span_id:016x}" if span.parent else None for span in everything}
    assert parents["send argosy.inbox"] is None
    assert parents["process argosy.inbox"] == span_id(submitted.trace)
    assert parents["send argosy.tasks.critic"] == span_id(accepted.trace)
    assert parents["invoke_agent critic"] == span_id(dispatched.trace)
    assert parents["execute_tool search"] == parents["chat gpt-5-mini"] == span_id(invoked.trace)
    assert parents["send argosy.runs"] == span_id(invoked.trace)
    assert parents["invoke_workflow briefing"] == parents["send argosy.results"] == span_id(accepted.trace)


def test_an_invocation_tells_its_tokens_wall_time_and_ids(spans: Spans) -> None:
    with steps.invocation(TASKS, CRITIC, Trace()) as invoked:
        invoked.set_content(names.INPUT, b"{}")
        invoked.set_content(names.OUTPUT, b"[]")
        steps.invoked(invoked, "succeeded", Usage(input_tokens=120, output_tokens=30), 2.25)
    found = attributes(spans.one("invoke_agent critic"))
    expected = {
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 30,
        "argosy.wall_seconds": 2.25,
        "argosy.run.id": "r",
        "argosy.task.id": "r/critique",
        "argosy.task.attempt": 2,
        "argosy.task.outcome": "succeeded",
        "gen_ai.agent.name": "critic",
        "messaging.system": "kafka",
        "messaging.destination.name": "argosy.tasks.critic",
        "messaging.kafka.offset": 7,
        "argosy.input.sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "argosy.output.sha256": "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945",
    }
    assert {key: found.get(key) for key in expected} == expected


def test_a_join_links_to_every_parent_and_a_retry_to_the_attempt_before(spans: Spans) -> None:
    made = [steps.submit("argosy.inbox", f"r{number}", "p@1") for number in range(4)]
    for step in made:
        step.end()
    dispatched, left, right, earlier = [step.trace for step in made]
    joined = [left.traceparent, None, right.traceparent]
    with steps.invocation(TASKS, CRITIC, dispatched, joined=joined, earlier=earlier.traceparent):
        pass
    assert links(spans.one("invoke_agent critic")) == [
        (span_id(dispatched), "message"),
        (span_id(left), "parent"),
        (span_id(right), "parent"),
        (span_id(earlier), "retry"),
    ]


def test_the_span_of_a_run_is_as_long_as_the_run(spans: Spans) -> None:
    summary = RunSummary("r", "p@1", "failed", 1_700_000_000_000, 1, Usage())
    steps.end(summary, Trace()).end()
    span = spans.one("invoke_workflow p")
    assert span.start_time == 1_700_000_000_000 * 1_000_000
    assert attributes(span)["argosy.run.outcome"] == "failed"


def test_a_delivery_after_a_lost_one_links_to_it_by_its_fence(spans: Spans) -> None:
    parent = Trace("00-11111111111111111111111111111111-2222222222222222-01")
    steps.invocation(TASKS, CRITIC, parent, claim=Claim("second", "first", 2.5)).end()
    span = spans.one("invoke_agent critic")
    (link,) = [link for link in span.links if (link.attributes or {})["argosy.link"] == "delivery"]
    assert f"{link.context.trace_id:032x}" == "1" * 32
    assert attributes(span)["argosy.handoff_seconds"] == 2.5


def test_a_delivery_after_none_that_was_lost_has_no_such_link(spans: Spans) -> None:
    parent = Trace("00-11111111111111111111111111111111-2222222222222222-01")
    steps.invocation(TASKS, CRITIC, parent, claim=Claim("only")).end()
    assert [kind for _, kind in links(spans.one("invoke_agent critic"))] == ["message"]


def test_a_dispatch_of_a_huge_run_is_the_root_of_a_trace_that_links_to_the_runs(spans: Spans) -> None:
    parent = Trace("00-11111111111111111111111111111111-2222222222222222-01")
    with steps.dispatch("argosy.tasks.critic", CRITIC, parent, sent=2, apart=True) as sent:
        pass
    span = spans.one("send argosy.tasks.critic")
    assert span.parent is None
    assert sent.trace.trace_id not in {None, "1" * 32}
    assert links(span) == [("2" * 16, "run")]
    assert attributes(span)["argosy.trace.mode"] == "link"
    assert attributes(span)["argosy.dispatch.sent"] == 2


def test_an_unsampled_huge_run_begins_no_trace(spans: Spans) -> None:
    parent = Trace("00-11111111111111111111111111111111-2222222222222222-00")
    with steps.dispatch("argosy.tasks.critic", CRITIC, parent, apart=True) as sent:
        pass
    assert sent.trace == parent
    assert not spans.all()


def test_a_wait_is_as_long_as_it_was(spans: Spans) -> None:
    parent = Trace("00-11111111111111111111111111111111-2222222222222222-01")
    steps.wait(Wait("ok", "approval", "succeeded", 1_700_000_000_000), "r", parent).end(1_700_000_060_000)
    span = spans.one("wait ok")
    assert (span.start_time, span.end_time) == (1_700_000_000_000_000_000, 1_700_000_060_000_000_000)
    assert attributes(span)["argosy.wait.for"] == "approval"


def test_an_attempt_that_was_not_settled_claims_no_outcome(spans: Spans) -> None:
    parent = Trace("00-11111111111111111111111111111111-2222222222222222-01")
    for why in ("drain", "claim_lost"):
        with steps.invocation(TASKS, CRITIC, parent) as span:
            steps.left(span, why)
    drained, lost = spans.all()
    assert "argosy.task.outcome" not in {**attributes(drained), **attributes(lost)}
    assert drained.status.is_unset
    assert not lost.status.is_ok
    assert attributes(lost)["error.type"] == "claim_lost"
