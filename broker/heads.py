"""The first records of many partitions at once: what a measure of lag counts and reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from argosy.broker.log import Partition, Record
from argosy.broker.membership import record_of

WAIT_MS: Final = 200
MOST_BYTES: Final = 262_144
"""Of one partition: a few large messages are a measure as well."""


@dataclass(slots=True)
class Looked:
    """How far one partition was looked through: the records up to `next`; `end` is where to stop."""

    next: int
    end: int
    records: list[Record] = field(default_factory=list[Record])
    size: int = 0

    def take(self, records: list[Record], position: int, most: int) -> bool:
        """Take what a fetch gave, and its position after it; say whether that is enough."""
        for record in records:
            if record.offset >= self.end:
                self.next = self.end  # only control records, or none, lay before it
                break
            if len(self.records) == most:
                break
            self.records.append(record)
            self.size += len(record.value or b"")
            self.next = record.offset + 1
        else:
            self.next = max(self.next, min(position, self.end))
        return self.next >= self.end or len(self.records) >= most or self.size >= MOST_BYTES


async def look(kafka: AIOKafkaConsumer, looked: Mapping[Partition, Looked], most: int) -> None:
    """Read until there is enough of each; `kafka` is connected, in no group, and assigned nothing yet."""
    by_place = {TopicPartition(*where): each for where, each in looked.items() if each.next < each.end}
    if not by_place:
        return
    kafka.assign(list(by_place))
    for place, each in by_place.items():
        kafka.seek(place, each.next)
    open_places = set(by_place)
    while open_places:
        found = await kafka.getmany(*open_places, timeout_ms=WAIT_MS)
        for place in list(open_places):
            records = [record_of(record) for record in found.get(place, ())]
            if by_place[place].take(records, await kafka.position(place), most):
                open_places.discard(place)
                kafka.pause(place)
