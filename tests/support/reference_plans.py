"""Plans, the slow way: the tasks of one are a pipeline inside of the planner's step, of which nothing is its result."""

from dataclasses import dataclass, field
from typing import cast

from argosy.schemas.facts import ValueFact
from argosy.schemas.fault import Fault
from argosy.schemas.pipeline import CompiledPipeline, PlanStep, Step
from argosy.schemas.runlog import TaskSettled
from support.fold_pipelines import Data
from support.reference import Reference

MADE = "="
"""What is looked at: what all tasks gave."""


@dataclass
class Planned(Reference):
    """The tasks of one plan."""

    most: int = 1
    """At once."""
    running: set[str] = field(default_factory=set[str])
    """Those that have a place."""
    held: list[str] = field(default_factory=list[str])
    """Those that wait for one, first come first."""

    def open(self) -> None:
        super().open()
        self._look_at_all()

    def start(self, step: Step) -> None:
        if len(self.running) >= self.most:
            del self.fired[step.name]
            self.held.append(step.name)
            return
        self.running.add(step.name)
        super().start(step)

    def tell(self, name: str) -> None:
        for child in self.pipeline.steps:
            if name in child.parents() and child.name not in self.fired and child.name not in self.ended:
                self.told.setdefault(child.name, []).append(name)
                self.consider(child)
        self.running.discard(name)
        if self.held and len(self.running) < self.most:
            self.consider(self.pipeline.step(self.held.pop(0)))
        self._look_at_all()

    def _look_at_all(self) -> None:
        if len(self.ended) == len(self.pipeline.steps) and not self.queue_has_mine():
            self.looking.add(MADE)

    def queue_has_mine(self) -> bool:
        return any(where is self for where, _ in self.queue)

    def found(self, local: str, message: TaskSettled) -> None:
        if local != MADE:
            super().found(local, message)
            return
        assert self.outer is not None
        outer, step, _ = self.outer
        self.looking.discard(MADE)
        self.outcome = ("succeeded", "")
        good = message.outcome == "succeeded"
        if good:
            outer.looked[step.name] = message
        outer.end(step, "k" if good else "f", outer.named(step.name))


def checked(step: PlanStep, message: TaskSettled) -> TaskSettled:
    """Say what a planner's success is: a failure, if a task of its plan is for an agent that it may not be for."""
    if all(task["agent"] in step.agents for task in _tasks(message)):
        return message
    fault = Fault(code="bad_plan", message="it may not be run", retriable=True)
    return message.model_copy(update={"outcome": "failed", "fault": fault, "result": None})


def begin(where: Reference, step: PlanStep, message: TaskSettled) -> None:
    """Begin the tasks of a plan."""
    steps: list[Data] = []
    for task in _tasks(message):
        inputs = [_input(name, value) for name, value in task["inputs"].items()]
        after = [{"from": key} for key in task["after"]]
        steps.append(
            {"name": task["key"], "kind": "task", "agent": task["agent"], "inputs": inputs, "after": after}
        )
    document = where.pipeline.dump() | {"steps": steps, "returns": {"from": "none"}}
    compiled = CompiledPipeline.model_validate(document)
    inner = Planned(compiled, {}, queue=where.queue, outer=(where, step, None), most=step.max_parallel)
    where.inside[step.name] = inner
    inner.open()


def _input(name: str, value: Data | str) -> Data:
    if isinstance(value, str):
        return {"name": name, "value": value}
    return {"name": name, "from": value["result_of"], "hole": value["or_hole"]}


def _tasks(message: TaskSettled) -> list[Data]:
    fact = message.facts["value:"]
    assert isinstance(fact, ValueFact)
    return cast("list[Data]", cast("Data", fact.value)["tasks"])
