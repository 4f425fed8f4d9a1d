"""A turn: one event being folded into one run. Keeps the state and the decisions about it in step."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, Literal

from argosy.coordinator.decision import (
    Arm,
    Changed,
    Decision,
    Disarm,
    Ready,
    Send,
    Unclaim,
    Waited,
    Withdraw,
)
from argosy.coordinator.edge import let_go
from argosy.coordinator.event import Event
from argosy.coordinator.given import is_given
from argosy.coordinator.kept import TERMINAL, Cause, Letter, StepState, TaskResult, TaskState
from argosy.coordinator.paging import paging_of
from argosy.coordinator.place import Place, System
from argosy.coordinator.plan import Plan
from argosy.coordinator.state import RunState
from argosy.coordinator.step_plan import StepPlan, Waits, Work
from argosy.coordinator.waiting import forget, waited_of
from argosy.schemas.asking import BUDGET_TIMER
from argosy.schemas.chat import Usage
from argosy.schemas.fault import Fault

Word = Literal["ready", "backing_off", "asking", "succeeded", "failed", "skipped", "cancelled", "expired"]
_WORDS: Final[dict[Letter, Word | None]] = {
    "w": None,
    "r": "ready",
    "b": "backing_off",
    "p": None,
    "a": "asking",
    "k": "succeeded",
    "f": "failed",
    "s": "skipped",
    "x": "cancelled",
    "e": "expired",
}


@dataclass(slots=True)
class Turn:
    """What one event does to one run, as it is being found out."""

    state: RunState
    event: Event
    plan: Plan
    decisions: list[Decision] = field(default_factory=list)
    ended: deque[StepPlan] = field(default_factory=deque)
    """Steps whose children don't know yet."""
    given: deque[Place] = field(default_factory=deque)
    """Ordered tasks whose results were given with the run: `reuse` ends them."""
    pages: bool = False
    """By the rules of this run, what is too large is cut into pages, if its contract says so."""

    # -- timers

    def arm(self, name: str, due_ms: int) -> None:
        """Set a timer; one of the same name is replaced."""
        self.state.put(f"a:{name}", str(self.event.offset).encode())
        self.decisions.append(Arm(name, due_ms, self.event.offset))

    def disarm(self, name: str) -> None:
        """Remove a timer, if it is set."""
        armed = self.state.armed(name)
        if armed is not None:
            self.state.drop(f"a:{name}")
            self.decisions.append(Disarm(name, armed))

    # -- tasks

    def order(self, place: Place, before: TaskState | None = None, *, refused: bool = False) -> None:
        """Order the next attempt of one task: the first one, or a retry of what `before` says.

        `refused`: the budget refused the attempt before, which counts for none.
        """
        if before is None:
            task = TaskState("r", 1, 0, self.event.offset)
        else:
            task = before._replace(
                letter="r",
                attempt=before.attempt + 1,
                cause=self.event.offset,
                refused=before.refused + refused,
            )
        self.state.put_task(place.local, task)
        if before is None:
            self.count(tasks=1)
            if self.is_given(place.local):
                self.given.append(place)
                return
        self._ready(place.group, place.agent, task.attempt, place.number, 1)
        self.changed("r", place, task.attempt)

    def order_shards(self, step: StepPlan, first: int, count: int) -> None:
        """Order the first attempt of `count` shards."""
        self._order_all([Place(step, shard) for shard in range(first, first + count)])

    def order_pages(self, above: Place, number: int, first: int, count: int) -> None:
        """Order the first attempt of `count` system tasks of a round."""
        places = [
            Place(above.step, above.shard, System(above, number, page))
            for page in range(first, first + count)
        ]
        self._order_all(places)

    def is_given(self, local: str) -> bool:
        """Say whether a task is not to be run: what it would leave was given with the run."""
        return self.state.pinned.reuses and is_given(self.state, local)

    def _order_all(self, places: Sequence[Place]) -> None:
        """Order the first attempt of tasks whose numbers follow each other."""
        self.count(tasks=len(places))
        fresh = TaskState("r", 1, 0, self.event.offset)
        if not self.state.pinned.reuses:
            self._order_these(places, fresh)
            return
        for given, some in groupby(places, lambda place: self.is_given(place.local)):
            group = list(some)
            if not given:
                self._order_these(group, fresh)
                continue
            self.given += group
            for place in group:
                self.state.put_task(place.local, fresh)

    def _order_these(self, places: Sequence[Place], fresh: TaskState) -> None:
        """Order tasks of which nothing was given with the run."""
        first = places[0]
        self._ready(first.group, first.agent, 1, first.number, len(places))
        for place in places:
            self.state.put_task(place.local, fresh)
            self.changed("r", place, 1)

    def _ready(self, group: str, agent: str, attempt: int, first: int | None, count: int) -> None:
        priority = self.state.pinned.priority
        self.decisions.append(Ready(group, agent, attempt, first, count, self.event.time_ms, priority))

    def refuse_task(self, place: Place, fault: Fault) -> None:
        """Make a task failed that was never ordered."""
        self.state.put_task(place.local, TaskState("f", 0, 0, self.event.offset))
        self.state.put_result(place.local, TaskResult(fault=fault))
        self.count(tasks=1)
        self.changed("f", place, reason=fault.message)

    def end_task(self, place: Place, letter: Letter, task: TaskState, result: TaskResult | None) -> None:
        """Make a task terminal: it goes out no more, and its claim is not needed any more."""
        local = place.local
        self.state.put_task(local, task.become(letter))
        if task.letter == "p":
            self._stop_pages(place)
        elif task.letter == "a":
            self.release(place)
        if result is not None:
            self.state.put_result(local, result)
        self.disarm(f"retry:{local}")
        self.decisions += [Withdraw(local, place.agent), Unclaim(local)]
        reason = result.fault.message if result is not None and result.fault is not None else ""
        self.changed(letter, place, task.attempt, reason)

    def release(self, place: Place) -> None:
        """Take back that a task waits for the budget; nobody is asked any more once none does."""
        if let_go(self.state, place.local):
            self.disarm(BUDGET_TIMER)

    def count(self, *, tasks: int = 0, usage: Usage | None = None) -> None:
        """Add to the run's totals."""
        if tasks or (usage is not None and usage.total_tokens):
            self.state.add_totals(usage, tasks)

    # -- steps

    def look(self, step: StepPlan, at: str) -> None:
        """Have the lane find out what fold must know of a value that no task sees: its answer is a settle of `at`."""
        state = self.state.step(step.name)
        state.looking = True
        self.state.put_step(step.name, state)
        self.decisions.append(Send(f"look:{self.state.run_id}/{at}"))

    def open_shards(self, step: StepPlan, shards: Iterable[int]) -> None:
        """Start the steps of these shards; what their pipeline begins with is for `ready` to say."""
        for shard in shards:
            self.state.put_step(step.local(shard), StepState(letter="r"))

    def end_step(self, step: StepPlan, letter: Letter, cause: Cause | None = None) -> None:
        """End a step, however; its children are told by `ready.advance`."""
        state = self.state.step(step.name)
        state.letter, state.cause = letter, cause
        self.state.put_step(step.name, state)
        waited = waited_of(self.state, step, self.event.time_ms)
        self._still(step)
        self.ended.append(step)
        if step.is_map or self.state.task(step.name) is None:
            reason = "" if cause is None else cause.fault.message
            self.changed(letter, Place(step), reason=reason, waited=waited)

    def unended(self, scope: str) -> list[StepPlan]:
        """List what has not ended of a scope, in plan order; a pipeline's steps only while their owner runs."""
        return [
            step
            for step in self.plan.within(scope)
            if self.state.step(step.name).letter not in TERMINAL
            and (step.owner is None or self.state.step(step.owner).letter == "r")
        ]

    def stop(self, step: StepPlan, letter: Letter) -> None:
        """Make every open task of a step terminal, without a result."""
        if step.loop is not None:
            state = self.state.step(step.name)
            if state.letter == "r":
                self._stop_shard(self.plan.steps[step.iteration(state.next)], letter)
            return
        if not step.is_map:
            self._stop_task(Place(step), letter)
            return
        state = self.state.step(step.name)
        if step.is_each:
            for shard in range(state.next) if state.open else ():
                if self.state.step(step.local(shard)).letter == "r":
                    self._stop_shard(self.plan.steps[step.local(shard)], letter)
            return
        if state.open == 0:
            return
        for shard in range(state.next):
            self._stop_task(Place(step, shard), letter)

    def _stop_shard(self, shard: StepPlan, letter: Letter) -> None:
        """End a shard or an iteration with all that runs in it; nobody waits for it any more."""
        self._stop_task(Place(shard), letter)
        for step in self.unended(f"{shard.name}/"):
            self.stop(step, letter)
            self._close(step, letter)
        self._close(shard, letter)

    def _close(self, step: StepPlan, letter: Letter) -> None:
        state = self.state.step(step.name)
        if state.letter == "r":
            state.letter = letter
            self.state.put_step(step.name, state)
        self._still(step)

    def _still(self, step: StepPlan) -> None:
        """Take back what a step has set going that has ended."""
        waits = isinstance(step.runs, Waits)
        if not waits and step.step.deadline_millis is None and step.step.join is None:
            return  # nothing can have been set
        for kind in ("wait", "sleep") if waits else ("step", "join"):
            self.disarm(f"{kind}:{step.name}")
        if waits:
            forget(self.state, step.name)

    def _stop_task(self, place: Place, letter: Letter) -> None:
        task = self.state.task(place.local) if self.state.is_open(place.local) else None
        if task is not None:
            self.end_task(place, letter, task, None)

    def _stop_pages(self, above: Place) -> None:
        """Make terminal what still runs of a task's pages."""
        paging = paging_of(self.state, above.local)
        if paging is not None:
            for number in paging.numbers:
                self._stop_task(Place(above.step, above.shard, System(above, paging.round, number)), "x")

    def changed(
        self,
        letter: Letter,
        place: Place,
        attempt: int | None = None,
        reason: str = "",
        waited: Waited | None = None,
    ) -> None:
        """Tell who watches."""
        word = _WORDS[letter]
        if word is not None:
            agent = place.agent if isinstance(place.step.runs, Work) else None
            self.decisions.append(Changed(word, place.local, agent, attempt, reason, waited))
