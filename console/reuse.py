"""Which results of an earlier run a new one takes over: of steps that are the same, with all upstream of them. Pure.

A step is *as before* if the new run is sure to come to the same end of it without running anything. Whoever reads only
such steps, and is the same, is given what it left; what failed counts too, unless it is to be tried again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from argosy.console.reuse_plans import tasks_as_before
from argosy.console.sameness import alike
from argosy.coordinator.plan_check import waits_for
from argosy.coordinator.planned_steps import KeptPlan, kept
from argosy.coordinator.state import RunState
from argosy.schemas.edges import INPUT, InputEdge, Pick
from argosy.schemas.pipeline import CompiledPipeline, MapStep, PlanStep, SleepStep, Step, TaskStep

SameInput = Callable[[str | None], bool]
"""Whether a part of the input (JMESPath; None: the whole) is what it was."""
_CUT_OFF: Final = frozenset({"any", "quorum"})
"""Joins that end as soon as enough has succeeded: what was cut off then is cut off again."""


@dataclass
class Reuse:
    """What is found: the tasks whose ends are taken over, and the steps that run anew, in whole or in part."""

    state: RunState
    """Of the earlier run, before its end was folded."""
    anew: frozenset[str] = frozenset()
    """Steps that are to run whatever they left; inside of others `<step>/<inner step>`."""
    retry: bool = False
    """What failed is to be tried again."""
    taken: dict[str, None] = field(default_factory=dict[str, None])
    plans: dict[str, KeptPlan] = field(default_factory=dict[str, KeptPlan])
    """Of the tasks that are taken over, planners whose plan is, not what its tasks gave."""
    runs: dict[str, None] = field(default_factory=dict[str, None])
    """Steps of the pipeline itself that are not as before."""

    paginate: frozenset[str] = frozenset()
    """Agents of whose cut tasks the pages are taken over. Of summaries none are: how much they may take is another."""

    def find(self, old: CompiledPipeline, new: CompiledPipeline, same: SameInput) -> None:
        """Go through the whole."""
        agents = new.contracts().items()
        self.paginate = frozenset(name for name, contract in agents if contract.above == "paginate")
        self._scope(old, new, "", "", same)

    def _scope(
        self, old: CompiledPipeline, new: CompiledPipeline, prefix: str, path: str, same: SameInput
    ) -> bool:
        """Go through the steps of one pipeline; say whether its result is as before."""
        before = {step.name: step for step in old.steps}
        settled: dict[str, bool] = {}
        for step in new.steps:
            there = before.get(step.name)
            settled[step.name] = (
                there is not None
                and f"{path}{step.name}" not in self.anew
                and alike(old, there, new, step)
                and _reads_the_same(step, settled, same)
                and self._step(there, step, f"{prefix}{step.name}", f"{path}{step.name}")
            )
            if not settled[step.name] and not path:
                self.runs[f"{path}{step.name}"] = None
        return new.returns == old.returns and settled.get(new.returns.source, False)

    def _step(self, before: Step, step: Step, local: str, path: str) -> bool:
        """Take over what a step left whose inputs are as before; say whether its end is."""
        state = self.state.step(local)
        if state.letter == "s":
            return True  # what it was skipped for is as before
        match step:
            case SleepStep():
                return state.letter == "k"
            case MapStep():
                shards = [f"{local}.{shard}" for shard in range(state.length)]
                return self._map(step, local, [self._one(before, step, shard, path) for shard in shards])
            case TaskStep():
                return self._one(before, step, local, path)
            case PlanStep():
                return self._plan(local, path)
            case _:
                return self._whole(before, step, local, path)

    def _one(self, before: Step, step: Step, local: str, path: str) -> bool:
        if step.pipeline is None:
            return self._task(local)
        return self._inside(before, step, f"{local}/", f"{path}/")

    def _inside(self, before: Step, step: Step, prefix: str, path: str) -> bool:
        if before.pipeline is None or step.pipeline is None:
            return False
        return self._scope(before.pipeline, step.pipeline, prefix, path, lambda _: True)

    def _whole(self, before: Step, step: Step, local: str, path: str) -> bool:
        """Take over a loop as one. Who answered is asked again."""
        ended = self.state.step(local)
        if before.pipeline != step.pipeline or ended.letter != "k":
            return False
        if step.WAITS or (
            step.pipeline and any(s.WAITS for inner in step.pipeline.whole() for s in inner.steps)
        ):
            return False
        if not self.state.has_result(local) or any(name.startswith(f"{path}/") for name in self.anew):
            return False
        self.taken[local] = None
        return True

    def _plan(self, local: str, path: str) -> bool:
        """Take over what a plan's tasks gave, as one; or the plan, and what those left that are as before.

        Of one that is tried again its pages too, if it was cut: what it reads is as before where all it waits for is.
        """
        plan = kept(self.state, local)
        if plan is None:
            return self._task(local)
        anew = {name.removeprefix(f"{path}/") for name in self.anew if name.startswith(f"{path}/")}
        before = tasks_as_before(self.state, local, plan, anew, retry=self.retry)
        whole = self.state.step(local).letter == "k" and self.state.has_result(local)
        if whole and len(before) == len(plan.tasks):
            self.taken[local] = None
            return True
        self.plans[local] = plan
        self.taken[local] = None
        for key in before:
            if self.state.has_result(f"{local}/{key}"):
                self.taken[f"{local}/{key}"] = None
        for task in plan.tasks:
            tried_again = task.key not in {*before, *anew} and all(key in before for key in waits_for(task))
            if tried_again and task.agent in self.paginate:
                self._pages(f"{local}/{task.key}")
        return False

    def _map(self, step: MapStep, local: str, ends: list[bool]) -> bool:
        """Say whether a map's end is as before; `ends` says so of its shards."""
        state = self.state.step(local)
        if all(ends) and state.letter in "kf":
            return True
        if not all(end for shard, end in enumerate(ends) if self._ended(step, f"{local}.{shard}")):
            return False
        if state.letter == "k":
            return step.join is not None and step.join.policy in _CUT_OFF
        return state.letter == "f" and not self.retry and not state.late and state.missing > 0

    def _ended(self, step: MapStep, shard: str) -> bool:
        """Say whether a shard came to an end of its own: it wasn't cut off."""
        if step.pipeline is not None:
            return self.state.step(shard).letter in "kf"
        task = self.state.task(shard)
        return task is not None and task.letter in "kf"

    def _task(self, local: str) -> bool:
        task = self.state.task(local)
        letter = "w" if task is None else task.letter
        if letter in ("k", "f") and self.state.has_result(local) and not (letter == "f" and self.retry):
            self.taken[local] = None
            return True
        self._pages(local)
        return False

    def _pages(self, local: str) -> None:
        """Take over the plan of a cut task and what its pages left: merges depend on more than these."""
        for round_ in (f"{local}/p0", f"{local}/p1."):
            for name in self.state.tasks():
                whole = name == round_ if round_.endswith("0") else name.startswith(round_)
                if whole and "/" not in name[len(local) + 1 :] and self.state.succeeded(name):
                    self.taken[name] = None


def _reads_the_same(step: Step, settled: dict[str, bool], same: SameInput) -> bool:
    picks: list[InputEdge | Pick] = [*step.edges, *step.when, *step.unless]
    parts = [same(pick.select) if pick.source == INPUT else settled.get(pick.source, False) for pick in picks]
    return all(parts) and all(settled.get(after.source, False) for after in step.after)
