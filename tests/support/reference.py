"""What a run should be, found the slow way: no counters, no stored state, everything counted anew at each event.

It knows the rules of steps, maps, plans, joins, holes, conditions, retries and cancels, and nothing of fields, offsets
or decisions. Facts, values and times are what it is told; of the plan it takes only what the lane is to look at.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType

from argosy.coordinator.plan import Plan, index
from argosy.schemas.edges import INPUT
from argosy.schemas.ids import local_part, step_of
from argosy.schemas.pipeline import MapStep, PlanStep, Step
from argosy.schemas.runlog import BudgetReceived, SignalReceived, TaskSettled
from support import reference_asking, reference_summaries, reference_waits
from support.reference_asking import Purse
from support.reference_edges import asks_given, is_needed, is_required, judge
from support.reference_pages import above_of, may_be_cut, root_of, round_of, step_on, under
from support.reference_values import Task, Values
from support.reference_waits import Signals

OVER = "kfsxe"


def _plans() -> ModuleType:
    """The tasks of a plan are a reference themselves."""
    from support import reference_plans  # noqa: PLC0415 - it is made of this module's

    return reference_plans


class Made(dict[str, Task]):
    """Tasks; tells of each new one."""

    def __init__(self, tell: Callable[[str, Task], None]) -> None:
        self.tell = tell

    def __setitem__(self, local: str, task: Task) -> None:
        if local not in self:
            self.tell(local, task)
        super().__setitem__(local, task)


@dataclass
class Reference(Values):
    told: dict[str, list[str]] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)
    """By map: the first shard that did not succeed."""
    shards: dict[str, str] = field(default_factory=dict)
    """Of maps over pipelines: the letter of each shard, as far as its map knows; `done` is ahead of that."""
    looking: set[str] = field(default_factory=set)
    """Maps, or the input of a shard, that the lane is to look at."""
    late: set[str] = field(default_factory=set)
    seen: set[tuple[str, int]] = field(default_factory=set)
    tokens: int = 0
    outcome: tuple[str, str] | None = None
    signals: Signals = field(default_factory=Signals)
    purse: Purse = field(default_factory=Purse)
    """Of the whole run."""
    queue: "list[tuple[Reference, str]]" = field(default_factory=list)
    """Steps whose children don't know yet; one for a run and all that is inside."""
    indexed: Plan | None = None
    room_of: Callable[[str], int] = lambda _: 0
    """Told: the room of a task whose inputs are summarised."""
    handed: dict[str, TaskSettled] = field(default_factory=dict)
    """Told, of the whole run: the ends of tasks that are not to be run."""
    made: "list[tuple[Reference, str]]" = field(default_factory=list)
    """Of the whole run: tasks in the order in which they were made."""

    def __post_init__(self) -> None:
        self.tasks = Made(self.tell_made)

    def tell_made(self, local: str, task: Task) -> None:
        self.root.made.append((self, local))
        task.ordered = self.root.purse.raises

    # -- the whole run

    @property
    def root(self) -> "Reference":
        return self if self.outer is None else self.outer[0].root

    @property
    def plan(self) -> Plan:
        if self.outer is not None:
            return self.outer[0].plan
        self.indexed = self.indexed or index(self.pipeline)
        return self.indexed

    def all_tasks(self) -> dict[str, Task]:
        found = dict(self.tasks)
        for name, inner in self.inside.items():
            found |= {f"{name}/{local}": task for local, task in inner.all_tasks().items()}
        return found

    def all_tokens(self) -> int:
        return self.tokens + sum(inner.all_tokens() for inner in self.inside.values())

    def at(self, local: str) -> "tuple[Reference | None, str]":
        """Find who knows a task or a step, and its name there."""
        name, slash, rest = local.partition("/")
        if not slash:
            return self, local
        return self.inside[name].at(rest) if name in self.inside else (self, local)

    # -- events

    def begin(self) -> None:
        self.open()
        self.drain()

    def open(self) -> None:
        for step in self.pipeline.steps:
            if not step.parents():
                self.consider(step)

    def settled(self, message: TaskSettled) -> None:
        where, local = self.at(local_part(message.task_id))
        if self.outcome is None and where is not None and local in where.tasks:
            where.take(local, where.tasks[local], message)
        elif self.outcome is None and where is not None and local in where.looking and where.outcome is None:
            where.found(local, message)
        self.drain()

    def found(self, local: str, message: TaskSettled) -> None:
        """Go on after a look."""
        if local != INPUT and self.pipeline.step(local).WAITS:
            reference_waits.looked(self, self.pipeline.step(local), message)
            return
        self.looking.remove(local)
        good = message.outcome == "succeeded"
        if good:
            self.looked[local] = message
        if local != INPUT:
            self.end(self.pipeline.step(local), "k" if good else "f", self.named(local))
        elif good:
            self.open()
        else:
            assert self.outer is not None
            outer, step, shard = self.outer
            self.finish("failed")
            outer.shard_ended(f"{step.name}.{shard}", "f", outer.named(f"{step.name}.{shard}"))

    def take(self, local: str, task: Task, message: TaskSettled) -> None:
        if (local, message.attempt) not in self.seen:
            self.seen.add((local, message.attempt))
            self.tokens += message.usage.input_tokens
        if task.letter in OVER:
            return
        step = self.step_of_task(local)
        if isinstance(step, PlanStep) and message.outcome == "succeeded":
            message = _plans().checked(step, message)
        if message.outcome == "succeeded":
            task.letter, task.result = "k", message
        elif message.attempt != task.attempt or task.letter != "r":
            return
        elif message.outcome == "overflow" and self.may_be_cut(local):
            task.letter = "p"
            self.tasks[f"{local}/p0"] = Task()
            return
        elif reference_asking.refused(self.root.purse, task, message):
            return
        elif (
            message.fault is not None
            and message.fault.retriable
            and task.attempt - task.refused <= self.retries(local)
        ):
            task.letter = "b"
            return
        else:
            task.letter, task.result = "f", message
        self.over(step, local, task)

    def step_of_task(self, local: str) -> Step:
        return self.pipeline.step(step_of(root_of(local))[0])

    def over(self, step: Step, local: str, task: Task) -> None:
        """Go on after the end of a task: of a page, with the one above."""
        self.stop_under(local)
        above = above_of(local)
        if above is not None:
            last = (local, False) if task.letter == "f" else self.step_on(above)
            if last is not None:
                ending, good = last
                self.tasks[above].letter = "k" if good else "f"
                self.tasks[above].result = self.tasks[ending].result
                self.over(step, above, self.tasks[above])
            return
        if task.letter == "f":
            self.first.setdefault(step.name, self.named(local))
        if isinstance(step, MapStep):
            self.decide(step)
        elif isinstance(step, PlanStep) and task.letter == "k":
            assert task.result is not None
            _plans().begin(self, step, task.result)
        else:
            self.end(step, task.letter, self.named(local))

    def step_on(self, above: str) -> tuple[str, bool] | None:
        """Make the tasks under one that may run now; give the one that ends it, if one does, and whether well."""
        if self.summarises(above):
            return reference_summaries.step_on(self.tasks, above, Task, self.told_room(self.named(above)))
        last = step_on(self.tasks, above, Task, merges=self.merges(above))
        return None if last is None else (last, not last.endswith("/p0"))

    def told_room(self, local: str) -> int:
        return self.room_of(local) if self.outer is None else self.outer[0].told_room(local)

    def may_be_cut(self, local: str) -> bool:
        return reference_summaries.may_be_cut(local) if self.summarises(local) else may_be_cut(local)

    def summarises(self, local: str) -> bool:
        step = self.pipeline.step(step_of(root_of(local))[0])
        return self.pipeline.agents[step.agent or ""].above == "summarise"

    def merges(self, local: str) -> bool:
        """Say whether an agent merges the pages of a task."""
        step = self.pipeline.step(step_of(root_of(local))[0])
        return self.pipeline.agents[step.agent or ""].merge is not None

    def retry(self, local: str) -> None:
        task = self.all_tasks()[local]
        if task.letter == "b":
            task.letter, task.attempt, task.ordered = "r", task.attempt + 1, self.root.purse.raises

    def expire(self, name: str) -> None:
        where, name = self.at(name)
        if where is not None and name in where.fired and name not in where.ended and where.outcome is None:
            where.stop(name, "e")
            where.end(where.pipeline.step(name), "e", where.named(name))
            self.drain()

    def answered(self, answer: BudgetReceived) -> None:
        reference_asking.answered(self, answer)

    def nobody_answered(self, _: str = "") -> None:
        reference_asking.denied(self)

    def sent(self, signal: SignalReceived) -> None:
        reference_waits.sent(self, signal)

    def timed_out(self, name: str) -> None:
        where, name = self.at(name)
        if where is not None:
            reference_waits.timed_out(where, where.pipeline.step(name))
            self.drain()

    def woke(self, name: str) -> None:
        where, name = self.at(name)
        if where is not None:
            where.end(where.pipeline.step(name), "k", "")
            self.drain()

    def join_late(self, name: str) -> None:
        where, name = self.at(name)
        if where is None or name in where.ended or where.outcome is not None:
            return
        where.late.add(name)
        step = where.pipeline.step(name)
        if isinstance(step, MapStep):
            where.decide(step)
        else:
            where.consider(step)
        self.drain()

    def finish(self, outcome: str, cause: str = "") -> None:
        if self.outcome is None:
            self.outcome = (outcome, cause)
            for step in self.pipeline.steps:
                self.stop(step.name, "e" if outcome == "expired" else "x")

    # -- steps

    def retries(self, local: str) -> int:
        agent = self.pipeline.step(step_of(root_of(local))[0]).agent or ""
        if above_of(local) is not None and round_of(local) > 1 and not self.summarises(local):
            agent = self.pipeline.agents[agent].merge or agent
        return self.pipeline.agents[agent].retries

    def shard_ended(self, local: str, letter: str, cause: str) -> None:
        self.done[local] = (letter, cause)
        self.queue.append((self, local))

    def end(self, step: Step, letter: str, cause: str) -> None:
        self.looking.discard(step.name)
        self.ended[step.name] = (letter, cause)
        self.queue.append((self, step.name))

    def drain(self) -> None:
        while True:
            while self.queue and self.outcome is None:
                where, name = self.queue.pop(0)
                if where.outcome is None:
                    where.tell(name)
            if not self.root.made:
                return
            where, local = self.root.made.pop(0)
            end = self.root.handed.get(where.named(local))
            if end is not None and self.root.outcome is None and where.tasks[local].letter == "r":
                where.take(local, where.tasks[local], end)

    def tell(self, name: str) -> None:
        if name in self.shards:
            step = self.pipeline.step(step_of(name)[0])
            if step.name not in self.ended and step.name not in self.looking:
                self.shards[name], cause = self.done[name]
                if self.shards[name] != "k":
                    self.first.setdefault(step.name, cause)
                assert isinstance(step, MapStep)
                self.decide(step)
            return
        if name == self.pipeline.returns.source:
            letter, cause = self.ended[name]
            self.finish("succeeded" if letter == "k" else "failed", "" if letter == "k" else cause)
            if self.outer is not None:
                outer, step, shard = self.outer
                letter = "k" if letter == "k" else "f"
                if shard is None:
                    outer.end(step, letter, cause)
                else:
                    outer.shard_ended(f"{step.name}.{shard}", letter, cause)
            return
        for child in self.pipeline.steps:
            if name in child.parents() and child.name not in self.fired and child.name not in self.ended:
                self.told.setdefault(child.name, []).append(name)
                self.consider(child)

    def consider(self, step: Step) -> None:
        told = self.told.get(step.name, [])
        required = [source for source in step.parents() if is_required(step, source)]
        counted = [edge.source for edge in step.edges if edge.hole]
        join = None if isinstance(step, MapStep) else step.join
        verdict = "met" if set(told) == set(step.parents()) else "open"
        if join is not None and join.policy != "all_ended":
            good = sum(name == INPUT or (name in told and self.ended[name][0] == "k") for name in counted)
            gone = sum(name == INPUT or name in told for name in counted)
            verdict = judge(join, len(counted), good, gone, late=step.name in self.late)
            if verdict == "failed" and step.name in self.late:
                self.end(step, "f", self.named(step.name))
                self.prune(step)
                return
        if verdict == "open" or not set(required) <= set(told):
            return
        holes = [name for name in required if self.ended[name][0] != "k"]
        if holes:
            self.end(step, "s", self.ended[holes[0]][1])
        elif verdict == "failed":
            self.end(step, "f", self.named(step.name))
        elif asks_given(step) and (cause := self.given_hole()) is not None:
            self.end(step, "s", cause)
        elif not self.conditions_met(step):
            self.end(step, "s", self.named(step.name))
        else:
            self.fired[step.name] = tuple(name for name in step.parents() if name not in self.ended)
            self.start(step)
        self.prune(step)

    def start(self, step: Step) -> None:
        if step.pipeline is not None and not isinstance(step, MapStep):
            inner = Reference(step.pipeline, {}, queue=self.queue, outer=(self, step, None))
            self.inside[step.name] = inner
            inner.open()
        elif step.WAITS:
            reference_waits.begin(self, step)
        elif not isinstance(step, MapStep):
            self.tasks[step.name] = Task()
        elif self.length(step) is None:
            self.end(step, "f", self.named(step.name))
        else:
            self.decide(step)

    def start_shard(self, step: MapStep, shard: int) -> None:
        assert step.pipeline is not None
        local = f"{step.name}.{shard}"
        inner = self.inside[local] = Reference(step.pipeline, {}, queue=self.queue, outer=(self, step, shard))
        if self.plan.steps[self.named(local)].looks and inner.given_hole() is None:
            inner.looking.add(INPUT)
        else:
            inner.open()

    def prune(self, step: Step) -> None:
        if set(self.told.get(step.name, [])) == set(step.parents()):
            return
        for other in reversed(self.pipeline.steps):
            if other.name not in self.ended and not self.is_needed(other.name):
                self.stop(other.name, "x")
        for other in self.pipeline.steps:
            if other.name not in self.ended and not self.is_needed(other.name):
                self.end(other, "x", self.named(other.name))

    def is_needed(self, name: str) -> bool:
        return is_needed(self.pipeline, name, {*self.fired, *self.ended})

    # -- tasks

    def locals(self, name: str) -> Iterator[str]:
        yield from (local for local in self.tasks if "/" not in local and step_of(local)[0] == name)

    def stop(self, name: str, letter: str) -> None:
        for inner, reference in self.inside.items():
            if step_of(inner)[0] == name and reference.outcome is None:
                reference.finish("expired" if letter == "e" else "cancelled")
        for local in self.locals(name):
            if self.tasks[local].letter in "rbpa":
                self.tasks[local].letter = letter
                self.stop_under(local)

    def stop_under(self, local: str) -> None:
        for name in under(self.tasks, local):
            if self.tasks[name].letter in "rbpa":
                self.tasks[name].letter = "x"

    def decide(self, step: MapStep) -> None:
        length = self.length(step) or 0
        letters = [self.tasks[local].letter for local in self.locals(step.name)]
        if step.pipeline is not None:
            letters = [letter for local, letter in self.shards.items() if step_of(local)[0] == step.name]
        good, gone = letters.count("k"), sum(letter in OVER for letter in letters)
        late = step.name in self.late
        if step.join is not None:
            verdict = judge(step.join, length, good, gone, late=late)
        else:
            verdict = "failed" if good < gone else "met" if good == length else "open"
        if verdict == "open":
            running = len(letters) - gone
            opened = range(len(letters), min(length, len(letters) + step.max_parallel - running))
            for shard in opened:
                if step.pipeline is None:
                    self.tasks[f"{step.name}.{shard}"] = Task()
                else:
                    self.shards[f"{step.name}.{shard}"] = "r"
            for shard in opened if step.pipeline is not None else ():
                self.start_shard(step, shard)
            return
        self.stop(step.name, "x")
        planned, name = self.plan.steps[self.named(step.name)], self.named(step.name)
        if verdict == "met" and (planned.looks or planned.whole):
            self.looking.add(step.name)
            return
        cause = name if step.join is not None else self.first.get(step.name, name)
        self.end(step, "k" if verdict == "met" else "f", cause)
