"""What Kafka knows of a submit that has not become a run: where it lies, what it waits for, how it was answered."""

from collections.abc import AsyncIterator, Iterable

from argosy.broker.cluster import KafkaCluster
from argosy.broker.lag import GroupLag
from argosy.broker.log import Partition, Record
from argosy.broker.topics import TopicNames
from argosy.console.why_facts import Refusal, Submit
from argosy.schemas.codec import Message, decode_body
from argosy.schemas.envelope import Envelope, Headers, read_envelope
from argosy.schemas.errors import BadMessage, NewerVersion
from argosy.schemas.inbox import RunSubmitted
from argosy.schemas.result import SubmitRefused


async def ask_submit(
    cluster: KafkaCluster, names: TopicNames, run_id: str, inbox: GroupLag, wait_seconds: float
) -> tuple[Submit | None, Refusal | None]:
    """Find the run's oldest submit that nobody has answered, and the last refusal of one.

    A refused one lies uncommitted for a while too: as long as another before it waits. `wait_seconds` is how long
    a receiver waits for a roll-out.
    """
    refusals = [found async for found in _refusals(cluster, names, run_id)]
    answered = {refusal.position for refusal in refusals}
    last = refusals[-1] if refusals else None
    for one in inbox.partitions:
        start = max(one.start, one.committed or 0)
        async for record in cluster.scan(Partition(names.inbox, one.partition), start):
            if f"{one.partition}/{record.offset}" in answered or not _is_submit(record, run_id):
                continue
            newer, named = _waits_for(record)
            published = await _published(cluster, names) if named else ()
            if named in published or any(key.partition("@")[0] == named for key in published):
                named = ""
            until_ms = record.timestamp_ms + round(wait_seconds * 1000)
            return Submit(
                one.partition, record.offset, start, record.timestamp_ms, named, newer, published, until_ms
            ), last
    return None, last


def envelope_of(headers: Headers) -> Envelope | None:
    """Read headers; None: they are none of this release's."""
    try:
        return read_envelope(headers)
    except (BadMessage, NewerVersion):
        return None


def _is_submit(record: Record, run_id: str) -> bool:
    """Say whether it is one of this run, of whatever version."""
    subject, kind = (_header(record.headers, name) for name in ("ce_subject", "ce_type"))
    return subject == run_id and kind.startswith(f"argosy.{RunSubmitted.KIND}.v")


def _waits_for(record: Record) -> tuple[str, str]:
    """Return the newer kind that it is of, and the pipeline that it names; both may be empty."""
    try:
        envelope = read_envelope(record.headers)
    except NewerVersion:
        return _header(record.headers, "ce_type"), ""
    except BadMessage:
        return "", ""
    body = _decode(envelope, record.value)
    named = body.pipeline if isinstance(body, RunSubmitted) and isinstance(body.pipeline, str) else ""
    return "", named


async def _published(cluster: KafkaCluster, names: TopicNames) -> tuple[str, ...]:
    keys: dict[str, bool] = {}
    async for record in cluster.scan(Partition(names.pipelines, 0), 0):
        keys[(record.key or b"").decode(errors="replace")] = record.value is not None
    return tuple(key for key, there in keys.items() if there)


async def _refusals(cluster: KafkaCluster, names: TopicNames, run_id: str) -> AsyncIterator[Refusal]:
    for number in range(await cluster.partitions(names.results)):
        async for record in cluster.scan(Partition(names.results, number), 0):
            envelope = envelope_of(record.headers)
            if envelope is None or envelope.subject != run_id or envelope.kind != SubmitRefused.KIND:
                continue
            body = _decode(envelope, record.value)
            if isinstance(body, SubmitRefused):
                yield Refusal(body.reason, body.message, body.position)


def _header(headers: Iterable[tuple[str, bytes | None]], name: str) -> str:
    found = [value or b"" for key, value in headers if key.lower() == name]
    return found[-1].decode(errors="replace") if found else ""


def _decode(envelope: Envelope, value: bytes | None) -> Message | None:
    try:
        return decode_body(envelope, value)
    except (BadMessage, NewerVersion):
        return None
