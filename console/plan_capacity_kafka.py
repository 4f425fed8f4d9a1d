"""What a load needs of Kafka: bytes by topic, for how long they are kept, partitions. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from argosy.broker.topics import TopicNames, plan
from argosy.console.plan_capacity_constants import Constants
from argosy.console.plan_capacity_load import Load, Traffic
from argosy.console.plan_capacity_run import Topic, stored_bytes, written
from argosy.schemas.settings import DAY_SECONDS, Settings

_ORDER: Final[tuple[Topic, ...]] = ("inbox", "runs", "tasks", "results", "events")
_AGENT: Final = "any"
_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class TopicBytes:
    """One topic, or all topics of work together. Bytes are those of one replica."""

    topic: Topic
    records_per_run: int
    bytes_per_run: int
    bytes_per_day: int
    kept_days: float
    bytes_kept: int


@dataclass(frozen=True, slots=True)
class KafkaNeed:
    """All of them. On disk lies `bytes_kept` times the replicas."""

    topics: tuple[TopicBytes, ...]
    replicas: int
    bytes_per_run: int
    bytes_per_task: int
    bytes_per_day: int
    bytes_kept: int
    """With all replicas."""
    mib_per_second: float
    """At the peak, with all replicas."""
    brokers: int
    payload_bytes_per_day: int
    """Into the payload store."""


def kafka_need(load: Load, found: Traffic, settings: Settings, replicas: int, known: Constants) -> KafkaNeed:
    """Add up what runs write. At worst each record is a batch of its own, so these are the most."""
    kept = _kept_days(settings)
    topics = tuple(_topic(load, topic, kept[topic], known) for topic in _ORDER)
    per_run = sum(each.bytes_per_run for each in topics)
    on_disk = sum(each.bytes_kept for each in topics) * replicas
    rate = found.runs_per_second * per_run * replicas / _MIB
    least = 1 if replicas == 1 else max(3, replicas)
    return KafkaNeed(
        topics=topics,
        replicas=replicas,
        bytes_per_run=per_run,
        bytes_per_task=per_run // load.run.tasks,
        bytes_per_day=per_run * load.runs_per_day,
        bytes_kept=on_disk,
        mib_per_second=rate,
        brokers=max(least, math.ceil(rate / known.assumed.kafka_mib_per_second)),
        payload_bytes_per_day=stored_bytes(load.run, known) * load.runs_per_day,
    )


def _topic(load: Load, topic: Topic, days: float, known: Constants) -> TopicBytes:
    rows = [each for each in written(load.run, known) if each.topic == topic]
    records = sum(each.number for each in rows)
    size = sum(each.number * (each.bytes_each + known.records.batch) for each in rows)
    per_day = size * load.runs_per_day
    return TopicBytes(topic, records, size, per_day, days, round(per_day * days))


def _kept_days(settings: Settings) -> Mapping[Topic, float]:
    """Take for how long each topic is kept from where topics are planned."""
    names = TopicNames(settings.kafka.topic_prefix)
    by_name = {each.name: each for each in plan(settings, [_AGENT])}

    def days(name: str) -> float:
        return int(by_name[name].configs["retention.ms"]) / 1000 / DAY_SECONDS

    return {
        "inbox": days(names.inbox),
        "runs": days(names.runs),
        "tasks": days(names.tasks(_AGENT)),
        "results": days(names.results),
        "events": days(names.events),
    }
