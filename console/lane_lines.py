"""How each lane stands: who owns it, how far it is, what it has queued, and when it does something by itself."""

import asyncio
from dataclasses import dataclass
from typing import Final

from argosy.broker.keys import LaneKeys
from argosy.broker.log import Partition
from argosy.broker.presence import Present, present
from argosy.broker.topics import TopicNames
from argosy.console.process_life import Services
from argosy.coordinator.checkpoint import Checkpoint
from argosy.coordinator.timers import split
from argosy.schemas.errors import ConfigurationError

MOST_COUNTED: Final = 1_000
"""Entries of one sorted set that are read to be counted."""


@dataclass(frozen=True, slots=True)
class LaneLine:
    """One lane. `says` is its coordinator's word: live, reloading or paused, and why; empty: nobody owns it."""

    lane: int
    owner: str
    says: str
    next: int | None
    log_end: int
    layout: int | None
    set_aside: int


@dataclass(frozen=True, slots=True)
class Timer:
    """What a lane does by itself at a time, for a run."""

    lane: int
    run_id: str
    name: str
    due_ms: int


@dataclass(frozen=True, slots=True)
class Queues:
    """What a lane keeps; counts above `MOST_COUNTED` stand for that and more. `timers` are the next due."""

    lane: int
    ready: int = 0
    out: int = 0
    outbox: int = 0
    armed: int = 0
    timers: tuple[Timer, ...] = ()


async def lane_lines(services: Services) -> list[LaneLine]:
    """Look at all lanes. Raises ConfigurationError where there is no fleet, Unreachable and Refused."""
    settings = services.settings
    names = TopicNames(settings.kafka.topic_prefix)
    if names.runs not in await services.cluster.topic_names():
        raise ConfigurationError(
            f"there is no fleet: Kafka has no topic {names.runs}", do="argosy coordinator"
        )
    owners = await services.cluster.owners(names.lanes)
    there = await present(services.store, settings.redis.key_prefix)
    count = await services.cluster.partitions(names.runs)
    return [
        await _line(services, there, number, owners.get(Partition(names.runs, number), ""))
        for number in range(count)
    ]


async def lane_queues(services: Services, lane: int, timers: int = 10) -> Queues:
    """Look at what a lane keeps in Redis. Raises Unreachable and Refused."""
    store, keys = services.store, LaneKeys(services.settings.redis.key_prefix, lane)
    checkpoint = await _checkpoint(services, keys)
    if checkpoint is None:
        return Queues(lane)
    epoch, most = checkpoint.epoch, MOST_COUNTED - 1
    agents = await store.smembers(keys.ready_agents(epoch))
    armed, out, outbox = await asyncio.gather(
        store.zrange(keys.timers(epoch), 0, most),
        store.zrange(keys.out(epoch), 0, most),
        store.hgetall(keys.outbox(epoch)),
    )
    ready = await asyncio.gather(
        *(store.zrange(keys.ready(epoch, agent.decode()), 0, most) for agent in sorted(agents))
    )
    due = [(split(member.decode(errors="replace")), at) for member, at in armed[:timers]]
    return Queues(
        lane,
        sum(len(each) for each in ready),
        len(out),
        len(outbox),
        len(armed),
        tuple(Timer(lane, run_id, name, round(at)) for (run_id, name), at in due),
    )


async def _line(services: Services, there: Present, number: int, owner: str) -> LaneLine:
    keys = LaneKeys(services.settings.redis.key_prefix, number)
    checkpoint = await _checkpoint(services, keys)
    aside = 0
    if checkpoint is not None:
        aside = len(await services.store.hgetall(keys.quarantine(checkpoint.epoch)))
    said = next((each.lanes[number] for each in there.processes if number in each.lanes), None)
    runs = TopicNames(services.settings.kafka.topic_prefix).runs
    return LaneLine(
        number,
        owner,
        "" if said is None else f"{said.word} {said.why}".rstrip(),
        None if checkpoint is None else checkpoint.next,
        (await services.cluster.edges(Partition(runs, number)))[1],
        None if checkpoint is None else checkpoint.layout,
        aside,
    )


async def _checkpoint(services: Services, keys: LaneKeys) -> Checkpoint | None:
    fields = await services.store.hgetall(keys.checkpoint)
    return Checkpoint.read({name.decode(): value.decode() for name, value in fields.items()})
