"""A lane without services: folds events one by one, keeps what decisions ask for, and checks what must always hold."""

import random
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from argosy.coordinator.decision import (
    Arm,
    Changed,
    Decision,
    Disarm,
    Entomb,
    Ready,
    Send,
    Unclaim,
    Withdraw,
    WriteMemo,
)
from argosy.coordinator.edge import asking_of
from argosy.coordinator.event import Event
from argosy.coordinator.fold import fold
from argosy.coordinator.kept import TERMINAL
from argosy.coordinator.look import Look, look_of
from argosy.coordinator.messages import dispatch_of, ended_of
from argosy.coordinator.orders import Alike
from argosy.coordinator.signal import MOST_SIGNALS
from argosy.coordinator.state import RunState, load
from argosy.coordinator.waiting import waiting_of
from argosy.schemas.asking import BUDGET_TIMER
from argosy.schemas.codec import encode_body
from argosy.schemas.ids import local_part
from argosy.schemas.runlog import LogMessage, RunAccepted, TaskSettled, TimerFired
from argosy.schemas.task import TaskDispatched

_NEIGHBOURS: Final = 20
"""Dispatches that are written before another one: in one turn they come together."""


@dataclass
class FoldLog:
    """One run's part of a run log. With `reloads`, each event is also folded from a shuffled reload of the state."""

    run_id: str = "r"
    reloads: bool = True
    state: RunState | None = None
    offset: int = 0
    now_ms: int = 1_000
    events: list[Event] = field(default_factory=list)
    folded: list[tuple[Event, tuple[Decision, ...]]] = field(default_factory=list)
    hash: dict[str, bytes] = field(default_factory=dict)
    """As Redis has it."""
    out: dict[str, int] = field(default_factory=dict)
    """By local name: the attempt that may go out."""
    timers: dict[str, Arm] = field(default_factory=dict)
    sends: list[str] = field(default_factory=list)
    looks: dict[str, None] = field(default_factory=dict)
    """By local name: what the lane is to look at."""
    claims: set[str] = field(default_factory=set)
    """Tasks that some worker may hold a key for."""
    memos: list[WriteMemo] = field(default_factory=list)
    changes: list[Changed] = field(default_factory=list)
    ordered: set[tuple[str, int]] = field(default_factory=set)

    def add(self, message: LogMessage, *, after_ms: int = 10) -> tuple[Decision, ...]:
        """Append a message and fold it."""
        self.now_ms += after_ms
        event = Event(self.offset, self.now_ms, self.run_id, message, f"00-{self.offset:032x}-{1:016x}-01")
        self.offset += 2  # offsets have gaps
        return self.fold(event)

    def fold(self, event: Event) -> tuple[Decision, ...]:
        """Fold an event as it is, and apply what it decides."""
        self.events.append(event)
        if isinstance(event.message, TaskSettled) and event.message.task_id.startswith("r/"):
            self._put_back(local_part(event.message.task_id))
        copy = self._shuffled() if self.reloads else None
        self.state, decisions = fold(self.state, event)
        if self.reloads:
            copy, same = fold(copy, event)
            assert same == decisions
            assert (copy and copy.dump()) == (self.state and self.state.dump())
        self.folded.append((event, decisions))
        before = set(self.out)
        for decision in decisions:
            self._apply(decision)
        self.looks = {local: None for local in self.looks if look_of(self.state, local) is not None}
        self._write()
        self._check()
        for local in sorted(self.out.keys() - before)[:5]:
            self.dispatch(local)
        return decisions

    def _put_back(self, local: str) -> None:
        """A worker puts its claim back while the lane is not live: its settle is the last chance to delete it."""
        if any(local == task for task, _ in self.ordered) or (
            self.state is not None and self.state.st != "active"
        ):
            self.claims.add(local)

    def _shuffled(self) -> RunState | None:
        fields = list((self.state.dump() if self.state else {}).items())
        random.Random(self.offset).shuffle(fields)  # noqa: S311 - a test's order
        return load(self.run_id, dict(fields))

    def _apply(self, decision: Decision) -> None:  # noqa: C901 - a table
        match decision:
            case Ready():
                for shard in range(decision.count):
                    number = None if decision.first is None else decision.first + shard
                    self._ordered(
                        decision.step if number is None else f"{decision.step}.{number}", decision.attempt
                    )
            case Withdraw():
                self.out.pop(decision.local, None)
            case Unclaim():
                self.claims.discard(decision.local)
            case WriteMemo():
                self.memos.append(decision)
            case Arm():
                self.timers[decision.name] = decision
            case Disarm():
                assert self.timers.pop(decision.name).armed == decision.armed
            case Send() if decision.entry.startswith("look:"):
                self.looks[decision.entry.removeprefix(f"look:{self.run_id}/")] = None
            case Send():
                self.sends.append(decision.entry)
            case Entomb():
                self.hash, self.out = {}, {}
            case Changed():
                self.changes.append(decision)

    def _ordered(self, local: str, attempt: int) -> None:
        assert (local, attempt) not in self.ordered, "an attempt was ordered twice"
        self.ordered.add((local, attempt))
        self.out[local] = attempt
        self.claims.add(local)

    def _write(self) -> None:
        for name, value in (self.state.changes() if self.state else {}).items():
            if value is None:
                self.hash.pop(name, None)
            else:
                self.hash[name] = value

    def _check(self) -> None:
        if self.state is None:
            return
        fields = self.state.dump()
        assert self.hash == fields
        fresh = RunState(self.run_id, fields)
        assert self.state.bytes_estimate() == fresh.bytes_estimate() + self.state.held_bytes
        assert {name[2:]: int(value) for name, value in fields.items() if name.startswith("a:")} == {
            name: timer.armed for name, timer in self.timers.items()
        }
        letters = {local: self.letter(local) for local in self.state.tasks()}
        assert self.out == {local: self.attempt(local) for local, letter in letters.items() if letter == "r"}
        waiting = {f"retry:{local}" for local, letter in letters.items() if letter == "b"}
        assert {name for name in self.timers if name.startswith("retry:")} == waiting
        asking = [local for local, letter in letters.items() if letter == "a"]
        assert asking_of(self.state).waiting == len(asking)
        assert (BUDGET_TIMER in self.timers) == bool(asking)
        if self.state.st != "active":
            assert not self.timers
        for kind, _, name in (timer.partition(":") for timer in self.timers):
            assert kind != "step" or self.state.step(name).letter == "r"
            assert kind != "join" or self.state.step(name).letter in "wr"
            assert kind not in {"wait", "sleep"} or self.state.step(name).letter == "r"
        self._check_signals(fields)
        paged = {local for local, letter in letters.items() if letter == "p"}
        assert self.claims - paged == {local for local, letter in letters.items() if letter in "rba"}

    def _check_signals(self, fields: dict[str, bytes]) -> None:
        """No signal is kept that no step has in its queue, and none for a step that waits no more."""
        kept = {name[2:] for name in fields if name.startswith("g:")}
        assert self.state is not None
        assert int(fields.get("gn", b"0")) == len(kept) <= 2 * MOST_SIGNALS
        if self.state.st == "active" and self.state.pinned.rules > 1:
            names = [name[2:] for name in fields if name.startswith("w:")]
            assert not [name for name in names if self.state.step(name).letter in TERMINAL]
            assert kept == {one for name in names for one in waiting_of(self.state, name).queue}

    # -- what a test asks

    def letter(self, local: str) -> str:
        """The first word of a task's field, as a script reads it."""
        return self.hash[f"t:{local}"].split(b" ")[0].decode()

    def attempt(self, local: str) -> int:
        """The second word of a task's field."""
        return int(self.hash[f"t:{local}"].split(b" ")[1])

    def dispatch(self, local: str) -> TaskDispatched:
        """The work message of a task that is out."""
        found = dispatch_of(self.state, local, self.out[local], 3)
        assert found is not None
        body = found.kind.model_validate_json(found.value)
        assert encode_body(body) == found.value
        again = dispatch_of(load(self.run_id, self.hash), local, self.out[local], 3)
        assert again == found
        alike = Alike()
        for other in islice(self.out, _NEIGHBOURS):
            dispatch_of(self.state, other, self.out[other], 3, alike)
        assert dispatch_of(self.state, local, self.out[local], 3, alike) == found
        return body

    def look(self, local: str) -> Look:
        """What the lane is to look at."""
        found = look_of(self.state, local)
        assert found is not None
        return found

    def fire(self, name: str) -> tuple[Decision, ...]:
        """Let a timer come due."""
        armed = self.timers[name]
        self.now_ms = max(self.now_ms, armed.due_ms)
        return self.add(TimerFired(name=name, armed=armed.armed))

    def end(self) -> tuple[Decision, ...]:
        """Append the run.ended that the outbox asks for."""
        body = ended_of(self.state)
        assert body is not None
        return self.add(body)

    def accepted(self) -> RunAccepted:
        """The first run.accepted of this log."""
        return next(event.message for event in self.events if isinstance(event.message, RunAccepted))

    def settles(self) -> list[TaskSettled]:
        """All settles so far."""
        return [event.message for event in self.events if isinstance(event.message, TaskSettled)]
