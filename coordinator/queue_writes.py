"""What a commit writes of a lane's queues: timers, what is ready, what is out, its outbox, and what it counts."""

from argosy.broker.keys import LaneKeys
from argosy.coordinator.lane_load import LaneLoad
from argosy.coordinator.out import Out
from argosy.coordinator.outbox import Outbox
from argosy.coordinator.quarantine import Quarantine
from argosy.coordinator.ready_queue import ReadyQueue
from argosy.coordinator.timers import Timers
from argosy.coordinator.windows import Windows
from argosy.coordinator.writes import Writes


def write_timers(timers: Timers, writes: Writes, keys: LaneKeys, epoch: str) -> None:
    """Write timers that were armed, and remove those that were disarmed."""
    changes = timers.take_changes()
    writes.zrem(keys.timers(epoch), [member for member, due in changes.items() if due is None])
    writes.zadd(keys.timers(epoch), {member: due for member, due in changes.items() if due is not None})


def write_ready(ready: ReadyQueue, writes: Writes, keys: LaneKeys, epoch: str) -> None:
    """Write what came to wait for room in a window, and remove what waits no more."""
    writes.sadd(keys.ready_agents(epoch), ready.take_new_agents())
    for agent, changes in ready.take_changes().items():
        key = keys.ready(epoch, agent)
        writes.zrem(key, [member for member, score in changes.items() if score is None])
        writes.zadd(key, {member: score for member, score in changes.items() if score is not None})


def write_out(out: Out, windows: Windows, writes: Writes, keys: LaneKeys, epoch: str) -> None:
    """Write what went out, when it is sent again, and how large windows are; remove what was answered."""
    changes = out.take_changes()
    there = {member: dispatch for member, dispatch in changes.items() if dispatch is not None}
    gone = [member for member, dispatch in changes.items() if dispatch is None]
    writes.zrem(keys.out(epoch), gone)
    writes.hdel(keys.out_wait(epoch), gone)
    writes.zadd(keys.out(epoch), {member: dispatch.due_ms for member, dispatch in there.items()})
    waits = {member: f"{dispatch.agent} {dispatch.wait_ms}" for member, dispatch in there.items()}
    writes.hset(keys.out_wait(epoch), waits)
    writes.hset(keys.windows(epoch), windows.take_changes())


def write_outbox(outbox: Outbox, writes: Writes, keys: LaneKeys, epoch: str) -> None:
    """Write what is to be sent, and remove what Kafka has."""
    new, answered = outbox.take_changes()
    writes.hset(keys.outbox(epoch), new)
    writes.unsend(keys.outbox(epoch), answered)


def write_aside(quarantine: Quarantine, writes: Writes, keys: LaneKeys, epoch: str) -> None:
    """Write which runs were set aside, and which are no more."""
    aside = quarantine.take_changes()
    writes.hset(keys.quarantine(epoch), {run: value for run, value in aside.items() if value is not None})
    writes.hdel(keys.quarantine(epoch), [run for run, value in aside.items() if value is None])


def write_load(load: LaneLoad, writes: Writes, keys: LaneKeys, epoch: str) -> None:
    """Write how many runs are under way, and what they take."""
    counts = load.take_changes()
    writes.hset(keys.load(epoch), {name: count for name, count in counts.items() if count is not None})
    writes.hdel(keys.load(epoch), [name for name, count in counts.items() if count is None])
