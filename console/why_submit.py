"""What Kafka knows of a submit that has not become a run: where it lies, what it waits for, how it was answered."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

from argosy.broker.cluster import KafkaCluster
from argosy.broker.lag import GroupLag
from argosy.broker.log import Partition, Record
from argosy.broker.topics import TopicNames
from argosy.console.published import find, published
from argosy.console.why_facts import Refusal, Submit
from argosy.schemas.codec import Message, decode_body
from argosy.schemas.envelope import Envelope, Headers, read_envelope
from argosy.schemas.errors import BadMessage, NewerVersion, NotFound
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
            found = Submit(one.partition, record.offset, start, record.timestamp_ms)
            until_ms = record.timestamp_ms + round(wait_seconds * 1000)
            return await _waiting(cluster, names, record, replace(found, until_ms=until_ms)), last
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


async def _waiting(cluster: KafkaCluster, names: TopicNames, record: Record, found: Submit) -> Submit:
    """Add what it waits for: a newer release, its pipeline, a topic for the work of an agent; or nothing of these."""
    try:
        envelope = read_envelope(record.headers)
    except NewerVersion:
        return replace(found, newer=_header(record.headers, "ce_type"))
    except BadMessage:
        return found
    body = _decode(envelope, record.value)
    if not isinstance(body, RunSubmitted):
        return found
    if isinstance(body.pipeline, str):
        there = await published(cluster, names)
        try:
            pipeline = find(there, body.pipeline).pipeline
        except NotFound:
            return replace(found, names=body.pipeline, published=tuple(each.key for each in there))
    else:
        pipeline = body.pipeline
    topics = await cluster.topic_names()
    wanted = [names.tasks(agent) for agent in sorted(pipeline.contracts())]
    homeless = tuple(topic for topic in wanted if topic not in topics)
    return replace(found, pipeline=pipeline.name, homeless=homeless)


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
