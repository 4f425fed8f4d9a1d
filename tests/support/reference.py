"""What a run should be, found the slow way: no counters, no stored state, everything counted anew at each event.

It knows the rules of steps, maps, joins, holes, conditions, retries and cancels, and nothing of fields, offsets or
decisions. Facts, values and times are what it is told.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from argosy.schemas.facts import Facts, ListFact, ValueFact
from argosy.schemas.ids import local_part, step_of
from argosy.schemas.pipeline import INPUT, CompiledPipeline, Constant, Join, MapStep, Pick, Step
from argosy.schemas.runlog import TaskSettled

OVER = "kfsxe"


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
    queue: list[str] = field(default_factory=list)

    # -- events

    def begin(self) -> None:
        for step in self.pipeline.steps:
            if not step.parents():
                self.consider(step)
        self.drain()

    def settled(self, message: TaskSettled) -> None:
        local = local_part(message.task_id)
        task = self.tasks.get(local)
        if self.outcome is not None or task is None:
            return
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
        self.drain()

    def retry(self, local: str) -> None:
        task = self.tasks[local]
        if task.letter == "b":
            task.letter, task.attempt = "r", task.attempt + 1

    def expire(self, name: str) -> None:
        if name in self.fired and name not in self.ended and self.outcome is None:
            self.stop(name, "e")
            self.end(self.pipeline.step(name), "e", name)
            self.drain()

    def join_late(self, name: str) -> None:
        if name in self.ended or self.outcome is not None:
            return
        self.late.add(name)
        step = self.pipeline.step(name)
        if isinstance(step, MapStep):
            self.decide(step)
        else:
            self.consider(step)
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
        self.queue.append(step.name)

    def drain(self) -> None:
        while self.queue and self.outcome is None:
            name = self.queue.pop(0)
            if name == self.pipeline.returns.source:
                letter, cause = self.ended[name]
                self.finish("succeeded" if letter == "k" else "failed", "" if letter == "k" else cause)
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
        if not isinstance(step, MapStep):
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
        fact = self.facts(pick.source)[f"value:{pick.select or ''}"]
        return isinstance(fact, ValueFact) and fact.value is True

    def facts(self, source: str) -> Facts:
        if source == INPUT:
            return self.input_facts
        result = self.tasks[source].result
        return {} if result is None else result.facts

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
        for local in self.locals(name):
            if self.tasks[local].letter in "rb":
                self.tasks[local].letter = letter

    def length(self, step: MapStep) -> int | None:
        over = next(given for given in step.inputs if given.name == step.over)
        if isinstance(over, Constant):
            return len(over.value) if isinstance(over.value, list) else None
        if over.source != INPUT and isinstance(source := self.pipeline.step(over.source), MapStep):
            return self.length(source)
        fact = self.facts(over.source)[f"list:{over.select or ''}"]
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
