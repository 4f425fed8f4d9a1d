"""The steps of a run that have a span each, with their attributes; the table of them is in `names`."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from opentelemetry.trace import Link, SpanKind

from argosy.schemas.chat import Usage
from argosy.telemetry import dialect, names, propagation
from argosy.telemetry.propagation import NO_TRACE, Trace
from argosy.telemetry.spans import Attributes, Step, Traced, begin, begin_apart, begin_here


@dataclass(frozen=True, slots=True)
class Work:
    """Which attempt of which task a step is about."""

    run_id: str
    task_id: str
    agent: str
    attempt: int
    delivery: int = 1
    step: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a message lies that is being processed."""

    topic: str
    partition: int
    offset: int
    group: str = ""
    """The consumer group that it was taken for."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Under which fence an attempt was claimed, after which one that lost its lease, and how long it had waited."""

    fence: str
    lost: str = ""
    waited_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Wait:
    """What a step waited for, since when (epoch milliseconds), and how that ended."""

    step: str
    what: str
    outcome: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class RunSummary:
    """How a run ended, for the span that is as long as the run."""

    run_id: str
    pipeline: str
    outcome: str
    accepted_ms: int
    tasks: int
    usage: Usage
    invocations: int | None = None
    """Attempts that were settled, at least; None: nobody knows."""


def submit(topic: str, run_id: str, pipeline: str) -> Traced:
    """Client: from submit to Kafka's acknowledgement. A child of the caller's span, else the trace's root."""
    return begin_here(
        Step(f"{names.SEND} {topic}", SpanKind.PRODUCER),
        lambda: _sent(topic, run_id) | {names.PIPELINE: pipeline},
    )


def accept(
    position: Position, run_id: str, parent: Trace, *, appended_ms: int = 0, replayed: str | None = None
) -> Traced:
    """Receiver: judging one submit. Also links to the submit's span, as the messaging conventions ask.

    A replay links to the run that it is one of, too. The same record (`appended_ms`: when Kafka took it) has the same
    span, whoever judges it: if a receiver dies before it tells, the next one's stands in as the parent of all else.
    """

    def attributes() -> Attributes:
        return _processed(position) | {names.RUN_ID: run_id, names.CONVERSATION_ID: run_id}

    links = [
        *propagation.links_to([parent.traceparent], "message"),
        *propagation.links_to([replayed], "replay"),
    ]
    which = f"{parent.traceparent}/{position.topic}/{position.partition}/{position.offset}@{appended_ms}"
    return begin(
        Step(f"{names.PROCESS} {position.topic}", SpanKind.CONSUMER),
        parent,
        attributes,
        links=links,
        span_id=_digest(which, 8),
        trace_id=_digest(f"{run_id}/{which}", 16),
    )


def dispatch(topic: str, work: Work, parent: Trace, *, sent: int = 1, apart: bool = False) -> Traced:
    """Coordinator: sending one attempt to its agent's topic, for the `sent`-th time.

    `parent` is the run's stored trace context. `apart`: the run is so large that each attempt has a trace of its own,
    linked to the run's; an attempt that is sent again goes on in it.
    """

    def attributes() -> Attributes:
        told = _sent(topic, work.run_id) | _about(work) | {names.SENT: sent}
        return told | {names.TRACE_MODE: "link"} if apart else told

    step = Step(f"{names.SEND} {topic}", SpanKind.PRODUCER)
    if not apart:
        return begin(step, parent, attributes)
    trace_id = _digest(f"{parent.trace_id}/{work.task_id}#{work.attempt}", 16)
    return begin_apart(step, parent, trace_id, attributes)


def wait(wait: Wait, run_id: str, parent: Trace) -> Traced:
    """Coordinator: an approval, a signal or a sleep that has ended, dated back to its begin; `end_at` it at once."""

    def attributes() -> Attributes:
        return {
            names.RUN_ID: run_id,
            names.TASK_ID: f"{run_id}/{wait.step}",
            names.STEP: wait.step,
            names.WAITED_FOR: wait.what,
            names.WAIT_OUTCOME: wait.outcome,
        }

    return begin(
        Step(f"{names.WAIT} {wait.step}", SpanKind.INTERNAL), parent, attributes, start_ms=wait.since_ms
    )


