"""What steps read, found the slow way: by walking from pipeline to pipeline, whoever has the value.

A step that runs a pipeline, and each shard of a map over one, has one of these of its own inside, which asks the outer
one for what it is given. First causes are named in the whole run.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from argosy.broker.facts import select as select_in
from argosy.schemas.edges import INPUT, Constant, InputEdge, Pick, StepInput
from argosy.schemas.facts import Fact, Facts, ListFact, ValueFact
from argosy.schemas.pipeline import CompiledPipeline, MapStep, PlanStep, Step
from argosy.schemas.runlog import TaskSettled

if TYPE_CHECKING:
    from support.reference import Reference

Found = tuple[str, object]
"""What a step reads: `hole` and its first cause, `unknown` and nothing, or `value` and (result or results, part)."""


@dataclass
class Task:
    letter: str = "r"
    attempt: int = 1
    result: TaskSettled | None = None
    refused: int = 0
    """Attempts that the budget refused."""
    ordered: int = 0
    """How often the budget had been raised when it was ordered."""


@dataclass
class Values:
    pipeline: CompiledPipeline
    input_facts: Facts
    tasks: dict[str, Task] = field(default_factory=dict)
    ended: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By step: its letter, and the task (or step) where its failure began."""
    fired: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By step that went: the parents that it went without."""
    done: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By shard of a map over a pipeline: its end and cause."""
    looked: dict[str, TaskSettled] = field(default_factory=dict)
    """What the lane found of maps, and of the input of a shard."""
    outer: "tuple[Reference, Step, int | None] | None" = None
    """Who has this one inside, the step, and the shard of a map."""
    inside: "dict[str, Reference]" = field(default_factory=dict)

    def named(self, local: str) -> str:
        """Name a task or step of this pipeline in the whole run."""
        if self.outer is None:
            return local
        outer, step, shard = self.outer
        name = step.name if shard is None else f"{step.name}.{shard}"
        return outer.named(f"{name}/{local}")

    def given_hole(self) -> str | None:
        """Name the first cause if this pipeline is given a hole."""
        if self.outer is None:
            return None
        found, cause = self.value(INPUT, None)
        return str(cause) if found == "hole" else None

    def runs_pipeline(self, source: str) -> bool:
        """Say whether a source is a step whose pipeline has its value: that of a plan was looked at."""
        return source in self.inside and not isinstance(self.pipeline.step(source), PlanStep)

    def fact(self, kind: str, source: str, select: str | None) -> Fact | None:
        if source == INPUT and self.outer is not None:
            outer, step, shard = self.outer
            (given,) = step.inputs
            if shard is not None:
                return self.looked[INPUT].facts[f"{kind}:{select or ''}"]
            if isinstance(given, Constant):
                return ValueFact(kind="value", value=select_in(select, given.value))
            return outer.fact(kind, given.source, piped(given.select, select))
        if self.runs_pipeline(source):
            inner = self.inside[source]
            returns = inner.pipeline.returns
            return inner.fact(kind, returns.source, piped(returns.select, select))
        result = None if source == INPUT else self.looked.get(source) or self.tasks[source].result
        facts = self.input_facts if result is None else result.facts
        return facts[f"{kind}:{select or ''}"]

    def read(self, step: str, edge: InputEdge) -> Found:
        """What a step that went reads."""
        if edge.source != INPUT and edge.source in self.fired[step]:
            return "hole", self.named(edge.source)
        if edge.source != INPUT and self.ended[edge.source][0] != "k":
            return "hole", self.ended[edge.source][1]
        return self.value(edge.source, edge.select)

    def value(self, source: str, select: str | None) -> Found:
        if source == INPUT:
            return self.given(select)
        if self.runs_pipeline(source):
            inner = self.inside[source]
            returns = inner.pipeline.returns
            return inner.value(returns.source, piped(returns.select, select))
        step = self.pipeline.step(source)
        if isinstance(step, MapStep):
            entries = [self.entry(step, shard) for shard in range(self.length(step) or 0)]
            return "value", ([value if found == "value" else None for found, value in entries], select)
        waited = self.looked.get(source)
        if waited is not None:
            return "value", (getattr(waited.result, "value", None), select)
        return "value", (self.result(source), select)

    def given(self, select: str | None) -> Found:
        """What this pipeline is given."""
        if self.outer is None:
            return "unknown", None
        outer, step, shard = self.outer
        (given,) = step.inputs
        if shard is not None:
            assert isinstance(step, MapStep)
            return outer.item(step, shard, select)
        if isinstance(given, Constant):
            return "value", (select_in(select, given.value), None)
        return outer.read(step.name, given.model_copy(update={"select": piped(given.select, select)}))

    def item(self, step: MapStep, shard: int, select: str | None) -> Found:
        """What a shard's pipeline reads of what it is given."""
        where, over = self.holder(next(given for given in step.inputs if given.name == step.over))
        if isinstance(over, Constant):
            items = over.value if isinstance(over.value, list) else []
            return "value", (items[shard], select)
        spread = None if over.source == INPUT else where.pipeline.step(over.source)
        if not isinstance(spread, MapStep) or over.select is not None:
            return "unknown", None
        found, value = where.entry(spread, shard)
        return (found, value) if found == "hole" else (found, (value, select))

    def holder(self, given: StepInput) -> "tuple[Values, StepInput]":
        """Find who has a value: a reference, and the input, the task or the map there."""
        if isinstance(given, Constant):
            return self, given
        if given.source == INPUT and self.outer is not None and self.outer[2] is None:
            outer, step, _ = self.outer
            (above,) = step.inputs
            if isinstance(above, Constant):
                return self, above.model_copy(update={"value": select_in(given.select, above.value)})
            return outer.holder(above.model_copy(update={"select": piped(above.select, given.select)}))
        if self.runs_pipeline(given.source):
            inner = self.inside[given.source]
            returns = inner.pipeline.returns
            update = {"source": returns.source, "select": piped(returns.select, given.select)}
            return inner.holder(given.model_copy(update=update))
        return self, given

    def entry(self, step: MapStep, shard: int) -> Found:
        """What a shard left: its value, or the first cause of its hole."""
        local = f"{step.name}.{shard}"
        if step.pipeline is None:
            task = self.tasks.get(local)
            there = task is not None and task.letter == "k"
            return ("value", self.result(local)) if there else ("hole", self.named(local))
        letter, cause = self.done.get(local, ("x", self.named(local)))
        if letter != "k":
            return "hole", cause
        inner = self.inside[local]
        returns = InputEdge(
            name="x", source=inner.pipeline.returns.source, select=inner.pipeline.returns.select
        )
        where, found = inner.holder(returns)
        assert isinstance(found, InputEdge)
        if found.select is not None:
            fact = where.fact("value", found.source, found.select)
            return "value", fact.value if isinstance(fact, ValueFact) else None
        looked = where.looked.get(found.source)
        return "value", where.result(found.source) if looked is None else getattr(
            looked.result, "value", None
        )

    def result(self, local: str) -> object:
        task = self.tasks.get(local)
        result = task.result.result if task is not None and task.letter == "k" and task.result else None
        return getattr(result, "value", None)

    def length(self, step: MapStep) -> int | None:
        over = next(given for given in step.inputs if given.name == step.over)
        if isinstance(over, Constant):
            return len(over.value) if isinstance(over.value, list) else None
        return self.length_of(over.source, over.select)

    def length_of(self, source: str, select: str | None) -> int | None:
        if source == INPUT and self.outer is not None:
            outer, step, shard = self.outer
            (given,) = step.inputs
            if shard is None and isinstance(given, Constant):
                value = select_in(select, given.value)
                return len(value) if isinstance(value, list) else None
            if shard is None:
                assert isinstance(given, InputEdge)
                return outer.length_of(given.source, piped(given.select, select))
        if self.runs_pipeline(source):
            inner = self.inside[source]
            returns = inner.pipeline.returns
            return inner.length_of(returns.source, piped(returns.select, select))
        if source != INPUT and select is None and isinstance(step := self.pipeline.step(source), MapStep):
            return self.length(step)
        fact = self.fact("list", source, select)
        return fact.length if isinstance(fact, ListFact) else None

    def conditions_met(self, step: Step) -> bool:
        return all(map(self.is_true, step.when)) and not any(map(self.is_true, step.unless))

    def is_true(self, pick: Pick) -> bool:
        fact = self.fact("value", pick.source, pick.select)
        return isinstance(fact, ValueFact) and fact.value is True


def piped(first: str | None, then: str | None) -> str | None:
    """Select in what was selected."""
    return " | ".join(part for part in (first, then) if part is not None) or None
