"""What one run writes to Kafka and the payload store, and holds in Redis, by its shape. Pure.

The shape is one task that lists items, layers of as many tasks, one task that joins the last layer: 1→W→…→W→1. A depth
of two has nothing that joins, of one no first task either: the run's input is the list.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from argosy.broker.values import MANIFEST_INLINE_BYTES
from argosy.console.plan_capacity_constants import Constants
from argosy.coordinator.messages import MOST_LINKS
from argosy.schemas.payload import INLINE_BYTES

Topic = Literal["inbox", "runs", "tasks", "results", "events"]
_JOINED_DEPTH: Final = 3
_LIST: Final = len('{"items":[]}')
"""Around the items of a list."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a run is. `payload_bytes` of JSON has each value: the input, an item, a result."""

    width: int
    depth: int
    payload_bytes: int
    pipeline_bytes: int
    """Of its compiled document."""
    traced: bool = False

    @property
    def wide(self) -> int:
        """Count the tasks of all layers."""
        return self.width * (self.depth - (self.depth > 1) - (self.depth >= _JOINED_DEPTH))

    @property
    def first(self) -> int:
        """Count the tasks that list: one or none."""
        return int(self.depth > 1)

    @property
    def last(self) -> int:
        """Count the tasks that join: one or none."""
        return int(self.depth >= _JOINED_DEPTH)

    @property
    def maps(self) -> int:
        """Count the layers that are spread over a list; one task alone is no map."""
        return 0 if self.depth == self.width == 1 else self.wide // self.width

    @property
    def tasks(self) -> int:
        """Count them all."""
        return self.first + self.wide + self.last


def shape(  # noqa: PLR0913 - what a run is, by name
    *,
    width: int,
    depth: int,
    payload_bytes: int,
    known: Constants,
    pipeline_bytes: int | None = None,
    traced: bool = False,
) -> Shape:
    """Make a shape; a pipeline's document that isn't known is as large as a small one of so many steps."""
    document = known.records.pipeline + (depth - 1) * known.records.layer
    return Shape(width, depth, payload_bytes, document if pipeline_bytes is None else pipeline_bytes, traced)


@dataclass(frozen=True, slots=True)
class Written:
    """Records of one kind that a run leaves on a topic: how many, and what one takes without the head of a batch."""

    topic: Topic
    what: str
    number: int
    bytes_each: int


def written(run: Shape, known: Constants) -> tuple[Written, ...]:
    """List what a run writes to Kafka if no task is tried twice."""
    sizes, values = known.records, _Values(run, known)
    given = values.one if run.first else values.listed
    accepted = sizes.accepted + run.pipeline_bytes + given + (0 if run.first else values.facts)
    submitted = sizes.submitted + run.pipeline_bytes + max(0, given - sizes.wrapped)
    ended = sizes.ended + (values.one if run.last or run.width == 1 else values.listed)
    per_layer = run.width if run.wide else 0
    found = (
        Written("inbox", "run.submitted", 1, submitted),
        Written("runs", "run.accepted", 1, accepted),
        Written("runs", "task.settled, first", run.first, sizes.settled + values.listed + values.facts),
        Written("runs", "task.settled, wide", run.wide, sizes.settled + values.one),
        Written("runs", "task.settled, last", run.last, sizes.settled + values.one),
        Written("runs", "run.ended", 1, ended),
        Written("tasks", "task.dispatched, first", run.first, sizes.dispatched + values.one),
        Written("tasks", "task.dispatched, wide 1", per_layer, sizes.dispatched + values.spread),
        Written("tasks", "task.dispatched, wide 2…", run.wide - per_layer, sizes.dispatched + values.one),
        Written("tasks", "task.dispatched, last", run.last, values.join),
        Written("results", "run.ended", 1, ended),
        Written("events", "states.changed", 2 + 2 * run.tasks, sizes.changed),
    )
    return tuple(each for each in found if each.number)


def stored_bytes(run: Shape, known: Constants) -> int:
    """Say what a run puts into the payload store: values over 64 KiB, lists over 4 KiB, inputs of large joins."""
    values = _Values(run, known)
    return sum(values.stored())


@dataclass(frozen=True, slots=True)
class InRedis:
    """Bytes that a run takes in Redis: once it is accepted, before its end, while it waits, and for days after it."""

    begun: int
    full: int
    waiting: int
    ended: int


def in_redis(run: Shape, known: Constants) -> InRedis:
    """Say what a run holds. Results stay until its end, so that joins and replays find them."""
    held, values = known.held, _Values(run, known)
    given = values.bare_one if run.first else values.bare_list + values.facts
    begun = held.run + run.pipeline_bytes + given
    first = run.first * (held.task + values.bare_list + values.facts)
    full = begun + first + max(0, run.maps - 1) * held.layer + run.wide * (held.task + values.bare_one)
    result = values.bare_one if run.last or run.width == 1 else values.bare_list
    return InRedis(begun, full, full + held.waiting, held.ended + result)


class _Values:
    """What values take where they travel."""

    def __init__(self, run: Shape, known: Constants) -> None:
        self._run, self._known = run, known
        sizes = known.records
        payload, reference = run.payload_bytes, sizes.reference
        whole = run.width * (payload + 1) + _LIST if run.maps else payload
        self.one = sizes.wrapped + payload if payload <= INLINE_BYTES else reference
        self.listed = sizes.wrapped + whole if whole <= INLINE_BYTES else reference
        self._whole = whole
        self._manifest = run.width * (self.one + 1) + 1 if run.maps else 0
        inline = self._manifest <= MANIFEST_INLINE_BYTES
        self.manifest = sizes.wrapped + self._manifest if inline else reference
        """Of the list that is spread, in each task of the first layer and beside the list itself."""
        self.facts = sizes.listed + self.manifest if run.maps else 0
        self.spread = self.manifest if run.maps else self.one
        links = sizes.traceparent * min(run.width, MOST_LINKS) if run.traced else 0
        gathered = run.width * (self.one + 1)
        self._gathered = gathered if gathered + sizes.wrapped > INLINE_BYTES else 0
        self.join = sizes.dispatched + links + (reference if self._gathered else gathered)
        self.bare_one = self.one - sizes.wrapped if payload <= INLINE_BYTES else reference
        self.bare_list = whole if whole <= INLINE_BYTES else reference

    def stored(self) -> Iterator[int]:
        run = self._run
        if run.payload_bytes > INLINE_BYTES:
            yield (run.tasks + 1) * run.payload_bytes
        if self._whole > INLINE_BYTES:
            yield self._whole
        if self._manifest > MANIFEST_INLINE_BYTES:
            yield self._manifest
        if run.last and self._gathered:
            yield self._gathered
