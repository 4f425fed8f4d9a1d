"""The steps of a run that have a span each, with their attributes; the table of them is in `names`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

from opentelemetry.trace import SpanKind

from argosy.schemas.chat import Usage
from argosy.telemetry import dialect, names, propagation
from argosy.telemetry.forms import Form, Part, Plain, Told, attributes_of
from argosy.telemetry.propagation import NO_TRACE, Linked, Trace
from argosy.telemetry.spans import Step, Traced, begin, begin_apart, begin_here

_SENT: Final = Form(
    names.DESTINATION,
    names.CONVERSATION_ID,
    names.RUN_ID,
    always={
        names.MESSAGING_SYSTEM: names.KAFKA,
        names.OPERATION_NAME: names.SEND,
        names.OPERATION_TYPE: names.SEND,
    },
)
_PROCESSED: Final = Form(
    names.DESTINATION,
    names.PARTITION,
    names.OFFSET,
    always={
        names.MESSAGING_SYSTEM: names.KAFKA,
        names.OPERATION_NAME: names.PROCESS,
        names.OPERATION_TYPE: names.PROCESS,
    },
)
_GROUP: Final = Form(names.GROUP)
_WORK: Final = Form(names.TASK_ID, names.STEP, names.GEN_AI_AGENT, names.ATTEMPT, names.DELIVERY)
_DISPATCH: Final = _SENT + _WORK + Form(names.SENT)
_APART: Final = Form(always={names.TRACE_MODE: "link"})
_AGENT: Final = Form(
    names.RUN_ID, names.GEN_AI_CONVERSATION, always={names.GEN_AI_OPERATION: names.INVOKE_AGENT}
)
_INVOCATION: Final = _PROCESSED + _WORK + _AGENT
_CLAIMED: Final = Form(names.HANDOFF_SECONDS)
_INVOKED: Final = Form(names.TASK_OUTCOME, names.INPUT_TOKENS, names.OUTPUT_TOKENS, names.WALL_SECONDS)
_SETTLE: Final = _SENT + _WORK + Form(names.TASK_OUTCOME)
_RESULT: Final = _SENT + Form(names.RUN_OUTCOME)
_SUBMIT: Final = _SENT + Form(names.PIPELINE)
_ACCEPT: Final = _PROCESSED + Form(names.RUN_ID, names.CONVERSATION_ID)


class Work(NamedTuple):
    """Which attempt of which task a step is about. A tuple, as the next two are: there is one for each task."""

    run_id: str
    task_id: str
    agent: str
    attempt: int
    delivery: int = 1
    step: str = ""


class Position(NamedTuple):
    """Where a message lies that is being processed."""

    topic: str
    partition: int
    offset: int
    group: str = ""
    """The consumer group that it was taken for."""


class Claim(NamedTuple):
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
        lambda: attributes_of(_told(_SUBMIT, (topic, run_id, run_id, pipeline))),
    )


def accept(
    position: Position, run_id: str, parent: Trace, *, appended_ms: int = 0, replayed: str | None = None
) -> Traced:
    """Receiver: judging one submit. Also links to the submit's span, as the messaging conventions ask.

    A replay links to the run that it is one of, too. The same record (`appended_ms`: when Kafka took it) has the same
    span, whoever judges it: if a receiver dies before it tells, the next one's stands in as the parent of all else.
    """

    def told() -> Sequence[Told]:
        return _taken(position, _ACCEPT, run_id, run_id)

    links = [
        *propagation.links_to([parent.traceparent], "message"),
        *propagation.links_to([replayed], "replay"),
    ]
    which = f"{parent.traceparent}/{position.topic}/{position.partition}/{position.offset}@{appended_ms}"
    return begin(
        _step(names.PROCESS, position.topic, SpanKind.CONSUMER),
        parent,
        told,
        links=links,
        span_id=_digest(which, 8),
        trace_id=_digest(f"{run_id}/{which}", 16),
    )


def dispatch(topic: str, work: Work, parent: Trace, *, sent: int = 1, apart: bool = False) -> Traced:
    """Coordinator: sending one attempt to its agent's topic, for the `sent`-th time.

    `parent` is the run's stored trace context. `apart`: the run is so large that each attempt has a trace of its own,
    linked to the run's; an attempt that is sent again goes on in it.
    """

    def told() -> Sequence[Told]:
        found = _told(_DISPATCH, (topic, work.run_id, work.run_id, *_about(work), sent))
        return (*found, (_APART, ())) if apart else found

    step = _step(names.SEND, topic, SpanKind.PRODUCER)
    if not apart:
        return begin(step, parent, told)
    trace_id = _digest(f"{parent.trace_id}/{work.task_id}#{work.attempt}", 16)
    return begin_apart(step, parent, trace_id, told)


def wait(wait: Wait, run_id: str, parent: Trace) -> Traced:
    """Coordinator: an approval, a signal or a sleep that has ended, dated back to its begin; `end_at` it at once."""

    def told() -> Sequence[Told]:
        attributes = {
            names.RUN_ID: run_id,
            names.TASK_ID: f"{run_id}/{wait.step}",
            names.STEP: wait.step,
            names.WAITED_FOR: wait.what,
            names.WAIT_OUTCOME: wait.outcome,
        }
        return (attributes,)

    return begin(Step(f"{names.WAIT} {wait.step}", SpanKind.INTERNAL), parent, told, start_ms=wait.since_ms)


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
    links: list[Linked] = propagation.links_to((parent.traceparent,), "message")
    if joined:
        links += propagation.links_to(joined, "parent")
    if earlier is not None:
        links += propagation.links_to((earlier,), "retry")
    if claim is not None and claim.lost and parent.trace_id is not None:
        lost = f"00-{parent.trace_id}-{_digest(claim.lost, 8):016x}-01"
        links += propagation.links_to([lost], "delivery")

    def told() -> Sequence[Told]:
        found = _taken(position, _INVOCATION, *_about(work), work.run_id, work.run_id)
        return found if claim is None else (*found, (_CLAIMED, (round(claim.waited_seconds, 6),)))

    return begin(
        _step(names.INVOKE_AGENT, work.agent, SpanKind.CONSUMER),
        parent,
        told,
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
        span.tell((_INVOKED, (outcome, usage.input_tokens, usage.output_tokens, round(wall_seconds, 6))))


def settle(topic: str, work: Work, outcome: str, parent: Trace | Traced = NO_TRACE) -> Traced:
    """Worker: storing the result, appending `task.settled`; under `parent`, else the current span."""

    def told() -> Sequence[Told]:
        return _told(_SETTLE, (topic, work.run_id, work.run_id, *_about(work), outcome))

    step = _step(names.SEND, topic, SpanKind.PRODUCER)
    if isinstance(parent, Traced):
        return parent.begin(step, told)
    if parent.traceparent is None:
        return begin_here(step, lambda: attributes_of(told()))
    return begin(step, parent, told)


def end(summary: RunSummary, parent: Trace) -> Traced:
    """Coordinator: the run as a whole, dated back to its accept; end it at once."""
    pipeline = summary.pipeline.partition("@")[0]

    def told() -> Sequence[Told]:
        known = {} if summary.invocations is None else {names.RUN_INVOCATIONS: summary.invocations}
        attributes: Told = {
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
        return (known, attributes)

    return begin(
        Step(f"{names.INVOKE_WORKFLOW} {pipeline}", SpanKind.INTERNAL),
        parent,
        told,
        start_ms=summary.accepted_ms,
    )


def result(topic: str, run_id: str, outcome: str, parent: Trace) -> Traced:
    """Coordinator: publishing the run's result."""
    return begin(
        _step(names.SEND, topic, SpanKind.PRODUCER),
        parent,
        lambda: _told(_RESULT, (topic, run_id, run_id, outcome)),
    )


@lru_cache(maxsize=256)  # the targets of a process are few
def _step(operation: str, target: str, kind: SpanKind) -> Step:
    return Step(f"{operation} {target}", kind)


def _told(form: Form, values: tuple[Plain, ...]) -> tuple[Told, ...]:
    part: Part = (form, values)
    return (part, dialect.old_messaging((part,))) if dialect.tells_old_messaging() else (part,)


def _taken(position: Position, form: Form, *more: Plain) -> tuple[Told, ...]:
    topic, partition, offset, group = position
    part: Part = (form, (topic, str(partition), offset, *more))
    found = (part, (_GROUP, (group,))) if group else (part,)
    return (*found, dialect.old_messaging(found)) if dialect.tells_old_messaging() else found


def _about(work: Work) -> tuple[Plain, ...]:
    """Give the values of `_WORK`."""
    _, task_id, agent, attempt, delivery, step = work
    return task_id, step, agent, attempt, delivery


def _digest(text: str, size: int) -> int:
    """Give an id that whoever knows the text finds again; ids of traces and spans are never zero."""
    return int.from_bytes(blake2b(text.encode(), digest_size=size).digest()) or 1
