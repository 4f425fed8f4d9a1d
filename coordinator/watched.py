"""Tells people who watch what changed: on `argosy.events` and in the log. Lossy.

Nothing correct depends on it. What changed in a run within a turn goes out as one record: at a join's width each change
by itself costs a fifth of a coordinator, and people see them at the same moment anyway.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pydantic_core import to_json

from argosy.broker.log import Outgoing
from argosy.coordinator.decision import Changed, Waited
from argosy.coordinator.event import Event
from argosy.coordinator.lane_services import LaneServices
from argosy.schemas.envelope import encoded
from argosy.schemas.runlog import RunEnded, TaskSettled
from argosy.schemas.watch import StateChanged, StatesChanged
from argosy.telemetry import logs, metrics, steps
from argosy.telemetry.propagation import Trace
from argosy.telemetry.steps import RunSummary, Wait

_UNSETTLED: Final = frozenset(("failed", "skipped", "cancelled", "expired"))
"""How a task or a step may end without a worker's word."""
_ANSWERED: Final = frozenset(("budget_raised", "budget_denied", "budget_kept"))
_MOST_IN_FLIGHT: Final = 20
"""Of what one turn has to tell, while Kafka takes nothing."""
MOST_BYTES: Final = 32_768
"""Of changes in one record: who watches must not wait for all of a wide map, and no record may be too large."""

Change = tuple[Event, Changed]


class Watched:
    """Of one lane since it was taken."""

    def __init__(self, services: LaneServices, group: asyncio.TaskGroup) -> None:
        """`group` owns the sends."""
        self._services, self._group = services, group
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, changes: Iterable[Change]) -> None:
        """Send what changed; what is too much for Kafka just now is not sent."""
        by_run: dict[str, list[Change]] = {}
        told, sending = logs.told(), len(self._tasks) < _MOST_IN_FLIGHT
        for event, change in changes:
            if told or change.state == "ended" or change.waited is not None:
                _log(event, change)
            if sending:
                by_run.setdefault(event.run_id, []).append((event, change))
        if by_run:
            topic, source = self._services.names.events, self._services.source
            records = [record for some in by_run.values() for record in records_of(some, topic, source)]
            task = self._group.create_task(self._services.producer.post(records), name="events")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def abandon(self) -> None:
        """Send no more."""
        for task in self._tasks:
            task.cancel()


def records_of(changes: Sequence[Change], topic: str, source: str) -> Iterator[Outgoing]:
    """Write what changed in one run: one record, or more where it is very much."""
    bodies: list[bytes] = []
    first, size = changes[0], 0
    for event, change in changes:
        body = body_of(event, change)
        if bodies and size + len(body) > MOST_BYTES:
            yield _record(first, bodies, topic, source)
            bodies, first, size = [], (event, change), 0
        bodies.append(body)
        size += len(body)
    yield _record(first, bodies, topic, source)


def _record(first: Change, bodies: Sequence[bytes], topic: str, source: str) -> Outgoing:
    event, change = first
    run_id, offset = event.run_id, event.offset
    kind = StateChanged.KIND if len(bodies) == 1 else StatesChanged.KIND
    ce_id = f"{run_id}/{offset}/{change.state}/{change.local}"
    headers = encoded(kind, ce_id, source, run_id, None, offset, 0, event.traceparent, None)
    return Outgoing(topic, run_id.encode(), body_together(bodies), headers)


def body_together(bodies: Sequence[bytes]) -> bytes:
    """Write the body of a record with these changes: of one as it is, of more a `StatesChanged`."""
    return bodies[0] if len(bodies) == 1 else b'{"changes":[%b]}' % b",".join(bodies)


def body_of(event: Event, change: Changed) -> bytes:
    """Write the body of a `StateChanged`, as `encode_body` would: there are two for each task.

    Ids and names hold nothing that JSON would have to escape.
    """
    parts: list[str] = []
    if change.local is not None:
        parts.append(f'"task_id":"{event.run_id}/{change.local}"')
    if change.agent is not None:
        parts.append(f'"agent":"{change.agent}"')
    if change.attempt is not None:
        parts.append(f'"attempt":{change.attempt}')
    parts.append(f'"state":"{change.state}"')
    if change.reason:
        parts.append(f'"reason":{to_json(change.reason).decode()}')
    return f"{{{','.join(parts)}}}".encode()


def _log(event: Event, change: Changed) -> None:
    match event.message:
        case TaskSettled() if change.state == "asking" and change.local is not None:
            logs.handoff(
                "asked",
                traceparent=event.traceparent,
                run_id=event.run_id,
                task_id=f"{event.run_id}/{change.local}",
                attempt=change.attempt,
                offset=event.offset,
                why=change.reason,
            )
        case _ if change.state in _ANSWERED:
            logs.handoff(
                "answered",
                traceparent=event.traceparent,
                run_id=event.run_id,
                outcome=change.state,
                offset=event.offset,
                why=change.reason,
            )
        case TaskSettled() as settled if change.local is not None and settled.task_id.endswith(
            f"/{change.local}"
        ):
            logs.handoff(
                "taken",
                traceparent=event.traceparent,
                run_id=event.run_id,
                task_id=settled.task_id,
                attempt=settled.attempt,
                outcome=settled.outcome,
                offset=event.offset,
            )
        case RunEnded() as ended if change.state == "ended":
            _ended(event, change, ended)
        case _ if change.local is not None and (change.state in _UNSETTLED or change.waited is not None):
            logs.handoff(
                "taken",
                traceparent=event.traceparent,
                run_id=event.run_id,
                task_id=f"{event.run_id}/{change.local}",
                attempt=change.attempt,
                outcome=change.state,
                offset=event.offset,
                why=change.reason,
            )
        case _:
            pass
    if change.waited is not None and change.local is not None:
        _waited(event, change.local, change.state, change.waited)


def _waited(event: Event, local: str, outcome: str, waited: Waited) -> None:
    """Tell of a wait as a span, from when it began to the record that ended it: nobody's clock but Kafka's."""
    wait = Wait(local, waited.what, outcome, waited.since_ms)
    steps.wait(wait, event.run_id, Trace(waited.traceparent)).end(event.time_ms)


def _ended(event: Event, change: Changed, ended: RunEnded) -> None:
    summary = RunSummary(
        event.run_id,
        ended.pipeline,
        ended.outcome,
        ended.accepted_ms,
        ended.tasks,
        ended.usage,
        change.invocations,
    )
    steps.end(summary, Trace(event.traceparent)).end(event.time_ms)
    seconds = max(0, event.time_ms - ended.accepted_ms) / 1000
    metrics.run_ended(ended.pipeline.partition("@")[0], ended.outcome, seconds)
    logs.handoff(
        "ended",
        traceparent=event.traceparent,
        run_id=event.run_id,
        pipeline=ended.pipeline,
        outcome=ended.outcome,
        tasks=ended.tasks,
        input_tokens=ended.usage.input_tokens,
        output_tokens=ended.usage.output_tokens,
        **({"code": ended.fault.code} if ended.fault else {}),
    )
