"""The state of one run: the fields of its Redis hash, read and written through typed views.

The hash *is* the state. Nothing that fold relies on lives outside it, so what was loaded folds like what was
kept in memory. A settle touches a handful of fields, whatever the size of the run.

Fields (all values are text):

| field | holds |
|---|---|
| `st` | `active`, `ending` (outcome decided), `ended` (tombstone), `cancel` (came before its run) |
| `dl` | the run's deadline, epoch milliseconds |
| `t:<local>` | an ordered task: letter, attempt, attempts seen (bits), ordering offset, earlier traceparent |
| `v:<local>` | what a task left: payload and facts, or its fault |
| `p:<local>` | a task that is cut into pages: `Paging` |
| `q:<step>` | the plan that a planner made: `KeptPlan` |
| `h:<step>#<n>` | which task of a plan was the n-th that had to wait for a place, while it waits |
| `u:<step>` | why a planner's last plan was refused, until one was taken over: `PlanRefused` |
| `r:<local>` | what counts as a task's result, until it could be ordered |
| `s:<step>` | a step that has begun to change: `StepState` |
| `a:<timer>` | the offset that armed the timer |
| `w:<step>` | a step that waits, or that signals came for: `Waiting` |
| `g:<signal id>`, `gn` | signals that wait for their step, and how many there are |
| `n` | input tokens, output tokens, tasks; and money in millionths, of a run that has a budget of it |
| `run`, `plan` | what run.accepted pinned, written once |
| `end` | the decided outcome; of a tombstone: the whole `run.ended` |
| `hash`, `off`, `tp` | of a tombstone: data hash, offset and traceparent of `run.ended` |
| `b` | what the budget was raised to: tokens, money in millionths |
| `ask` | how the budget was asked for, and answered: `Asking` |
| `why` | of a `cancel` tombstone: the reason |
"""

from collections.abc import Iterator, Mapping
from typing import Final

from argosy.coordinator.held import Held
from argosy.coordinator.kept import OPEN, Pinned, StepState, TaskResult, TaskState, Totals
from argosy.coordinator.view_text import View, read_result, read_step, view_text
from argosy.schemas.chat import Usage
from argosy.schemas.payload import Payload

_FIELD_BYTES: Final = 240
"""What a field costs in memory beside its name and value, roughly, with the view of it that is kept."""


