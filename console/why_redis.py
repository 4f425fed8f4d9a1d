"""What Redis knows of a run that may not be going on: its lane's state, the queues, claims, who is there."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from argosy.broker.fence import Fence
from argosy.broker.fullness import Fullness, fullness
from argosy.broker.keys import LaneKeys
from argosy.broker.presence import LaneSaid, Present, present
from argosy.broker.redis import RedisStore
from argosy.console.why_facts import Claimed
from argosy.coordinator.checkpoint import Checkpoint
from argosy.coordinator.quarantine import SetAside
from argosy.coordinator.ready_queue import Range
from argosy.schemas.ids import lane_of
from argosy.schemas.settings import Settings

MOST_READY: Final = 10_000
"""Entries of an agent's queue that are looked through."""


@dataclass(frozen=True, slots=True)
class TaskKey:
    """What lies in a task's key, of the attempt asked for."""

    claim: Claimed | None = None
    deliveries: int = 0
    stored: bool = False


@dataclass(slots=True)
class FromRedis:
    """All of it. Members of `out` are `<task>#<attempt>`; `ahead` is by a task's local name."""

    there: Present
    fullness: Fullness | None = None
    checkpoint: Checkpoint | None = None
    live: bool = False
    said: LaneSaid | None = None
    state: str = ""
    """The run's `st`."""
    quarantined: str = ""
    out: dict[str, int] = field(default_factory=dict[str, int])
    """When each is sent again."""
    out_by_agent: Counter[str] = field(default_factory=Counter[str])
    windows: dict[str, int] = field(default_factory=dict[str, int])
    """By agent, of those that are no longer as they began."""
    ahead: dict[str, int] = field(default_factory=dict[str, int])
    tasks: dict[str, TaskKey] = field(default_factory=dict[str, TaskKey])


async def ask_redis(
    store: RedisStore, settings: Settings, run_id: str, attempts: Mapping[str, int], agents: Collection[str]
) -> FromRedis:
    """Ask for all of it; changes nothing. `attempts`: the current one of each open task, by its local name.

    Raises Unreachable and Refused.
    """
    prefix, lane = settings.redis.key_prefix, lane_of(run_id, settings.fleet.lanes)
    keys = LaneKeys(prefix, lane)
    there, fields, live, info = await asyncio.gather(
        present(store, prefix), store.hgetall(keys.checkpoint), store.get(keys.live), store.server_info()
    )
    found = FromRedis(there, await fullness(store, prefix))
    found.checkpoint = Checkpoint.read({name.decode(): value.decode() for name, value in fields.items()})
    found.live = (
        live is not None and live.decode() == f"{info.get('run_id', '')}:{info.get('master_replid', '')}"
    )
    said = (each.lanes.get(lane) for each in there.processes)
    found.said = next((word for word in said if word is not None), None)
    if found.checkpoint is not None:
        await _ask_state(store, keys, run_id, found)
        await _ask_ready(store, keys, run_id, agents, found)
    for local, attempt in attempts.items():
        found.tasks[local] = await _task(store, keys.task(f"{run_id}/{local}"), attempt, there)
    return found


async def _ask_state(store: RedisStore, keys: LaneKeys, run_id: str, found: FromRedis) -> None:
    epoch = found.checkpoint.epoch if found.checkpoint is not None else ""
    run, aside, scores, waits, windows = await asyncio.gather(
        store.hmget(keys.run(epoch, run_id), ["st"]),
        store.hmget(keys.quarantine(epoch), [run_id]),
        store.zrange(keys.out(epoch), 0, -1),
        store.hgetall(keys.out_wait(epoch)),
        store.hgetall(keys.windows(epoch)),
    )
    found.state = (run[0] or b"").decode()
    if aside[0] is not None:
        found.quarantined = SetAside.model_validate_json(aside[0]).error
    found.out = {member.decode(): round(score) for member, score in scores}
    found.windows = {agent.decode(): int(size) for agent, size in windows.items()}
    found.out_by_agent = Counter(wait.decode().partition(" ")[0] for wait in waits.values())


async def _ask_ready(
    store: RedisStore, keys: LaneKeys, run_id: str, agents: Collection[str], found: FromRedis
) -> None:
    epoch = found.checkpoint.epoch if found.checkpoint is not None else ""
    for agent in agents:
        before = 0
        for member, _ in await store.zrange(keys.ready(epoch, agent), 0, MOST_READY - 1):
            entry = Range.parse(member.decode())
            count = 1 if entry.first is None or entry.past is None else entry.past - entry.first
            if entry.run_id == run_id:
                for index, (local, _next) in enumerate(entry.locals()):
                    found.ahead[local] = before + index
            before += count


async def _task(store: RedisStore, key: str, attempt: int, there: Present) -> TaskKey:
    current, fence, lease, deliveries, result = await store.hmget(
        key, ["attempt", "fence", "lease", "deliveries", "result"]
    )
    if current is None or current.decode() != str(attempt):
        return TaskKey()
    claim = None
    if fence is not None:
        read = Fence.read(fence.decode())
        claim = Claimed(read.holder, read.since_ms, int(lease or 0), there.named(read.holder) is not None)
    return TaskKey(claim, int(deliveries or 0), result is not None)
