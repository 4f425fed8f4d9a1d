"""Sees, at the moment that it happens, what must never happen, and what no trace would show afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from argosy.broker.log import Outgoing, Partition, Record
from argosy.broker.script import Arg, Reply, Script
from argosy.testing.damage import Damage
from argosy.testing.oracle import Finding
from argosy.testing.stage import Stage
from argosy.testing.traps import tasks_of
from argosy.testing.truth import Truth

_OF_A_TASK = 6
"""Arguments of claim.lua and hold.lua for each task: name, attempt, fence, …"""
_TAKEN_MOST = 120
"""Times that all lanes of a simulation may be taken, before they are said to be stolen back and forth."""


@dataclass(slots=True)
class Witness:
    """Listens to a stage's observer. `damage`: what faults have destroyed by now."""

    stage: Stage
    damage: Damage
    findings: list[Finding] = field(default_factory=list[Finding])
    _truth: Truth = field(init=False)
    _fences: dict[tuple[str, int], tuple[str, float]] = field(default_factory=dict)
    _settled: set[tuple[str, int]] = field(default_factory=set)
    _received: set[str] = field(default_factory=set)
    _judged: dict[Partition, int] = field(default_factory=dict)
    """What lies before is known to be done: done stays done."""
    _taken: int = 0
    _members: set[tuple[str, str]] = field(default_factory=set)
    """Processes that the broker knows as members since they last wrote to a lane, and the lane."""

    def __post_init__(self) -> None:
        """Listen from now on."""
        self._truth = Truth(self.stage.world)
        observer = self.stage.world.observer
        observer.on_append.append(self._appended)
        observer.on_ask.append(self._asked)
        observer.on_script.append(self._ran)
        observer.on_commit.append(self._committed)

    def _now(self) -> float:
        return self.stage.world.loop.time()

    @property
    def _window(self) -> float:
        return self.stage.world.settings.fleet.window_seconds

    def _appended(self, _who: str, record: Outgoing, _partition: int, _offset: int) -> None:
        headers = dict(record.headers)
        kind, ce_id = headers.get("ce_type", b"").decode(), headers.get("ce_id", b"").decode()
        if ".task.settled." in kind:
            task_id, _, attempt = ce_id.rpartition("#")
            self._settled.add((task_id, int(attempt)))
        elif ".run.accepted." in kind:
            self._received.add(ce_id.split("/accepted/", 1)[1])
        elif ".submit.refused." in kind:
            self._received.add(ce_id)

    def _asked(self, who: str, script: Script, keys: Sequence[str]) -> None:
        # When it is sent: one that comes late may find its sender put out of the group, and with another proof.
        lane = _lane_of(keys)
        if script.name == "take" and (who, lane) not in self._members:
            self.findings.append(Finding("taken without proof", f"{who} takes {lane}"))
        elif script.name == "commit":
            self._members.discard((who, lane))

    def _ran(self, who: str, script: Script, keys: Sequence[str], args: Sequence[Arg], reply: Reply) -> None:
        if script.name == "take":
            self._taken += 1
            if self._taken == _TAKEN_MOST:
                self.findings.append(Finding("lanes stolen back and forth", f"{self._taken} times taken"))
        elif script.name == "hand_back":
            for task_id in tasks_of(keys):
                self._forget(task_id)
        elif isinstance(reply, list) and reply[0] != b"epoch":
            if who in self.damage.astray:
                return  # its server is none any more: what is true there, and what it grants, is lost
            if script.name == "commit" and reply[0] == b"applied":
                self._truth.committed(script, keys, args)
            elif script.name == "claim":
                self._claimed(who, tasks_of(keys), args, reply[1:])
            elif script.name == "hold":
                self._held(who, tasks_of(keys), args, reply)

    def _claimed(self, who: str, tasks: Sequence[str], args: Sequence[Arg], said: Sequence[Reply]) -> None:
        for place, (task_id, answer) in enumerate(zip(tasks, said, strict=True)):
            after = isinstance(answer, list) and answer[:1] == [b"spent"]  # one that was handed back
            if not isinstance(answer, int) and not after:
                continue
            attempt, fence = _attempt_and_fence(args, place)
            excused = self.damage.excuses(task_id.split("/", 1)[0])
            if not excused and self._truth.is_over(task_id, attempt):
                self.findings.append(Finding("granted though it is over", f"{task_id}#{attempt} to {who}"))
            self._fences[task_id, attempt] = fence, self._now()

    def _held(self, who: str, tasks: Sequence[str], args: Sequence[Arg], said: Sequence[Reply]) -> None:
        for place, (task_id, answer) in enumerate(zip(tasks, said, strict=True)):
            attempt, fence = _attempt_and_fence(args, place)
            known, since = self._fences.get((task_id, attempt), (fence, 0.0))
            # Whoever sleeps past the task key's own end finds no other's claim: it puts its own back.
            expired = self.damage.slept and self._now() - since > self._window
            if answer == b"ok" and known != fence and not expired and not self.damage.lost_since(since):
                text = f"{task_id}#{attempt} of {who}: {fence} after {known}"
                self.findings.append(Finding("stale fence accepted", text))

    def _forget(self, task_id: str) -> None:
        for known in [key for key in self._fences if key[0] == task_id]:
            del self._fences[known]

    def _committed(self, who: str, group: str, offsets: Mapping[Partition, int]) -> None:
        names = self.stage.world.names
        if group == names.lanes:
            self._members |= {(who, f"lane-{where.number}") for where in offsets}
        for where, offset in offsets.items():
            if where.topic == names.inbox:
                is_done = self._is_received
            elif names.agent_of(where.topic) and not self.damage.resent:
                is_done = self._is_finished
            else:
                continue
            log = self.stage.world.broker.log(where)
            for record in log.since(self._judged.get(where, 0)):
                if record.offset >= offset:
                    break
                if not is_done(record) and not self.damage.excuses(_run_of(record)):
                    self._passed(group, record)
            self._judged[where] = max(offset, self._judged.get(where, 0))

    def lost(self, where: Partition) -> None:
        """Hear that a partition has lost its tail."""
        names = self.stage.world.names
        if where.topic == names.runs:
            self._truth.lost(where.number)
        self._judged[where] = min(self._judged.get(where, 0), self.stage.world.broker.log(where).end)

    def _passed(self, group: str, record: Record) -> None:
        where = f"{record.topic}/{record.partition}@{record.offset}"
        self.findings.append(Finding("offset passes unfinished work", f"{group} has committed past {where}"))

    def _is_received(self, record: Record) -> bool:
        kind = next((value for name, value in record.headers if name == "ce_type"), b"")
        return b".run.submitted." not in kind or f"{record.partition}/{record.offset}" in self._received

    def _is_finished(self, record: Record) -> bool:
        ce_id = next((value for name, value in record.headers if name == "ce_id"), b"").decode()
        task_id, _, attempt = ce_id.rpartition("#")
        return (task_id, int(attempt)) in self._settled or self._truth.is_over(task_id, int(attempt))


def _run_of(record: Record) -> str:
    return (
        next((value for name, value in record.headers if name == "ce_subject"), b"").decode().split("/", 1)[0]
    )


def _lane_of(keys: Sequence[str]) -> str:
    return keys[0].partition("{")[2].partition("}")[0]


def _attempt_and_fence(args: Sequence[Arg], place: int) -> tuple[int, str]:
    first = 2 + place * _OF_A_TASK
    return int(args[first + 1]), str(args[first + 2])
