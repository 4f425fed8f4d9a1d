"""What a run should be, found the slow way: no counters, no stored state, everything counted anew at each event.

It knows the rules of steps, maps, joins, holes, conditions, retries and cancels, and nothing of fields, offsets or
decisions. Facts, values and times are what it is told. A step that runs a pipeline has a reference of its own inside,
which asks the outer one for what it is given.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from argosy.schemas.facts import Fact, Facts, ListFact, ValueFact
from argosy.schemas.ids import local_part, step_of
from argosy.schemas.pipeline import INPUT, CompiledPipeline, Constant, InputEdge, Join, MapStep, Pick, Step
from argosy.schemas.runlog import TaskSettled

OVER = "kfsxe"

Found = tuple[str, object]
"""What a step reads: `hole` and its first cause, `unknown` and nothing, or `value` and (result or results, part)."""


@dataclass
class Task:
    letter: str = "r"
    attempt: int = 1
    result: TaskSettled | None = None


@dataclass
class Reference:
    pipeline: CompiledPipeline
    input_facts: Facts
    tasks: dict[str, Task] = field(default_factory=dict)
    ended: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By step: its letter, and the task (or step) where its failure began."""
    fired: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By step that went: the parents that it went without."""
    told: dict[str, list[str]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    late: set[str] = field(default_factory=set)
    seen: set[tuple[str, int]] = field(default_factory=set)
    tokens: int = 0
    outcome: tuple[str, str] | None = None
    queue: "list[tuple[Reference, str]]" = field(default_factory=list)
    """Steps whose children don't know yet; one for a run and all that is inside."""
    outer: "tuple[Reference, Step] | None" = None
    inside: "dict[str, Reference]" = field(default_factory=dict)

    # -- the whole run

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
        return self.inside[name].at(rest) if name in self.inside else (None, rest)

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
            self.drain()

    def take(self, local: str, task: Task, message: TaskSettled) -> None:
        if (local, message.attempt) not in self.seen:
            self.seen.add((local, message.attempt))
            self.tokens += message.usage.input_tokens
        if task.letter in OVER:
            return
        step = self.pipeline.step(step_of(local)[0])
        if message.outcome == "succeeded":
            task.letter, task.result = "k", message
        elif message.attempt != task.attempt or task.letter != "r":
            return
        elif message.fault is not None and message.fault.retriable and task.attempt <= self.retries(step):
            task.letter = "b"
            return
        else:
            task.letter, task.result = "f", message
            self.failures.append(local)
        if isinstance(step, MapStep):
            self.decide(step)
        else:
            self.end(step, task.letter, local)

    def retry(self, local: str) -> None:
        task = self.all_tasks()[local]
        if task.letter == "b":
            task.letter, task.attempt = "r", task.attempt + 1

    def expire(self, name: str) -> None:
        where, name = self.at(name)
        if where is not None and name in where.fired and name not in where.ended and where.outcome is None:
            where.stop(name, "e")
            where.end(where.pipeline.step(name), "e", name)
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

    def retries(self, step: Step) -> int:
        return self.pipeline.agents[step.agent or ""].retries

    def end(self, step: Step, letter: str, cause: str) -> None:
        self.ended[step.name] = (letter, cause)
        self.queue.append((self, step.name))

    def drain(self) -> None:
        while self.queue and self.outcome is None:
            where, name = self.queue.pop(0)
            if where.outcome is None:
                where.tell(name)

    def tell(self, name: str) -> None:
        if name == self.pipeline.returns.source:
            letter, cause = self.ended[name]
            self.finish("succeeded" if letter == "k" else "failed", "" if letter == "k" else cause)
            if self.outer is not None:
                outer, step = self.outer
                outer.end(step, "k" if letter == "k" else "f", f"{step.name}/{cause}")
            return
        for child in self.pipeline.steps:
            if name in child.parents() and child.name not in self.fired and child.name not in self.ended:
                self.told.setdefault(child.name, []).append(name)
                self.consider(child)

    def consider(self, step: Step) -> None:
        told = self.told.get(step.name, [])
        required = [source for source in step.parents() if self.is_required(step, source)]
        counted = [edge.source for edge in step.edges if edge.hole]
        join = None if isinstance(step, MapStep) else step.join
        verdict = "met" if set(told) == set(step.parents()) else "open"
        if join is not None and join.policy != "all_ended":
            good = sum(name == INPUT or (name in told and self.ended[name][0] == "k") for name in counted)
            gone = sum(name == INPUT or name in told for name in counted)
            verdict = judge(join, len(counted), good, gone, late=step.name in self.late)
            if verdict == "failed" and step.name in self.late:
                self.end(step, "f", step.name)
                self.prune(step)
                return
        if verdict == "open" or not set(required) <= set(told):
            return
        holes = [name for name in required if self.ended[name][0] != "k"]
        if holes:
            self.end(step, "s", self.ended[holes[0]][1])
        elif verdict == "failed":
            self.end(step, "f", step.name)
        elif not self.conditions_met(step):
            self.end(step, "s", step.name)
        else:
            self.fired[step.name] = tuple(name for name in step.parents() if name not in self.ended)
            self.start(step)
        self.prune(step)

    def start(self, step: Step) -> None:
        if step.pipeline is not None:
            inner = Reference(step.pipeline, {}, queue=self.queue, outer=(self, step))
            self.inside[step.name] = inner
            inner.open()
        elif not isinstance(step, MapStep):
            self.tasks[step.name] = Task()
        elif self.length(step) is None:
            self.end(step, "f", step.name)
        else:
            self.decide(step)

    def is_required(self, step: Step, source: str) -> bool:
        over = step.over if isinstance(step, MapStep) else None
        return (
            any(edge.source == source and (not edge.hole or edge.name == over) for edge in step.edges)
            or any(after.source == source and not after.hole for after in step.after)
            or any(pick.source == source for pick in (*step.when, *step.unless))
        )

    def conditions_met(self, step: Step) -> bool:
        return all(map(self.is_true, step.when)) and not any(map(self.is_true, step.unless))

    def is_true(self, pick: Pick) -> bool:
        fact = self.fact("value", pick.source, pick.select)
        return isinstance(fact, ValueFact) and fact.value is True

    def fact(self, kind: str, source: str, select: str | None) -> Fact | None:
        if source == INPUT and self.outer is not None:
            outer, step = self.outer
            (edge,) = step.edges
            return outer.fact(kind, edge.source, piped(edge.select, select))
        if source in self.inside:
            inner = self.inside[source]
            returns = inner.pipeline.returns
            return inner.fact(kind, returns.source, piped(returns.select, select))
        result = None if source == INPUT else self.tasks[source].result
        facts = self.input_facts if result is None else result.facts
        return facts[f"{kind}:{select or ''}"]

    def read(self, step: str, edge: InputEdge) -> Found:
        """What a step that went reads."""
        if edge.source != INPUT and edge.source in self.fired[step]:
            return "hole", self.named(edge.source)
        if edge.source != INPUT and self.ended[edge.source][0] != "k":
            return "hole", self.named(self.ended[edge.source][1])
        return self.value(edge.source, edge.select)

    def named(self, local: str) -> str:
        """Name a task or step of this pipeline in the whole run."""
        if self.outer is None:
            return local
        outer, step = self.outer
        return outer.named(f"{step.name}/{local}")

    def value(self, source: str, select: str | None) -> Found:
        if source == INPUT:
            if self.outer is None:
                return "unknown", None
            outer, step = self.outer
            (given,) = step.inputs
            if isinstance(given, Constant):
                return "value", (given.value, None)
            return outer.read(step.name, given.model_copy(update={"select": piped(given.select, select)}))
        if source in self.inside:
            inner = self.inside[source]
            returns = inner.pipeline.returns
            return inner.value(returns.source, piped(returns.select, select))
        step = self.pipeline.step(source)
        if isinstance(step, MapStep):
            return "value", (
                [self.result(f"{source}.{shard}") for shard in range(self.length(step) or 0)],
                select,
            )
        return "value", (self.result(source), select)

    def result(self, local: str) -> object:
        task = self.tasks.get(local)
        result = task.result.result if task is not None and task.letter == "k" and task.result else None
        return getattr(result, "value", None)

    def prune(self, step: Step) -> None:
        if set(self.told.get(step.name, [])) == set(step.parents()):
            return
        for other in reversed(self.pipeline.steps):
            if other.name not in self.ended and not self.is_needed(other.name):
                self.stop(other.name, "x")
        for other in self.pipeline.steps:
            if other.name not in self.ended and not self.is_needed(other.name):
                self.end(other, "x", other.name)

    def is_needed(self, name: str) -> bool:
        return name == self.pipeline.returns.source or any(
            name in child.parents()
            and child.name not in self.fired
            and child.name not in self.ended
            and self.is_needed(child.name)
            for child in self.pipeline.steps
        )

    # -- tasks

    def locals(self, name: str) -> Iterator[str]:
        yield from (local for local in self.tasks if step_of(local)[0] == name)

    def stop(self, name: str, letter: str) -> None:
        if name in self.inside:
            self.inside[name].finish("expired" if letter == "e" else "cancelled")
        for local in self.locals(name):
            if self.tasks[local].letter in "rb":
                self.tasks[local].letter = letter

    def length(self, step: MapStep) -> int | None:
        over = next(given for given in step.inputs if given.name == step.over)
        if isinstance(over, Constant):
            return len(over.value) if isinstance(over.value, list) else None
        return self.length_of(over.source, over.select)

    def length_of(self, source: str, select: str | None) -> int | None:
        if source == INPUT and self.outer is not None:
            outer, step = self.outer
            (given,) = step.inputs
            if isinstance(given, Constant):
                return len(given.value) if isinstance(given.value, list) else None
            return outer.length_of(given.source, piped(given.select, select))
        if source in self.inside:
            inner = self.inside[source]
            returns = inner.pipeline.returns
            return inner.length_of(returns.source, piped(returns.select, select))
        if source != INPUT and isinstance(step := self.pipeline.step(source), MapStep):
            return self.length(step)
        fact = self.fact("list", source, select)
        return fact.length if isinstance(fact, ListFact) else None

    def decide(self, step: MapStep) -> None:
        length = self.length(step) or 0
        letters = [self.tasks[local].letter for local in self.locals(step.name)]
        good, gone = letters.count("k"), sum(letter in OVER for letter in letters)
        late = step.name in self.late
        if step.join is not None:
            verdict = judge(step.join, length, good, gone, late=late)
        else:
            verdict = "failed" if good < gone else "met" if good == length else "open"
        if verdict == "open":
            running = len(letters) - gone
            for shard in range(len(letters), min(length, len(letters) + step.max_parallel - running)):
                self.tasks[f"{step.name}.{shard}"] = Task()
            return
        self.stop(step.name, "x")
        first = next((local for local in self.failures if step_of(local)[0] == step.name), step.name)
        self.end(step, "k" if verdict == "met" else "f", first if step.join is None else step.name)


def piped(first: str | None, then: str | None) -> str | None:
    """Select in what was selected."""
    return " | ".join(part for part in (first, then) if part is not None) or None


def judge(join: Join, total: int, good: int, gone: int, *, late: bool) -> str:
    least = join.count or 0
    if join.share_per_mille is not None:
        least = -(-join.share_per_mille * total // 1000)
    if join.policy in {"any", "quorum"}:
        least = 1 if join.policy == "any" else least
        if good >= least:
            return "met"
        return "failed" if late or good + total - gone < least else "open"
    if gone < total and not late:
        return "open"
    return "met" if good >= least else "failed"