def invocation(  # noqa: PLR0913 - all that a span links to
    position: Position,
    work: Work,
    parent: Trace,
    *,
    joined: Sequence[str | None] = (),
    earlier: str | None = None,
    claim: Claim | None = None,
) -> Traced:
    """Worker: one run of the handler. `parent` is the dispatch's context, `joined` the parents' traceparents.

    Links go to every joined parent, to the attempt before (`earlier`), to the delivery before of the same attempt, if
    `claim` tells of one, and to the message itself. The handler's input and output are told by
    `set_content(names.INPUT | names.OUTPUT, …)`, the rest by `invoked`.
    """
    if parent.trace_id is not None and not propagation.is_sampled(parent.traceparent):
        return Traced(None, parent)  # before any link is built
    links: list[Link] = [
        *propagation.links_to([parent.traceparent], "message"),
        *propagation.links_to(joined, "parent"),
        *propagation.links_to([earlier], "retry"),
    ]
    if claim is not None and claim.lost and parent.trace_id is not None:
        lost = f"00-{parent.trace_id}-{_digest(claim.lost, 8):016x}-01"
        links += propagation.links_to([lost], "delivery")

    def attributes() -> Attributes:
        agent = {names.GEN_AI_OPERATION: names.INVOKE_AGENT, names.GEN_AI_CONVERSATION: work.run_id}
        told = _processed(position) | _about(work) | agent
        if claim is None:
            return told
        return {**told, names.HANDOFF_SECONDS: round(claim.waited_seconds, 6)}

    return begin(
        Step(f"{names.INVOKE_AGENT} {work.agent}", SpanKind.CONSUMER),
        parent,
        attributes,
        links=links,
        span_id=None if claim is None else _digest(claim.fence, 8),
    )


def left(span: Traced, why: str, message: str = "") -> None:
    """Record on an invocation, before its end, that it was not settled: it claims no outcome."""
    span.set({names.LEFT: why})
    if why != "drain":  # nothing went wrong: another worker does it
        span.fail(why, message)


def invoked(span: Traced, outcome: str, usage: Usage, wall_seconds: float) -> None:
    """Record on an invocation, before its end, how it ended, its model tokens and its wall time."""
    if span.recording:
        span.set({
            names.TASK_OUTCOME: outcome,
            names.INPUT_TOKENS: usage.input_tokens,
            names.OUTPUT_TOKENS: usage.output_tokens,
            names.WALL_SECONDS: round(wall_seconds, 6),
        })  # fmt: skip


def settle(topic: str, work: Work, outcome: str, parent: Trace = NO_TRACE) -> Traced:
    """Worker: storing the result, appending `task.settled`; under `parent`, else the current span."""

    def attributes() -> Attributes:
        return _sent(topic, work.run_id) | _about(work) | {names.TASK_OUTCOME: outcome}

    step = Step(f"{names.SEND} {topic}", SpanKind.PRODUCER)
    if parent.traceparent is None:
        return begin_here(step, attributes)
    return begin(step, parent, attributes)


def end(summary: RunSummary, parent: Trace) -> Traced:
    """Coordinator: the run as a whole, dated back to its accept; end it at once."""
    pipeline = summary.pipeline.partition("@")[0]

    def attributes() -> Attributes:
        told = {} if summary.invocations is None else {names.RUN_INVOCATIONS: summary.invocations}
        return told | {
            **dialect.workflow(pipeline),
            names.GEN_AI_OPERATION: names.INVOKE_WORKFLOW,
            names.RUN_ID: summary.run_id,
            names.GEN_AI_CONVERSATION: summary.run_id,
            names.PIPELINE: summary.pipeline,
            names.RUN_OUTCOME: summary.outcome,
            names.RUN_TASKS: summary.tasks,
            names.INPUT_TOKENS: summary.usage.input_tokens,
            names.OUTPUT_TOKENS: summary.usage.output_tokens,
        }

    return begin(
        Step(f"{names.INVOKE_WORKFLOW} {pipeline}", SpanKind.INTERNAL),
        parent,
        attributes,
        start_ms=summary.accepted_ms,
    )


def result(topic: str, run_id: str, outcome: str, parent: Trace) -> Traced:
    """Coordinator: publishing the run's result."""
    return begin(
        Step(f"{names.SEND} {topic}", SpanKind.PRODUCER),
        parent,
        lambda: _sent(topic, run_id) | {names.RUN_OUTCOME: outcome},
    )


def _sent(topic: str, run_id: str) -> dict[str, str | int]:
    return dialect.messaging({
        names.MESSAGING_SYSTEM: names.KAFKA,
        names.OPERATION_NAME: names.SEND,
        names.OPERATION_TYPE: names.SEND,
        names.DESTINATION: topic,
        names.CONVERSATION_ID: run_id,
        names.RUN_ID: run_id,
    })  # fmt: skip


def _processed(position: Position) -> dict[str, str | int]:
    told: dict[str, str | int] = {
        names.MESSAGING_SYSTEM: names.KAFKA,
        names.OPERATION_NAME: names.PROCESS,
        names.OPERATION_TYPE: names.PROCESS,
        names.DESTINATION: position.topic,
        names.PARTITION: str(position.partition),
        names.OFFSET: position.offset,
    }
    if position.group:
        told[names.GROUP] = position.group
    return dialect.messaging(told)


def _about(work: Work) -> dict[str, str | int]:
    return {
        names.RUN_ID: work.run_id,
        names.TASK_ID: work.task_id,
        names.STEP: work.step,
        names.GEN_AI_AGENT: work.agent,
        names.ATTEMPT: work.attempt,
        names.DELIVERY: work.delivery,
    }


def _digest(text: str, size: int) -> int:
    """Give an id that whoever knows the text finds again; ids of traces and spans are never zero."""
    return int.from_bytes(blake2b(text.encode(), digest_size=size).digest()) or 1
