"""The steps of a run that have a span each, with their attributes; the table of them is in `names`."""

from collections.abc import Sequence
from dataclasses import dataclass

from opentelemetry.trace import Link, SpanKind

from argosy.schemas.chat import Usage
from argosy.telemetry import content, names, propagation
from argosy.telemetry.propagation import NO_TRACE, Trace
from argosy.telemetry.spans import Attributes, Step, Traced, begin, begin_here


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


@dataclass(frozen=True, slots=True)
class RunSummary:
    """How a run ended, for the span that is as long as the run."""

    run_id: str
    pipeline: str
    outcome: str
    accepted_ms: int
    tasks: int
    usage: Usage


def submit(topic: str, run_id: str, pipeline: str) -> Traced:
    """Client: from submit to Kafka's acknowledgement. A child of the caller's span, else the trace's root."""
    return begin_here(
        Step(f"{names.SEND} {topic}", SpanKind.PRODUCER),
        lambda: _sent(topic, run_id) | {names.PIPELINE: pipeline},
    )


def accept(position: Position, run_id: str, parent: Trace, *, replayed: str | None = None) -> Traced:
    """Receiver: judging one submit. Also links to the submit's span, as the messaging conventions ask.

    A replay links to the run that it is one of, too.
    """

    def attributes() -> Attributes:
        return _processed(position) | {names.RUN_ID: run_id, names.CONVERSATION_ID: run_id}

    links = [
        *propagation.links_to([parent.traceparent], "message"),
        *propagation.links_to([replayed], "replay"),
    ]
    return begin(
        Step(f"{names.PROCESS} {position.topic}", SpanKind.CONSUMER), parent, attributes, links=links
    )


def dispatch(topic: str, work: Work, parent: Trace) -> Traced:
    """Coordinator: sending one attempt to its agent's topic. `parent` is the run's stored trace context."""
    return begin(
        Step(f"{names.SEND} {topic}", SpanKind.PRODUCER),
        parent,
        lambda: _sent(topic, work.run_id) | _about(work),
    )


def invocation(
    position: Position,
    work: Work,
    parent: Trace,
    *,
    joined: Sequence[str | None] = (),
    earlier: str | None = None,
) -> Traced:
    """Worker: one run of the handler. `parent` is the dispatch's context, `joined` the parents' traceparents.

    Links go to every joined parent, to the attempt before (`earlier`) and to the message itself. The
    handler's input and output are told by `set_content(names.INPUT | names.OUTPUT, …)`, the rest by
    `invoked`.
    """
    if parent.trace_id is not None and not propagation.is_sampled(parent.traceparent):
        return Traced(None, parent)  # before any link is built
    links: list[Link] = [
        *propagation.links_to([parent.traceparent], "message"),
        *propagation.links_to(joined, "parent"),
        *propagation.links_to([earlier], "retry"),
    ]

    def attributes() -> Attributes:
        agent = {names.GEN_AI_OPERATION: names.INVOKE_AGENT, names.GEN_AI_CONVERSATION: work.run_id}
        return _processed(position) | _about(work) | agent

    return begin(
        Step(f"{names.INVOKE_AGENT} {work.agent}", SpanKind.CONSUMER), parent, attributes, links=links
    )


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

    def attributes() -> Attributes:
        return {
            names.GEN_AI_OPERATION: names.INVOKE_WORKFLOW,
            names.RUN_ID: summary.run_id,
            names.GEN_AI_CONVERSATION: summary.run_id,
            names.PIPELINE: summary.pipeline,
            names.RUN_OUTCOME: summary.outcome,
            names.RUN_TASKS: summary.tasks,
            names.INPUT_TOKENS: summary.usage.input_tokens,
            names.OUTPUT_TOKENS: summary.usage.output_tokens,
        }

    name = f"{names.INVOKE_WORKFLOW} {summary.pipeline.partition('@')[0]}"
    return begin(Step(name, SpanKind.INTERNAL), parent, attributes, start_ms=summary.accepted_ms)


def result(topic: str, run_id: str, outcome: str, parent: Trace) -> Traced:
    """Coordinator: publishing the run's result."""
    return begin(
        Step(f"{names.SEND} {topic}", SpanKind.PRODUCER),
        parent,
        lambda: _sent(topic, run_id) | {names.RUN_OUTCOME: outcome},
    )


def tool_call(tool: str, arguments: content.Content) -> Traced:
    """Worker: one call of a tool, under the current span; add its result as content `names.TOOL_RESULT`."""

    def attributes() -> Attributes:
        return {names.GEN_AI_OPERATION: names.EXECUTE_TOOL, names.TOOL_NAME: tool}

    span = begin_here(Step(f"{names.EXECUTE_TOOL} {tool}", SpanKind.INTERNAL), attributes)
    span.set_content(names.TOOL_ARGUMENTS, arguments)
    return span


def model_call(provider: str, model: str, attributes: Attributes) -> Traced:
    """Worker: one logical model call with all its tries, under the current span."""

    def described() -> Attributes:
        return {
            names.GEN_AI_OPERATION: names.CHAT,
            names.GEN_AI_PROVIDER: provider,
            names.REQUEST_MODEL: model,
            **attributes,
        }

    return begin_here(Step(f"{names.CHAT} {model}", SpanKind.CLIENT), described)


def _sent(topic: str, run_id: str) -> dict[str, str | int]:
    return {
        names.MESSAGING_SYSTEM: names.KAFKA,
        names.OPERATION_NAME: names.SEND,
        names.OPERATION_TYPE: names.SEND,
        names.DESTINATION: topic,
        names.CONVERSATION_ID: run_id,
        names.RUN_ID: run_id,
    }


def _processed(position: Position) -> dict[str, str | int]:
    return {
        names.MESSAGING_SYSTEM: names.KAFKA,
        names.OPERATION_NAME: names.PROCESS,
        names.OPERATION_TYPE: names.PROCESS,
        names.DESTINATION: position.topic,
        names.PARTITION: str(position.partition),
        names.OFFSET: position.offset,
    }


def _about(work: Work) -> dict[str, str | int]:
    return {
        names.RUN_ID: work.run_id,
        names.TASK_ID: work.task_id,
        names.STEP: work.step,
        names.GEN_AI_AGENT: work.agent,
        names.ATTEMPT: work.attempt,
        names.DELIVERY: work.delivery,
    }
