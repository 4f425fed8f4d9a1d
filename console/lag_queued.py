"""What coordinators keep of each agent's work in Redis: ready and held back by a full window, or in retry; windows."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pydantic import ValidationError

from argosy.broker.keys import LaneKeys
from argosy.broker.store import Store
from argosy.console.lag_amount import Amount
from argosy.console.lag_standing import DispatchWindow, Queued
from argosy.coordinator import timers
from argosy.coordinator.checkpoint import Checkpoint
from argosy.coordinator.kept import Pinned
from argosy.coordinator.plan import plan_of
from argosy.coordinator.ready_queue import Range
from argosy.coordinator.windows import Bounds, Windows

MOST_ENTRIES: Final = 1_000
"""Of a lane's timers, and of an agent's queue in a lane, that are read. More are told as at least so many."""
MOST_RUNS: Final = 200
"""Of a lane whose plans are read, to know the agents of their tasks."""
RETRY: Final = "retry:"
UNKNOWN: Final = ""
"""The agent of a task whose run is gone, or was not looked at."""


@dataclass(slots=True)
class _Kept:
    held: int = 0
    held_since_ms: int | None = None
    retry: int = 0
    due_ms: int | None = None
    more: bool = False
    windows: list[int] = field(default_factory=list[int])
    """Of each lane."""

    def told(self, now_ms: int) -> Queued:
        age = 0.0 if self.held_since_ms is None else max(0, now_ms - self.held_since_ms) / 1000
        due = None if self.due_ms is None else max(0, self.due_ms - now_ms) / 1000
        return Queued(Amount(self.held, age, estimated=self.more), Amount(self.retry), due, self._window())

    def _window(self) -> DispatchWindow | None:
        sizes = self.windows
        return DispatchWindow(sum(sizes), len(sizes), min(sizes), max(sizes)) if sizes else None


@dataclass(slots=True)
class _Counts:
    by_agent: defaultdict[str, _Kept] = field(default_factory=lambda: defaultdict(_Kept))

    def hold(self, agent: str, entries: Iterable[tuple[bytes, float]]) -> None:
        kept = self.by_agent[agent]
        number = 0
        for member, score in entries:
            entry, number = Range.parse(member.decode()), number + 1
            whole = entry.first is None or entry.past is None
            kept.held += 1 if whole else (entry.past or 0) - (entry.first or 0)
            since = kept.held_since_ms
            kept.held_since_ms = round(score) if since is None else min(since, round(score))
        kept.more = kept.more or number == MOST_ENTRIES

    def retry(self, agent: str, due_ms: int) -> None:
        kept = self.by_agent[agent]
        kept.retry += 1
        kept.due_ms = due_ms if kept.due_ms is None else min(kept.due_ms, due_ms)


async def queued(store: Store, key_prefix: str, lanes: int, now_ms: int, bounds: Bounds) -> dict[str, Queued]:
    """Read the queues of all lanes, by agent; changes nothing. Raises Unreachable and Refused.

    The age of what is held is counted from when it became ready; a step of priority counts as a minute older a step.
    `bounds` are those of the dispatch windows.
    """
    counts = _Counts()
    await asyncio.gather(
        *(_lane(store, LaneKeys(key_prefix, number), counts, bounds) for number in range(lanes))
    )
    return {agent: kept.told(now_ms) for agent, kept in counts.by_agent.items()}


async def _lane(store: Store, keys: LaneKeys, counts: _Counts, bounds: Bounds) -> None:
    fields = await store.hgetall(keys.checkpoint)
    checkpoint = Checkpoint.read({name.decode(): value.decode() for name, value in fields.items()})
    if checkpoint is None:
        return
    epoch = checkpoint.epoch
    agents, sizes, armed = await asyncio.gather(
        store.smembers(keys.ready_agents(epoch)),
        store.hgetall(keys.windows(epoch)),
        store.zrange(keys.timers(epoch), 0, MOST_ENTRIES - 1),
    )
    names = sorted(agent.decode() for agent in agents)
    windows = Windows(bounds)
    windows.load({agent.decode(): int(size) for agent, size in sizes.items()})
    for name in names:
        counts.by_agent[name].windows.append(windows.of(name).size)
    queues = await asyncio.gather(
        *(store.zrange(keys.ready(epoch, name), 0, MOST_ENTRIES - 1) for name in names)
    )
    for name, entries in zip(names, queues, strict=True):
        if entries:
            counts.hold(name, entries)
    retries: dict[str, list[tuple[str, int]]] = {}
    for member, due in armed:
        run_id, timer = timers.split(member.decode())
        if timer.startswith(RETRY):
            retries.setdefault(run_id, []).append((timer.removeprefix(RETRY), round(due)))
    await asyncio.gather(
        *(
            _retries(store, keys.run(epoch, run_id), tasks, counts, looks=index < MOST_RUNS)
            for index, (run_id, tasks) in enumerate(retries.items())
        )
    )


async def _retries(
    store: Store, run_key: str, tasks: list[tuple[str, int]], counts: _Counts, *, looks: bool
) -> None:
    pinned, plan = (await store.hmget(run_key, ["run", "plan"])) if looks else (None, None)
    for local, due_ms in tasks:
        counts.retry(_agent(pinned, plan, local), due_ms)


def _agent(pinned: bytes | None, plan: bytes | None, local: str) -> str:
    """Name the agent of a task by its run's plan."""
    if pinned is None or plan is None:
        return UNKNOWN
    try:
        place = plan_of(Pinned.model_validate_json(pinned).identity, plan).find(local)
    except ValidationError:  # of a newer release
        return UNKNOWN
    return UNKNOWN if place is None else place.agent
