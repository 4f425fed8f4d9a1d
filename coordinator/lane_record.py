"""From a record of the run log to the event that fold sees."""

from collections.abc import Sequence

from pydantic import ValidationError

from argosy.broker.log import Record
from argosy.coordinator.event import Event
from argosy.coordinator.fold import RULES
from argosy.coordinator.kept import Ruled
from argosy.coordinator.known_pipelines import decode
from argosy.schemas.envelope import Envelope, read_envelope
from argosy.schemas.errors import BadMessage, NewerVersion
from argosy.schemas.ids import is_run_id
from argosy.schemas.runlog import LogMessage, RunAccepted, TaskSettled


def read(record: Record) -> Event:
    """Decode a record.

    Raises BadMessage for what only an untrusted writer can have put there, and NewerVersion: the lane must
    wait for a roll-out.
    """
    envelope = read_envelope(record.headers)
    try:
        message = decode(envelope, record.value)
    except BadMessage:
        _leave_newer(envelope, record.value)
        raise
    if not is_run_id(envelope.subject):
        raise BadMessage("is no run id", field="ce_subject")
    if not isinstance(message, TaskSettled) and not isinstance(message, LogMessage):  # most are the first
        raise BadMessage(f"{envelope.kind} has no place in the run log", field="ce_type")
    return Event(record.offset, record.timestamp_ms, envelope.subject, message, envelope.traceparent)


def _leave_newer(envelope: Envelope, body: bytes | None) -> None:
    """Raise NewerVersion for a run whose beginning can't be read and says that it follows newer rules.

    Those may come with a pipeline that has more to it: a dead letter of it would lose a run that was acknowledged.
    """
    if envelope.kind != RunAccepted.KIND:
        return
    try:
        rules = Ruled.model_validate_json(body or b"").rules
    except ValidationError:
        return
    if rules > max(RULES):
        message = f"run {envelope.subject} follows rules {rules}; this release knows {sorted(RULES)}"
        raise NewerVersion(message) from None


def read_all(records: Sequence[Record]) -> list[Event | BadMessage | NewerVersion]:
    """Decode records, each to what `read` would return or raise."""
    found: list[Event | BadMessage | NewerVersion] = []
    for record in records:
        try:
            found.append(read(record))
        except (BadMessage, NewerVersion) as error:
            found.append(error)
    return found
