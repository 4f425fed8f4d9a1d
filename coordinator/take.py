"""Taking a lane: prove membership, become the owner, load, and check the log against the checkpoint.

First the broker proves that this member is in the group: so a zombie can't steal. What Redis says is believed
only as far as the log agrees with it; where they differ, the state is dropped and made again from the log.
"""

import asyncio
from dataclasses import dataclass, replace

from argosy.broker.keys import LaneKeys
from argosy.broker.log import Partition
from argosy.coordinator.chain import DELETED, Chain
from argosy.coordinator.checkpoint import LAYOUT, Checkpoint, new_epoch
from argosy.coordinator.lane_clock import LaneClock
from argosy.coordinator.lane_load import LaneLoad
from argosy.coordinator.lane_services import LaneServices
from argosy.coordinator.lane_state import LaneState
from argosy.coordinator.outbox import Outbox
from argosy.coordinator.patience import patiently
from argosy.coordinator.quarantine import Quarantine
from argosy.coordinator.writes import Writes
from argosy.schemas.errors import NewerVersion
from argosy.telemetry import logs


@dataclass(slots=True)
class Taken:
    """A lane that is ours, before its silent fold."""

    chain: Chain
    checkpoint: Checkpoint
    state: LaneState
    clock: LaneClock
    lost: bool
    """The live mark was another server's, or none: who runs a task must put its claim back first."""
    log_end: int
    """Position after everything written when the lane was taken."""


async def take(services: LaneServices, keys: LaneKeys, partition: Partition) -> Taken:
    """Take a lane.

    Raises StaleGeneration (drop the lane), ChainBroken (again), NewerVersion (wait for a roll-out).
    """
    await _prove(services, partition)
    chain = Chain(services.store, keys)
    found = await chain.take()
    checkpoint = Checkpoint.read(found.checkpoint)
    if checkpoint is not None and checkpoint.layout > LAYOUT:
        message = f"lane {keys.lane} has state layout {checkpoint.layout}, this release writes {LAYOUT}"
        raise NewerVersion(message)
    start, end = await patiently("log edges", lambda: services.consumer.edges(partition))
    clock = LaneClock(found.now_ms)
    dropped = checkpoint
    if checkpoint is not None and not await _agrees(services, partition, checkpoint, end):
        logs.get("argosy.lane").warning(
            "state doesn't fit the log: rebuilding", lane=keys.lane, next=checkpoint.next
        )
        checkpoint = None
    if checkpoint is None:
        sweep = () if dropped is None else (*dropped.sweep, dropped.epoch)
        horizon = await _horizon(services, partition, start, clock.now_ms())
        checkpoint = Checkpoint(new_epoch(), start, horizon_ms=horizon, sweep=sweep)
        await chain.commit(Writes(), checkpoint.fields(), mark=DELETED)
    elif checkpoint.next < start:
        checkpoint = replace(checkpoint, next=start)
    state = await _load(services, keys, checkpoint)
    if checkpoint.last is not None:
        clock.saw(checkpoint.last.time_ms)
    return Taken(chain, checkpoint, state, clock, found.live != found.identity, end)


async def _prove(services: LaneServices, partition: Partition) -> None:
    async def commit() -> None:
        committed = await services.consumer.committed(partition)
        position = committed if committed is not None else (await services.consumer.edges(partition))[0]
        await services.consumer.commit({partition: position})

    await patiently("proof of membership", commit)


async def _agrees(services: LaneServices, partition: Partition, checkpoint: Checkpoint, end: int) -> bool:
    last = checkpoint.last
    if checkpoint.layout < LAYOUT or checkpoint.next > end:
        return False
    if last is None:
        return True
    record = await patiently("last record", lambda: services.consumer.peek(partition, last.offset))
    if record is None or record.offset != last.offset:
        return True  # gone by retention
    return record.timestamp_ms == last.time_ms and (record.key or b"").decode(errors="replace") == last.key


async def _horizon(services: LaneServices, partition: Partition, start: int, now_ms: int) -> int:
    """Say before when an accepted run may repeat one whose beginning is cut off; 0: the log is whole."""
    if start == 0:
        return 0
    fleet = services.settings.fleet
    life_ms = (fleet.longest_run_seconds + fleet.window_seconds) * 1000
    first = await patiently("first record", lambda: services.consumer.peek(partition, start))
    # The log is kept for two lives: what lies in it can't be older, whatever its first record says.
    kept_since = now_ms - 2 * life_ms
    return min(first.timestamp_ms if first is not None else now_ms, kept_since) + life_ms


async def _load(services: LaneServices, keys: LaneKeys, checkpoint: Checkpoint) -> LaneState:
    store, epoch, fleet = services.store, checkpoint.epoch, services.settings.fleet
    state = LaneState(store, keys, epoch, fleet, services.shares)

    async def load() -> None:
        out, waits, outbox, aside, load, agents = await asyncio.gather(
            store.zrange(keys.out(epoch), 0, -1),
            store.hgetall(keys.out_wait(epoch)),
            store.hgetall(keys.outbox(epoch)),
            store.hgetall(keys.quarantine(epoch)),
            store.hgetall(keys.load(epoch)),
            store.smembers(keys.ready_agents(epoch)),
        )
        windows = await store.hgetall(keys.windows(epoch))
        state.out.load(
            [(member.decode(), score) for member, score in out],
            [(member.decode(), wait.decode()) for member, wait in waits.items()],
        )
        state.outbox = Outbox([(entry.decode(), asked.decode()) for entry, asked in outbox.items()])
        state.quarantine = Quarantine([(run.decode(), kept) for run, kept in aside.items()])
        state.load = LaneLoad({name.decode(): int(count) for name, count in load.items()})
        state.windows.load({agent.decode(): int(size) for agent, size in windows.items()})
        for agent in sorted(agents):  # the order in which a turn serves them
            state.ready.load(agent.decode())
        await refill(services, state, everything=True)

    await patiently("state of the lane", load)
    return state


async def refill(services: LaneServices, state: LaneState, *, everything: bool = False) -> None:
    """Read on where a front is used up; call it right after a commit. Raises Unreachable."""
    keys, epoch = state.keys, state.epoch
    fronts = [(keys.timers(epoch), state.timers.front)]
    fronts += [(keys.ready(epoch, agent), front) for agent, front in state.ready.fronts.items()]
    for key, front in fronts:
        if everything or front.short:
            asked = front.to_read()
            entries = await services.store.zrange(key, 0, asked - 1)
            front.fill([(member.decode(), score) for member, score in entries], asked)
