"""An order to run one attempt of one task, as it lay in the agent's topic.

Decoding it, or saying what is wrong.
"""

from typing import NamedTuple

from argosy.broker.log import Partition, Record
from argosy.schemas.codec import decode_body
from argosy.schemas.envelope import Envelope, read_envelope
from argosy.schemas.errors import BadMessage
from argosy.schemas.ids import is_run_id
from argosy.schemas.plain_dispatch import Dispatch, read_plain
from argosy.schemas.task import TaskDispatched
from argosy.telemetry import propagation
from argosy.telemetry.propagation import Trace

TaskKey = tuple[str, int]
"""Task id and attempt: what tells copies of one order from other orders."""


class Copy(NamedTuple):
    """One record that orders an attempt. `epoch` is the assignment it was taken in.

    An older one moves no offset.
    """

    epoch: int
    partition: Partition
    offset: int
    size: int


class Order(NamedTuple):
    """A decoded dispatch."""

    body: Dispatch
    run_id: str
    local: str
    """The task's name inside its run."""
    cause: int | None
    """The run-log offset that ordered the attempt: the settle answers it."""
    trace: Trace
    appended_ms: int
    key: TaskKey
    """What copies of this order have in common."""
    name: str
    """Its name for people, and the id of its outcome: `<task>#<attempt>`."""


def decode(record: Record) -> Order:
    """Decode a record of an agent's topic.

    Raises BadMessage for what is no dispatch (no later release could read it either), and NewerVersion for
    one that a newer release wrote.
    """
    envelope = read_envelope(record.headers)
    if envelope.kind == TaskDispatched.KIND and record.value is not None:
        plain = read_plain(record.value)
        if plain is not None:
            return _order(plain, plain.run_id, plain.local, envelope, record)
    body = decode_body(envelope, record.value)
    if not isinstance(body, TaskDispatched):
        message = f"{envelope.kind} is no work for an agent"
        raise BadMessage(message, field="ce_type")
    run_id, slash, local = body.task_id.partition("/")
    if not slash or not local or not is_run_id(run_id):
        message = f"{body.task_id[:200]!r} is no task id"
        raise BadMessage(message, field="task_id")
    return _order(body, run_id, local, envelope, record)


def _order(body: Dispatch, run_id: str, local: str, envelope: Envelope, record: Record) -> Order:
    trace = propagation.checked(envelope.traceparent, envelope.tracestate)
    id_, attempt = key = body.task_id, body.attempt
    return Order(body, run_id, local, envelope.cause, trace, record.timestamp_ms, key, f"{id_}#{attempt}")
