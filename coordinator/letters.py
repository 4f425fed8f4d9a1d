"""The records that a lane sends: bodies rebuilt from state, so that nothing but ids is ever queued."""

from dataclasses import dataclass

from argosy.broker.log import Outgoing
from argosy.broker.topics import TopicNames
from argosy.coordinator.lane_state import LaneState
from argosy.coordinator.look import Look, look_of
from argosy.coordinator.messages import busy_of, dispatch_of, ended_of, refusal_of, written_result
from argosy.coordinator.orders import Alike, Order
from argosy.coordinator.out import Dispatch
from argosy.coordinator.outbox import Asked
from argosy.coordinator.outcome import manifest_of
from argosy.coordinator.quarantine import end_of
from argosy.coordinator.state import RunState
from argosy.coordinator.timers import split
from argosy.schemas.canonical import canonical_json, sha256_hex
from argosy.schemas.codec import Message, encode_body
from argosy.schemas.envelope import Envelope, encoded
from argosy.schemas.errors import MessageTooLarge
from argosy.schemas.fault import fault_of
from argosy.schemas.ids import TaskId
from argosy.schemas.payload import INLINE_BYTES, Reference
from argosy.schemas.result import SubmitRefused
from argosy.schemas.runlog import RunEnded, TaskSettled, TimerFired
from argosy.schemas.task import HoleInput, TaskDispatched
from argosy.telemetry import logs, metrics, steps
from argosy.telemetry.propagation import Trace, is_sampled
from argosy.telemetry.spans import Traced
from argosy.telemetry.steps import Work


@dataclass(slots=True)
class Letter:
    """A record, and what must lie in the payload store before it is produced."""

    record: Outgoing
    blob: bytes | None = None
    span: Traced | None = None
    """Ended when the record is acknowledged."""


class Letters:
    """Writes the records of one lane. Runs that are asked about must be loaded."""

    def __init__(
        self, names: TopicNames, lane: int, source: str, state: LaneState, trace_tasks: int = 1000
    ) -> None:
        """`source` is the `ce_source` of what is written; of larger runs each task has a trace of its own."""
        self._trace_tasks = trace_tasks
        self._names, self._lane, self._source, self._state = names, lane, source, state

    def outbox(self, entry: str, asked: Asked) -> Letter | None:
        """Write what an outbox entry asks for; None if it has become moot."""
        kind, _, rest = entry.partition(":")
        run_id = asked.run_id
        match kind:
            case "refused":
                body = refusal_of(self._state.runs[asked.run_id], rest)
                return self._refusal(body, asked)
            case "busy":
                return self._refusal(busy_of(rest), asked)
            case "end" if run_id in self._state.quarantine:
                kept = self._state.quarantine[run_id]
                return Letter(self._log_record(run_id, end_of(kept), run_id, kept.traceparent))
            case "look":
                return None  # moot: what is not goes its own way, by `look`
            case "end":
                return self._end(self._state.runs[run_id])
            case _:
                return self._result(self._state.runs[run_id])

    def look(self, entry: str, asked: Asked) -> Look | None:
        """Say what an outbox entry asks to look at; None if it has become moot."""
        local = entry.removeprefix(f"look:{asked.run_id}/")
        return look_of(self._state.runs[asked.run_id], local)

    def looked(self, found: TaskSettled, asked: Asked) -> Letter:
        """Write down what a look found."""
        ce_id = f"{found.task_id}#{found.attempt}"
        return Letter(self._log_record(asked.run_id, found, ce_id, asked.traceparent, cause=asked.offset))

    def _end(self, state: RunState | None) -> Letter | None:
        ended = ended_of(state)
        if state is None or ended is None:
            return None
        return Letter(
            self._log_record(state.run_id, ended, state.run_id, trace_of(state)), manifest_of(state)
        )

    def _result(self, state: RunState | None) -> Letter | None:
        found = written_result(state)
        if state is None or found is None:
            return None
        outcome, body = found
        topic, parent = self._names.results, Trace(trace_of(state))
        span = steps.result(topic, state.run_id, outcome, parent)
        envelope = self._envelope(RunEnded.KIND, state.run_id, state.run_id, span.trace.traceparent)
        return Letter(Outgoing(topic, state.run_id.encode(), body, envelope.headers()), span=span)

    def _refusal(self, body: SubmitRefused, asked: Asked) -> Letter:
        envelope = self._envelope(body.KIND, body.position, asked.run_id, asked.traceparent)
        key = asked.run_id.encode()
        return Letter(Outgoing(self._names.results, key, encode_body(body), envelope.headers()))

    def timer(self, member: str) -> Letter | None:
        """Write `timer.fired`; None if the run has no such timer."""
        run_id, name = split(member)
        state = self._state.runs[run_id]
        armed = state.armed(name) if state is not None else None
        if armed is None:
            return None
        fired = TimerFired(name=name, armed=armed)
        return Letter(self._log_record(run_id, fired, f"{run_id}/{name}@{armed}", None, cause=armed))

    def dispatch(self, dispatch: Dispatch, alike: Alike) -> Letter | None:
        """Write the order of one attempt, its inputs aside if they are over 64 KiB; None if it is moot."""
        state = self._state.runs[dispatch.run_id]
        order = dispatch_of(state, dispatch.local, dispatch.attempt, self._lane, alike)
        if order is None:
            return None
        value, blob = _fitting(order.kind, order.value)
        topic, run_id = self._names.tasks(order.agent), dispatch.run_id
        task_id, parent = f"{run_id}/{dispatch.local}", order.traceparent
        span = None if alike.passes(parent) else self._span(topic, task_id, dispatch, order, state)
        traceparent = parent if span is None else span.trace.traceparent
        kind, ce_id, cause = order.kind.KIND, dispatch.member, order.cause
        headers = encoded(kind, ce_id, self._source, run_id, None, cause, 0, traceparent or None, None)
        if dispatch.attempt > 1 and dispatch.sent == 1:
            metrics.task_retried(order.agent)
        if alike.told:
            _tell(dispatch, order, task_id, traceparent)
        return Letter(Outgoing(topic, task_id.encode(), value, headers, spread=True), blob, span)

    def _span(
        self, topic: str, task_id: str, dispatch: Dispatch, order: Order, state: RunState | None
    ) -> Traced:
        """Begin the span of sending an attempt; of a large run it has a trace of its own."""
        work = Work(dispatch.run_id, task_id, order.agent, dispatch.attempt, step=order.step)
        apart = (
            state is not None
            and is_sampled(order.traceparent)
            and _tasks_of(state, order.step) > self._trace_tasks
        )
        return steps.dispatch(topic, work, Trace(order.traceparent), sent=dispatch.sent, apart=apart)

    def too_large(self, dispatch: Dispatch) -> Letter:
        """Write the failure of an attempt whose dispatch Kafka will never take."""
        task_id = TaskId(f"{dispatch.run_id}/{dispatch.local}")
        fault = fault_of(MessageTooLarge("the dispatch of this task is larger than Kafka takes"))
        body = TaskSettled(task_id=task_id, attempt=dispatch.attempt, outcome="failed", fault=fault)
        return Letter(self._log_record(dispatch.run_id, body, dispatch.member, None))

    def _log_record(
        self, run_id: str, body: Message, ce_id: str, traceparent: str | None, cause: int | None = None
    ) -> Outgoing:
        envelope = self._envelope(body.KIND, ce_id, run_id, traceparent, cause)
        return Outgoing(
            self._names.runs, run_id.encode(), encode_body(body), envelope.headers(), partition=self._lane
        )

    def _envelope(
        self, kind: str, ce_id: str, run_id: str, traceparent: str | None, cause: int | None = None
    ) -> Envelope:
        return Envelope(
            kind=kind,
            id=ce_id,
            source=self._source,
            subject=run_id,
            cause=cause,
            traceparent=traceparent or None,
        )


