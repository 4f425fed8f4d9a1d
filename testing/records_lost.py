"""Kafka loses records: by retention, or in an unclean election. And what the oracle may not expect then."""

import random
from collections.abc import Callable, Iterable
from typing import cast

from argosy.broker.keys import LaneKeys
from argosy.broker.log import Partition, Record
from argosy.schemas.envelope import read_envelope
from argosy.schemas.errors import ArgosyError
from argosy.testing.damage import Damage
from argosy.testing.world import World

_NEXT = b"next"


class RecordsLost:
    """Takes records away from a world's logs, and writes down what that cost."""

    def __init__(self, world: World, damage: Damage, chance: random.Random) -> None:
        """Let `chance` choose the log."""
        self._world, self._damage, self._chance = world, damage, chance
        self.on_tail_lost: list[Callable[[Partition], None]] = []
        """Hear of a partition whose end was lost."""

    def tail(self, records: int) -> None:
        """Lose the last records of one log of the runs or of work, as an unclean election does."""
        world = self._world
        topics = [
            topic
            for topic in sorted(world.broker.sizes())
            if topic == world.names.runs or world.names.agent_of(topic)
        ]
        topic = self._chance.choice((world.names.runs, self._chance.choice(topics)))
        where = Partition(topic, self._chance.randrange(world.broker.sizes()[topic]))
        lost = world.broker.lose_tail(where, records)
        self._damage.tail = True
        if topic == world.names.runs:
            self._damage.runs |= _runs_of(lost)
            self._damage.rebuilt = True
        for hears in self.on_tail_lost:
            hears(where)

    def cut(self, lane: int) -> None:
        """Let retention take all that lies before the first record of a run of the lane that isn't over."""
        world = self._world
        where = Partition(world.names.runs, lane)
        before, gone = self._done_up_to(lane), list[Record]()
        for record in world.broker.log(where).all():
            if record.offset >= before or not _runs_of([record]) <= self._over(lane, before):
                before = min(before, record.offset)
                break
            gone.append(record)
        world.cut(where, before)
        self._damage.cut |= _runs_of(gone)

    def old(self) -> None:
        """Let retention take what is older than each topic keeps it."""
        world = self._world
        for topic, size in world.broker.sizes().items():
            plan = world.broker.plan_of(topic)
            keep_ms = None if plan is None else plan.configs.get("retention.ms")
            if keep_ms is None:
                continue
            for number in range(size):
                where = Partition(topic, number)
                before = world.broker.log(where).offset_at(int(world.broker.clock() * 1000) - int(keep_ms))
                gone = [record for record in world.broker.log(where).all() if record.offset < before]
                if topic == world.names.inbox:
                    read = world.broker.groups(world.names.receivers).offsets.get(where, 0)
                    self._damage.runs |= _runs_of(record for record in gone if record.offset >= read)
                if topic == world.names.runs:
                    over = self._over(number, self._done_up_to(number))
                    self._damage.runs |= _runs_of(gone) - over
                    self._damage.cut |= _runs_of(gone) & over
                world.cut(where, before)

    def _done_up_to(self, lane: int) -> int:
        """Return the lane's checkpoint: what it has folded, for good unless Redis loses it."""
        keys = LaneKeys(self._world.settings.redis.key_prefix, lane)
        found = self._world.server.dump().get(keys.checkpoint.encode())
        fields = cast("dict[bytes, bytes]", found) if isinstance(found, dict) else {}
        return int(fields.get(_NEXT, b"0"))

    def _over(self, lane: int, before: int) -> set[str]:
        """Return the runs whose end is in the log before an offset, and whose result is published."""
        world = self._world
        ended = _runs_of(
            record
            for record in world.records(Partition(world.names.runs, lane))
            if record.offset < before and _kind(record).startswith("argosy.run.ended.")
        )
        published = {
            run_id
            for number in range(world.broker.sizes()[world.names.results])
            for run_id in _runs_of(world.records(Partition(world.names.results, number)))
        }
        return ended & published


def _runs_of(records: Iterable[Record]) -> set[str]:
    runs = set[str]()
    for record in records:
        try:
            runs.add(read_envelope(record.headers).subject)
        except ArgosyError:
            continue
    return runs


def _kind(record: Record) -> str:
    return next((value for name, value in record.headers if name == "ce_type"), b"").decode()