class RunState:
    """One run. Mutable; knows which fields changed since the last `changes`.

    A view that was put is written as text when the event is through, or when somebody asks for the text.
    """

    __slots__ = (
        "_behind",
        "_bytes",
        "_changed",
        "_fields",
        "_held",
        "_pinned",
        "_results",
        "_steps",
        "_tasks",
        "_totals",
        "run_id",
        "st",
    )

    def __init__(self, run_id: str, fields: dict[str, bytes] | None = None) -> None:
        """Start from the fields of a hash; none is a run that is just being made."""
        self.run_id = run_id
        self._fields: dict[str, bytes] = {} if fields is None else fields
        self.st = self._fields.get("st", b"").decode()
        """`active`, `ending`, `ended` or `cancel`; empty for a run that is just being made. Changed by `become`."""
        self._changed: dict[str, None] = {}
        self._bytes = sum(len(name) + len(value) + _FIELD_BYTES for name, value in self._fields.items())
        self._held = Held()
        self._pinned: Pinned | None = None
        self._tasks: dict[str, TaskState] = {}
        self._steps: dict[str, StepState] = {}
        self._results: dict[str, TaskResult] = {}
        self._totals: Totals | None = None
        self._behind: dict[str, View] = {}
        """Fields whose text is older than their view. Views say no more than the text would."""

    # -- the hash

    def get(self, name: str) -> bytes | None:
        """Read a field."""
        if name in self._behind:
            self.write()
        return self._fields.get(name)

    def put(self, name: str, value: bytes) -> None:
        """Write a field that has no view."""
        old = self._fields.get(name)
        self._bytes += len(value) + (len(name) + _FIELD_BYTES if old is None else -len(old))
        self._fields[name] = value
        self._changed[name] = None

    def drop(self, name: str) -> None:
        """Remove a field, if it is there."""
        self._forget_view(name)
        old = self._fields.pop(name, None)
        if old is not None:
            self._bytes -= len(name) + len(old) + _FIELD_BYTES
            self._changed[name] = None

    def _forget_view(self, name: str) -> None:
        self._behind.pop(name, None)
        kind, local = name[:2], name[2:]
        if kind == "t:":
            self._tasks.pop(local, None)
        elif kind == "s:":
            self._steps.pop(local, None)
        elif kind == "v:" and (result := self._results.pop(local, None)) is not None:
            self._held.release_all(result.payload, result.facts)

    def clear(self) -> None:
        """Forget everything. The names are not listed as changed: who entombs deletes the key."""
        self._fields, self._changed, self._bytes, self._pinned = {}, {}, 0, None
        self._tasks, self._steps, self._results, self._behind = {}, {}, {}, {}
        self._totals, self._held, self.st = None, Held(), ""

    def changes(self) -> dict[str, bytes | None]:
        """Take the fields to set, and (None) to remove, since the last call. Call it once per commit."""
        self.write()
        taken: dict[str, bytes | None] = {name: self._fields.get(name) for name in self._changed}
        self._changed = {}
        return taken

    def dump(self) -> dict[str, bytes]:
        """Copy all fields."""
        self.write()
        return dict(self._fields)

    @property
    def stored_bytes(self) -> int:
        """Estimate what this run takes in Redis, from its fields alone; for when everything is written as text."""
        return self._bytes

    def bytes_estimate(self) -> int:
        """Estimate what this run takes in memory."""
        self.write()
        return self._bytes + self._held.size

    @property
    def held_bytes(self) -> int:
        """What `let_go` would free, roughly; part of the estimate."""
        return self._held.size

    def let_go(self) -> None:
        """Keep results as text alone; who asks for one reads it again."""
        self.write()
        self._results, self._held = {}, Held()

    def write(self) -> None:
        """Write as text the views that were put since. Raises if one can't be: as a fold does, for quarantine."""
        if not self._behind:
            return
        behind, self._behind = self._behind, {}
        for name, view in behind.items():
            self.put(name, view_text(view, self._held))

    def json_of(self, payload: Payload) -> bytes:
        """Return the JSON of a payload; of one that a task left or the run was given it is written once."""
        return self._held.json_of(payload)

    # -- typed views

    def become(self, st: str) -> None:
        """Go on to another state of a run."""
        self.st = st
        self.put("st", st.encode())

    @property
    def pinned(self) -> Pinned:
        """What run.accepted fixed; KeyError in a tombstone."""
        if self._pinned is None:
            self._pinned = Pinned.model_validate_json(self._fields["run"])
            self._held.hold_all(self._pinned.input, self._pinned.facts)
        return self._pinned

    def pin(self, pinned: Pinned) -> None:
        """Keep what run.accepted fixed."""
        self._pinned = pinned
        self._held.hold_all(pinned.input, pinned.facts)
        self.put("run", pinned.model_dump_json(exclude_defaults=True).encode())

    @property
    def data_hash(self) -> str:
        """SHA-256 of the client's own data; empty if a cancel came before the run."""
        kept = self._fields.get("hash")
        if kept is not None:
            return kept.decode()
        return self.pinned.data_hash if "run" in self._fields else ""

    def task(self, local: str) -> TaskState | None:
        """Look up a task; None if it was never ordered."""
        task = self._tasks.get(local)
        if task is None and (raw := self._fields.get(f"t:{local}")) is not None:
            task = self._tasks[local] = TaskState.decode(raw)
        return task

    def is_open(self, local: str) -> bool:
        """Say whether a task was ordered and has not ended."""
        task = self.task(local)
        return task is not None and task.letter in OPEN

    def succeeded(self, local: str) -> bool:
        """Say whether a task succeeded."""
        task = self.task(local)
        return task is not None and task.letter == "k"

    def put_task(self, local: str, task: TaskState) -> None:
        """Write a task."""
        self._tasks[local] = self._behind[f"t:{local}"] = task

    def tasks(self) -> Iterator[str]:
        """Name all ordered tasks, sorted."""
        self.write()
        return iter(sorted(name[2:] for name in self._fields if name.startswith("t:")))

    def counts(self) -> tuple[int, int]:
        """Count the tasks that are held, and their attempts that were settled."""
        names = [name[2:] for name in self._fields.keys() | self._behind.keys() if name.startswith("t:")]
        return len(names), sum(task.seen.bit_count() for task in map(self.task, names) if task is not None)

    def result(self, local: str) -> TaskResult:
        """Read what a task left; KeyError if it has not ended or was never ordered."""
        result = self._results.get(local)
        if result is None:
            result = self._results[local] = read_result(self._fields[f"v:{local}"])
            self._held.hold_all(result.payload, result.facts)
        return result

    def has_result(self, local: str) -> bool:
        """Say whether a task left something."""
        return local in self._results or f"v:{local}" in self._fields

    def put_result(self, local: str, result: TaskResult) -> None:
        """Keep what a task left."""
        self._results[local] = self._behind[f"v:{local}"] = result
        self._held.hold_all(result.payload, result.facts)

    def step(self, name: str) -> StepState:
        """Look up a step; one without a field waits and none of its parents has ended."""
        step = self._steps.get(name)
        if step is None:
            raw = self._fields.get(f"s:{name}")
            if raw is None:
                return StepState()  # not kept: a stranger's signals name as many as they like
            step = self._steps[name] = read_step(raw)
        return step

    def put_step(self, name: str, step: StepState) -> None:
        """Write a step."""
        self._steps[name] = self._behind[f"s:{name}"] = step

    def armed(self, timer: str) -> int | None:
        """Return the offset that armed a timer, None if it isn't armed."""
        raw = self._fields.get(f"a:{timer}")
        return None if raw is None else int(raw)

    def timers(self) -> Iterator[str]:
        """Name all armed timers, sorted."""
        return iter(sorted(name[2:] for name in self._fields if name.startswith("a:")))

    def totals(self) -> tuple[Usage, int]:
        """Return the usage so far, and how many tasks there are."""
        given, made, tasks, micros = self._sums()
        return Usage(input_tokens=given, output_tokens=made, micros=micros), tasks

    def add_totals(self, usage: Usage | None, tasks: int) -> None:
        """Add to the usage and to the number of tasks."""
        given, made, known, micros = self._sums()
        if usage is not None:
            given, made = given + usage.input_tokens, made + usage.output_tokens
            if self.pinned.budget_micros is not None:
                micros += usage.micros
        self._totals = self._behind["n"] = Totals(given, made, known + tasks, micros)

    def _sums(self) -> Totals:
        if self._totals is None:
            raw = self._fields.get("n")
            self._totals = Totals() if raw is None else Totals.decode(raw)
        return self._totals


def load(run_id: str, fields: Mapping[str, str | bytes]) -> RunState | None:
    """Make the state from a hash as Redis gives it, in any order; an empty one is no run."""
    if not fields:
        return None
    return RunState(
        run_id,
        {name: value.encode() if isinstance(value, str) else value for name, value in fields.items()},
    )