def _tasks_of(state: RunState, step: str) -> int:
    """Count the tasks of a run, as far as they are known yet."""
    return max(state.totals()[1], state.step(step).length)


def _fitting(kind: type[TaskDispatched], value: bytes) -> tuple[bytes, bytes | None]:
    """Move the inputs of a dispatch that is over 64 KiB aside: (body, what goes into the payload store)."""
    if len(value) <= INLINE_BYTES:
        return value, None
    body = kind.model_validate_json(value)
    if not body.inputs:
        return value, None
    blob = canonical_json([given.model_dump(mode="json") for given in body.inputs])
    reference = Reference(sha256=sha256_hex(blob), bytes=len(blob), tokens=0)
    return encode_body(body.model_copy(update={"inputs": (), "inputs_ref": reference})), blob


def _tell(dispatch: Dispatch, order: Order, task_id: str, traceparent: str | None) -> None:
    again = dispatch.sent > 1
    ids: dict[str, str] = {"run_id": dispatch.run_id, "task_id": task_id}
    if order.parents > 1 and not again and dispatch.attempt == 1:
        holes = sum(isinstance(given.source, HoleInput) for given in order.inputs)
        logs.handoff(
            "joined",
            traceparent=traceparent,
            **ids,
            parents=order.parents,
            holes=holes,
            cause=order.cause,
        )
    logs.handoff(
        "dispatched",
        traceparent=traceparent,
        **ids,
        agent=order.agent,
        attempt=dispatch.attempt,
        again=again,
        cause=order.cause,
    )


def trace_of(state: RunState) -> str | None:
    """Return the traceparent of a run: of its accept while it is active, of its end in a tombstone."""
    kept = state.get("tp")
    if kept is not None:
        return kept.decode() or None
    return state.pinned.traceparent if state.get("run") is not None else None
