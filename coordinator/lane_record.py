"""From a record of the run log to the event that fold sees."""

from collections.abc import Iterable, Iterator

from argosy.broker.log import Record
from argosy.coordinator.state import Event
from argosy.schemas.codec import decode_body
from argosy.schemas.envelope import read_envelope
from argosy.schemas.errors import BadMessage
from argosy.schemas.ids import is_run_id
from argosy.schemas.runlog import LogMessage
from argosy.telemetry import logs


def read(record: Record) -> Event | None:
    """Decode a record.

    None for what only an untrusted writer can have put there: it is told, and nothing is done.

    Raises NewerVersion: the lane must wait for a roll-out.
    """
    try:
        envelope = read_envelope(record.headers)
        message = decode_body(envelope, record.value)
    except BadMessage as error:
        _skipped(record, str(error))
        return None
    if not is_run_id(envelope.subject):
        _skipped(record, "ce_subject is no run id")
        return None
    if not isinstance(message, LogMessage):
        _skipped(record, f"{envelope.kind} has no place in the run log")
        return None
    return Event(record.offset, record.timestamp_ms, envelope.subject, message, envelope.traceparent)


def _skipped(record: Record, why: str) -> None:
    logs.get("argosy.lane").error(
        "record of the run log skipped", lane=record.partition, offset=record.offset, error=why
    )


def run_ids(records: Iterable[Record]) -> Iterator[str]:
    """Name the runs that records are about, as far as their headers say.

    What to load before they are folded.
    """
    for record in records:
        for name, value in record.headers:
            if name.lower() == "ce_subject":
                yield (value or b"").decode(errors="replace")
