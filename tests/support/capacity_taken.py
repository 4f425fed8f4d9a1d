"""What a fleet has written to Kafka and holds in Redis, in bytes, by what it is."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from argosy.broker.cluster import KafkaCluster
from argosy.broker.keys import kind_of
from argosy.broker.log import Partition, Record
from argosy.broker.redis import RedisStore
from argosy.schemas.envelope import TYPE_PREFIX

_BITS: Final = 7
"""Of a number that each byte holds."""
_STEP: Final = re.compile(r"/(first|wide-\d+|last)")


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are, and what they take together."""

    number: int = 0
    bytes: int = 0

    @property
    def each(self) -> float:
        """What one takes."""
        return self.bytes / self.number

    def more(self, size: int, number: int = 1) -> "Count":
        """Count more."""
        return Count(self.number + number, self.bytes + size)


async def of_kafka(cluster: KafkaCluster, prefix: str) -> Mapping[tuple[str, str], Count]:
    """Count records by run, and by topic and kind, as `runs/task.settled`.

    What they take in a batch, without its head. Of a task's records the kind names the step too.
    """
    found: defaultdict[tuple[str, str], Count] = defaultdict(Count)
    for topic in sorted(await cluster.topic_names()):
        if not topic.startswith(f"{prefix}."):
            continue
        for number in range(await cluster.partitions(topic)):
            async for record in cluster.scan(Partition(topic, number), 0):
                run_id, kind = _what(record)
                name = run_id, f"{topic.removeprefix(f'{prefix}.').partition('.')[0]}/{kind}"
                found[name] = found[name].more(record_bytes(record))
    return found


def _what(record: Record) -> tuple[str, str]:
    headers = {name: (value or b"").decode() for name, value in record.headers}
    kind = headers["ce_type"].removeprefix(TYPE_PREFIX).rsplit(".v", 1)[0]
    step = _STEP.search(headers["ce_id"])
    return headers["ce_subject"], f"{kind}, {step[1]}" if step and kind.startswith("task.") else kind


def record_bytes(record: Record) -> int:
    """Say what a record takes in a batch of format 2: its lengths and differences are numbers of varying length."""
    key, value = record.key or b"", record.value or b""
    size = 1 + 2 + 2 + _sized(len(key)) + _sized(len(value)) + _number(len(record.headers))
    size += sum(_sized(len(name.encode())) + _sized(len(held or b"")) for name, held in record.headers)
    return _sized(size)


def _sized(length: int) -> int:
    return _number(length) + length


def _number(value: int) -> int:
    return max(1, -(-(2 * value).bit_length() // _BITS))


def on_disk(folder: Path, topics: str) -> int:
    """Say what the brokers' segments hold of all topics whose name begins so."""
    return sum(
        file.stat().st_size for file in folder.rglob("*.log") if file.parent.name.startswith(f"{topics}.")
    )


async def of_redis(store: RedisStore, prefix: str) -> Mapping[str, Count]:
    """Count keys by what they hold, with what the server says that each takes."""
    found: defaultdict[str, Count] = defaultdict(Count)
    async for key in store.scan(f"{prefix}:*"):
        kind = kind_of(key.decode())
        if kind is not None:
            found[kind] = found[kind].more(await _usage(store, key))
    return found


async def by_run(store: RedisStore, prefix: str) -> Mapping[str, int]:
    """Say what each run's hash takes, under way or ended."""
    keys = [key async for key in store.scan(f"{prefix}:*:run:*")]
    return {key.decode().rpartition(":run:")[2]: await _usage(store, key) for key in keys}


async def _usage(store: RedisStore, key: bytes) -> int:
    size = await store.command(b"MEMORY", b"USAGE", key, b"SAMPLES", b"0")
    return size if isinstance(size, int) else 0
