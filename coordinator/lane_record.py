"""From a record of the run log to the event that fold sees."""

from collections.abc import Sequence

from argosy.broker.log import Record
from argosy.coordinator.known_pipelines import decode
from argosy.coordinator.state import Event
from argosy.schemas.envelope import read_envelope
from argosy.schemas.errors import BadMessage, NewerVersion
from argosy.schemas.ids import is_run_id
from argosy.schemas.runlog import LogMessage


def read(record: Record) -> Event:
    """Decode a record.

    Raises BadMessage for what only an untrusted writer can have put there, and NewerVersion: the lane must
    wait for a roll-out.
    """
    envelope = read_envelope(record.headers)
    message = decode(envelope, record.value)
    if not is_run_id(envelope.subject):
        raise BadMessage("is no run id", field="ce_subject")
    if not isinstance(message, LogMessage):
        raise BadMessage(f"{envelope.kind} has no place in the run log", field="ce_type")
    return Event(record.offset, record.timestamp_ms, envelope.subject, message, envelope.traceparent)


def read_all(records: Sequence[Record]) -> list[Event | BadMessage | NewerVersion]:
    """Decode records, each to what `read` would return or raise."""
    found: list[Event | BadMessage | NewerVersion] = []
    for record in records:
        try:
            found.append(read(record))
        except (BadMessage, NewerVersion) as error:
            found.append(error)
    return found
