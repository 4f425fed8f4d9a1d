"""Dispatches as they are sent, and what those of one turn have in common.

Shards of a map differ in their names and numbers alone, tasks of one run in what their steps say: the rest is written
once.
"""

from dataclasses import dataclass, field

from argosy.coordinator.inputs import Given
from argosy.schemas.task import TaskDispatched
from argosy.telemetry.propagation import is_sampled, trace_id_of


@dataclass(slots=True)
class Order:
    """A dispatch as it is sent, and what else has to be known of it."""

    kind: type[TaskDispatched]
    value: bytes
    """The body, of this kind. `inputs` may be large: see `letters`."""
    agent: str
    step: str
    cause: int
    """Offset of the record that ordered this attempt."""
    traceparent: str | None
    """Of the run."""
    inputs: tuple[Given, ...] = field(compare=False)
    """Of a shard, perhaps those of a neighbour: only the item differs."""
    parents: int
    """Tasks whose results it joins, 128 at most."""


@dataclass(slots=True)
class ShardOrders:
    """The first attempts of a map's shards: `head`, the name, `middle`, the number, `tail`."""

    head: bytes
    middle: bytes
    tail: bytes
    like: Order
    """Of one of them."""

    def order(self, local: str, shard: str, cause: int) -> Order:
        """Give the order of one shard."""
        like, name = self.like, local.encode()
        value = b"%b%b%b%b%b" % (self.head, name, self.middle, shard.encode(), self.tail)
        return Order(
            like.kind, value, like.agent, like.step, cause, like.traceparent, like.inputs, like.parents
        )


class Alike:
    """Of runs as they are: begin anew when something was folded."""

    __slots__ = "_passing", "_shards", "terms", "told"

    def __init__(self, *, told: bool = False) -> None:
        """Nothing was written yet; `told`: log lines are."""
        self.told = told
        self._shards: dict[tuple[str, str], ShardOrders] = {}
        self._passing: dict[str | None, bool] = {}
        self.terms: dict[tuple[str, str, int], bytes] = {}
        """By run, agent and deadline: what a dispatch says of its run."""

    def passes(self, traceparent: str | None) -> bool:
        """Say whether a run's trace is there and asks for no spans: it is handed on as it came."""
        found = self._passing.get(traceparent)
        if found is None:
            found = trace_id_of(traceparent) is not None and not is_sampled(traceparent)
            self._passing[traceparent] = found
        return found

    def keep(self, run_id: str, step: str, shards: ShardOrders) -> None:
        """Keep how the shards of a map are ordered."""
        self._shards[run_id, step] = shards

    def shard(self, run_id: str, local: str, cause: int) -> Order | None:
        """Order a shard for the first time; None if none of its map was ordered since, or they are not that alike."""
        step, _, shard = local.rpartition(".")
        found = self._shards.get((run_id, step)) if self._shards else None
        # The plan of a shard's pages (`m.1/p0`) is no shard.
        return found.order(local, shard, cause) if found is not None and shard.isdigit() else None
