"""Judges a fleet after the storm, from Kafka and Redis alone: raw topics, raw keys, the wire format."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from argosy.broker.redis import RedisStore
from argosy.schemas.codec import Message, decode_body
from argosy.schemas.envelope import Envelope, read_envelope
from argosy.schemas.errors import BadMessage
from argosy.schemas.ids import local_part
from argosy.schemas.runlog import RunAccepted, RunEnded, TaskSettled
from argosy.schemas.settings import Settings
from support.leftovers import leftovers


@dataclass(frozen=True)
class Seen:
    """One record, decoded."""

    offset: int
    envelope: Envelope
    message: Message
    body: bytes


@dataclass
class Story:
    """All of one run that the topics hold, in log order."""

    accepted: list[RunAccepted] = field(default_factory=list)
    settled: list[TaskSettled] = field(default_factory=list)
    ended: list[RunEnded] = field(default_factory=list)
    results: list[bytes] = field(default_factory=list)

    def accepted_values(self) -> dict[str, TaskSettled]:
        """The first success of each task: the one that took effect."""
        first: dict[str, TaskSettled] = {}
        for settled in self.settled:
            if settled.outcome == "succeeded":
                first.setdefault(local_part(settled.task_id), settled)
        return first


async def read_topic(settings: Settings, topic: str) -> list[Seen]:
    """Read a whole topic with a consumer of our own, no group."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap_servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    seen: list[Seen] = []
    try:
        numbers = consumer.partitions_for_topic(topic) or await _partitions(consumer, topic)
        partitions = [TopicPartition(topic, number) for number in numbers]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        await consumer.seek_to_beginning(*partitions)
        while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                for record in batch:
                    try:
                        envelope = read_envelope(record.headers)
                        message = decode_body(envelope, record.value)
                    except BadMessage:
                        continue
                    seen.append(Seen(record.offset, envelope, message, record.value or b""))
    finally:
        await consumer.stop()
    return seen


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer._client.force_metadata_update()  # noqa: SLF001 - the library has no public refresh
    found = consumer.partitions_for_topic(topic)
    assert found, f"topic {topic} is not there"
    return found


async def stories(settings: Settings) -> dict[str, Story]:
    """Gather every run's story from the run log and the results."""
    prefix = settings.kafka.topic_prefix
    told: dict[str, Story] = defaultdict(Story)
    for seen in await read_topic(settings, f"{prefix}.runs"):
        story = told[seen.envelope.subject]
        match seen.message:
            case RunAccepted():
                story.accepted.append(seen.message)
            case TaskSettled():
                story.settled.append(seen.message)
            case RunEnded():
                story.ended.append(seen.message)
            case _:
                pass
    for seen in await read_topic(settings, f"{prefix}.results"):
        if isinstance(seen.message, RunEnded):
            told[seen.envelope.subject].results.append(seen.body)
    return dict(told)


async def unread(settings: Settings) -> dict[str, int]:
    """Lag by group, topic and partition, from raw offsets; empty when all is read."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap_servers)
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka.bootstrap_servers)
    await admin.start()
    await consumer.start()
    lag: dict[str, int] = {}
    try:
        for group, _ in await admin.list_consumer_groups():
            if not group.startswith(f"{settings.kafka.topic_prefix}."):
                continue
            offsets = await admin.list_consumer_group_offsets(group)
            ends = await consumer.end_offsets(list(offsets))
            for partition, committed in offsets.items():
                behind = ends[partition] - max(0, committed.offset)
                if behind > 0:
                    lag[f"{group} {partition.topic}/{partition.partition}"] = behind
    finally:
        await consumer.stop()
        await admin.close()
    return lag


async def until_quiet(settings: Settings, *, seconds: float = 150.0) -> None:
    """Wait until nothing is unread and nothing is left over; raise with what still is."""
    deadline = asyncio.get_running_loop().time() + seconds
    store = RedisStore(settings.redis)
    try:
        while True:
            lag, left = await unread(settings), await leftovers(store, settings.redis.key_prefix)
            if not lag and not left:
                return
            if asyncio.get_running_loop().time() > deadline:
                message = f"not quiet: unread {lag}, left over {left[:10]}"
                raise AssertionError(message)
            await asyncio.sleep(0.5)
    finally:
        await store.close()
