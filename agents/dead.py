"""Messages that are no work: to the dead letters, and settled as failed if the task is known."""

from typing import Final

from argosy.agents.patience import patiently
from argosy.agents.services import Services
from argosy.broker.deadletters import Reason
from argosy.broker.log import Outgoing, Record
from argosy.schemas.codec import encode_body
from argosy.schemas.envelope import Envelope, read_envelope
from argosy.schemas.errors import BadMessage, NewerVersion
from argosy.schemas.fault import fault_of
from argosy.schemas.ids import is_run_id, lane_of
from argosy.schemas.runlog import TaskSettled
from argosy.schemas.task import SystemDispatched, TaskDispatched
from argosy.telemetry import logs, metrics

_DIGITS: Final = 9
_ORDERS: Final = frozenset((TaskDispatched.KIND, SystemDispatched.KIND))


async def bury(record: Record, reason: Reason, error: BadMessage, services: Services) -> None:
    """Write the dead letter, then settle the attempt if the headers tell which; both are acknowledged then.

    The settle is a retriable failure: only this one message may be wrong, the next attempt has another.
    """
    await patiently(
        lambda: services.graveyard.bury(record, reason, str(error)),
        f"writing a dead letter for {record.topic}/{record.partition}/{record.offset}",
    )
    metrics.dead_lettered(record.topic, reason)
    logs.handoff(
        "dead",
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        reason=reason,
        error=str(error),
    )
    # An order for another agent is another topic's to answer: failing it here could fail a healthy attempt.
    if reason != "wrong_agent" and (settle := _settle(record, error, services)) is not None:
        await patiently(lambda: services.producer.send(settle), "settling a task of a dead letter")


def reason_of(error: BadMessage) -> Reason:
    """Say why a message can't be read, in one of the words of a dead letter."""
    return "unknown_kind" if error.field == "ce_type" else "undecodable"


def _settle(record: Record, error: BadMessage, services: Services) -> Outgoing | None:
    """Build the settle of the attempt that the headers name; None if they name none."""
    try:
        envelope = read_envelope(record.headers)
    except (BadMessage, NewerVersion):
        return None
    task_id, mark, attempt = envelope.id.rpartition("#")
    run_id, slash, local = task_id.partition("/")
    known = mark and slash and local and is_run_id(run_id) and attempt.isascii() and attempt.isdigit()
    if envelope.kind not in _ORDERS or not known or len(attempt) > _DIGITS:
        return None
    fault = fault_of(error, retriable=True)
    settled = TaskSettled(
        task_id=task_id, attempt=int(attempt), outcome="failed", fault=fault, worker=services.source
    )
    headers = Envelope(
        kind=TaskSettled.KIND,
        id=envelope.id,
        source=services.source,
        subject=run_id,
        cause=envelope.cause,
        traceparent=envelope.traceparent,
    ).headers()
    lane = lane_of(run_id, services.settings.fleet.lanes)
    return Outgoing(services.topics.runs, run_id.encode(), encode_body(settled), headers, lane)
