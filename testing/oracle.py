"""Judges a simulated fleet when all is quiet: which promise of the design was broken? It reads Kafka and Redis only."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from argosy.broker.keys import PERMANENT, LaneKeys, kind_of
from argosy.broker.log import Partition, Record
from argosy.coordinator.fold import fold
from argosy.coordinator.messages import result_of
from argosy.schemas.codec import encode_body
from argosy.schemas.result import SubmitRefused
from argosy.schemas.runlog import RunAccepted, RunEnded, TaskSettled
from argosy.testing.damage import UNHARMED, Damage
from argosy.testing.history import Told, decoded
from argosy.testing.world import World

if TYPE_CHECKING:
    from argosy.coordinator.state import RunState

_EMPTY_AT_REST = frozenset({"timers", "ready", "out", "wait", "outbox", "quarantine", "load"})


@dataclass(frozen=True, slots=True)
class Finding:
    """A promise that was broken. `kind` is what a shorter story must still show."""

    kind: str
    text: str

    def __str__(self) -> str:
        """Tell both."""
        return f"{self.kind}: {self.text}"


@dataclass(slots=True)
class Story:
    """What the topics say of one run."""

    accepted: list[RunAccepted]
    settled: list[TaskSettled]
    ended: list[RunEnded]
    results: list[bytes]
    """Bodies of the records of its result, each at least once."""


class Oracle:
    """Looks at one world."""

    def __init__(self, world: World, damage: Damage = UNHARMED) -> None:
        """Nothing is read yet. `damage` is looked at when it judges."""
        self._world, self._damage = world, damage

    def _all(self, topic: str) -> Iterator[Told]:
        for number in range(self._world.broker.sizes().get(topic, 0)):
            for record in self._world.records(Partition(topic, number)):
                told = decoded(record)
                if told is not None:
                    yield told

    def stories(self) -> Mapping[str, Story]:
        """Gather every run's story from the run log and the results."""
        stories: defaultdict[str, Story] = defaultdict(lambda: Story([], [], [], []))
        names = self._world.names
        for told in self._all(names.runs):
            story = stories[told.envelope.subject]
            match told.body:
                case RunAccepted() as accepted:
                    story.accepted.append(accepted)
                case TaskSettled() as settled:
                    story.settled.append(settled)
                case RunEnded() as ended:
                    story.ended.append(ended)
                case _:
                    pass
        for told in self._all(names.results):
            if isinstance(told.body, RunEnded):
                stories[told.envelope.subject].results.append(told.record.value or b"")
        return stories

    def refusals(self) -> Mapping[str, SubmitRefused]:
        """Return the refused submits by their position in the inbox."""
        told = self._all(self._world.names.results)
        return {each.envelope.id: each.body for each in told if isinstance(each.body, SubmitRefused)}

    def repeats(self) -> Iterator[tuple[str, int, list[int]]]:
        """Tell of each repeat of a run that had ended: its place among all records, and those of its results."""
        published: defaultdict[str, list[int]] = defaultdict(list)
        for told in self._all(self._world.names.results):
            if isinstance(told.body, RunEnded):
                published[told.envelope.subject].append(self._place(told.record))
        ended: dict[str, str] = {}
        for told in self._all(self._world.names.runs):
            if isinstance(told.body, RunEnded):
                ended.setdefault(told.envelope.subject, told.body.data_hash)
            elif (
                isinstance(told.body, RunAccepted) and ended.get(told.envelope.subject) == told.body.data_hash
            ):
                yield told.envelope.subject, self._place(told.record), published[told.envelope.subject]

    def _place(self, record: Record) -> int:
        return self._world.order.get((record.topic, record.partition, record.offset), 0)

    def leftovers(self) -> Iterator[str]:
        """Tell what a fleet at rest may not have: keys, lag, lanes that are not live."""
        yield from self._lag()  # the cheapest first: who waits for the end looks at the first one only
        yield from self._lanes()
        yield from self._keys()

    def findings(self) -> Iterator[Finding]:
        """Judge what holds for every fleet, whatever it runs."""
        for run_id, story in self.stories().items():
            if self._damage.excuses(run_id):
                continue
            results = set(story.results)
            if len(results) > 1:
                yield Finding("two results", f"{run_id}: {sorted(results)}")
            if story.ended and results and results != {encode_body(story.ended[0])}:
                yield Finding("not the first end", f"{run_id}: {sorted(results)}, log: {story.ended[0]}")
        yield from self._refolded()
        for told in self._all(self._world.names.runs):
            if self._damage.excuses(told.envelope.subject):
                continue
            if told.envelope.cause is not None and told.envelope.cause >= told.record.offset:
                yield Finding("effect before cause", f"{_where(told)} answers {told.envelope.cause}")

    def _refolded(self) -> Iterator[Finding]:
        """Fold the whole log anew: each run's result must be the one that was published."""
        stories = self.stories()
        for lane in range(self._world.settings.fleet.lanes):
            states: dict[str, RunState | None] = {}
            aside: set[str] = set()
            for record in self._world.records(Partition(self._world.names.runs, lane)):
                event = self._world.event(record)
                try:
                    states[event.run_id], _ = fold(states.get(event.run_id), event)
                except Exception as error:  # noqa: BLE001 - whatever fold raises is what is told
                    aside.add(event.run_id)
                    yield Finding("fold raises", f"{event.run_id} at {lane}/{event.offset}: {error!r}")
            for run_id, state in states.items():
                if run_id not in aside and not self._damage.excuses(run_id):
                    yield from _compared(run_id, result_of(state), set(stories[run_id].results))

    def _keys(self) -> Iterator[str]:
        expiring = self._world.server.expiries()
        for key, value in self._world.server.dump().items():
            kind = kind_of(key.decode())
            if kind is None:
                yield f"{key.decode()}: no module makes such a key"
            elif kind in _EMPTY_AT_REST:
                yield f"{key.decode()}: work is left in it: {value!r}"
            elif kind not in PERMANENT and key not in expiring:
                yield f"{key.decode()}: it has no TTL"
            elif kind == "task" and self._damage.excuses(_run_of(key.decode())):
                continue
            elif kind == "task" and isinstance(value, dict) and b"fence" in value:
                yield f"{key.decode()}: it is claimed"

    def _lanes(self) -> Iterator[str]:
        world, held = self._world, self._world.server.dump()
        for lane in range(world.settings.fleet.lanes):
            keys = LaneKeys(world.settings.redis.key_prefix, lane)
            checkpoint, end = (
                held.get(keys.checkpoint.encode()),
                world.broker.log(Partition(world.names.runs, lane)).end,
            )
            fields = cast("dict[bytes, bytes]", checkpoint) if isinstance(checkpoint, dict) else {}
            at = int(fields.get(b"next", b"-1"))
            if at != end:
                yield f"lane {lane} is at {at} of {end}"
            if held.get(keys.live.encode()) != world.server.identity.encode():
                yield f"lane {lane} is not live"

    def _lag(self) -> Iterator[str]:
        broker, names = self._world.broker, self._world.names
        readers = {topic: names.group(agent) for topic in broker.sizes() if (agent := names.agent_of(topic))}
        for topic, group in sorted({**readers, names.inbox: names.receivers}.items()):
            for number in range(broker.sizes()[topic]):
                where = Partition(topic, number)
                offsets, log = broker.groups(group).offsets, broker.log(where)
                committed, end = offsets.get(where, log.base), log.end
                if committed != end and log.all() and not (self._damage.offsets and where not in offsets):
                    yield f"{group} has committed {committed} of {end} of {topic}/{number}"


def _compared(run_id: str, end: RunEnded | None, published: set[bytes]) -> Iterator[Finding]:
    if end is None and published:
        yield Finding("not what the log says", f"{run_id} has a result, the log has no end")
    if end is not None and published - {encode_body(end)}:
        yield Finding("not what the log says", f"{run_id}: {sorted(published)}, log: {end}")


def _run_of(key: str) -> str:
    """Return the run that a task's key is of."""
    return key.split(":task:", 1)[1].split("/", 1)[0]


def _where(told: Told) -> str:
    return f"{told.record.topic}/{told.record.partition}@{told.record.offset}"
