"""The plan: a compiled pipeline with what fold looks up by name. Built once per process and pipeline.

The steps of a map over a pipeline stand in it once, as templates (`c.*/x`), however many shards there are; those of a
shard (`c.7/x`) are made of them when they are asked for. So it is with the iterations of a loop (`c~*`, `c~*/x`).
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from argosy.coordinator.allowed import allowed_by, planner_of, work_of
from argosy.coordinator.nesting import Flat, Placed, flatten, is_given, is_item
from argosy.coordinator.place import Place, System
from argosy.coordinator.step_plan import (
    Each,
    Inside,
    Loop,
    StepPlan,
    Steps,
    Waits,
    Work,
    named,
    scope_of,
    shards_in,
    template_of,
)
from argosy.coordinator.wants import PLANNED, all_wants, loop_wants
from argosy.schemas.contract import AgentContract
from argosy.schemas.edges import INPUT, InputEdge, Pick
from argosy.schemas.facts import Facts, Want
from argosy.schemas.ids import step_of
from argosy.schemas.pipeline import (
    ApprovalStep,
    CompiledPipeline,
    LoopStep,
    MapStep,
    PlanStep,
    SignalStep,
    Step,
)

PLANS: Final = 512
"""Plans kept in memory; one is a few times the size of its JSON."""
MOST_DEPTH: Final = 3
"""Tasks over one another that are each cut into pages: what is left is so small then that it would never fit."""
_SYSTEM: Final = re.compile(r"(?P<above>.+)/p(?P<round>0|[1-9][0-9]?)(?:\.(?P<number>0|[1-9][0-9]{0,4}))?")


@dataclass(frozen=True)
class Plan:
    """A whole pipeline, indexed."""

    pipeline: CompiledPipeline
    steps: Steps
    result: Pick
    """The value of the run: which part of what a step that runs an agent gave."""
    known: Mapping[str, Facts]
    """Facts of what the author wrote down."""
    scopes: Mapping[str, tuple[str, ...]]
    """By scope, as templates: its steps in plan order, without those that are shards or iterations."""

    @cached_property
    def title(self) -> str:
        """`name@version`."""
        return f"{self.pipeline.name}@{self.pipeline.version}"

    def within(self, scope: str) -> tuple[StepPlan, ...]:
        """List the steps of a shard or an iteration (`c.7/`), or those outside of them (empty), in plan order."""
        names = self.scopes.get(template_of(scope), ())
        numbers = shards_in(scope)
        return tuple(self.steps[named(name, numbers)] for name in names)

    def find(self, local: str) -> Place | None:
        """Find a task by its name inside the run; None if the plan has no such task."""
        found = self.singles.get(local)
        if found is not None:
            return found
        name, shard = step_of(local)
        step = self._step(name)
        if step is None and "/p" in local:
            return self._system(local)
        if step is None or not isinstance(step.runs, Work):
            return None
        if step.is_map != (shard is not None) or step.local(shard) != local:
            return None
        return Place(step, shard)

    def loop(self, local: str) -> StepPlan | None:
        """Find a loop by its name inside the run; None if there is none of it."""
        step = self._step(local)
        return step if step is not None and step.loop is not None else None

    def planner(self, local: str) -> StepPlan | None:
        """Find a planner's step by its name inside the run; None if there is none of it."""
        step = self._step(local)
        return step if step is not None and step.allowed is not None else None

    @cached_property
    def plans(self) -> bool:
        """Say whether agents plan in it."""
        return any(step.allowed is not None for step in self.steps.values())

    def _system(self, local: str) -> Place | None:
        """Find a system task under the task that it was made for."""
        found = _SYSTEM.fullmatch(local)
        above = None if found is None else self.find(found["above"])
        if found is None or above is None or above.depth >= MOST_DEPTH:
            return None
        number, round_ = found["number"], int(found["round"])
        again = above.step.terms.above == "summarise" and round_ % 2 == 0
        if round_ == 0 if number is not None else round_ > 0 and not again:
            return None
        return Place(above.step, above.shard, System(above, round_, None if number is None else int(number)))

    def looked_at(self, local: str) -> StepPlan | None:
        """Find the step that waits for the lane to look: a map at its list, a shard at what it is given."""
        if is_item(local):
            step = self._step(local.rpartition("/")[0])
            return step if step is not None and step.inside is not None and step.looks else None
        planner = planner_of(local)
        if planner is not None:
            return self.planner(planner)
        step = self._step(local)
        if step is None or isinstance(step.runs, Waits):
            return step
        return step if step.is_map and (step.looks or step.whole) else None

    def signalled(self, name: str) -> StepPlan | None:
        """Find the step that a signal of this name is for; None if the plan has no such step."""
        step = self._step(name)
        waits = step is not None and isinstance(step.step, SignalStep | ApprovalStep)
        return step if waits and step is not None and step.name == name else None

    def _step(self, name: str) -> StepPlan | None:
        return None if "*" in name else self.steps.get(name)

    def facts(self, source: str) -> Facts | None:
        """Return the facts of a source that the author wrote down; None for any other."""
        return self.known.get(template_of(source))

    @cached_property
    def singles(self) -> Mapping[str, Place]:
        """The tasks that are no shards, by name."""
        return {name: Place(step) for name, step in self.steps.items() if _is_single(step)}

    @property
    def returns(self) -> str:
        """The step whose value is the run's."""
        return self.pipeline.returns.source


def index(pipeline: CompiledPipeline) -> Plan:
    """Index a pipeline that `unsupported` has nothing against."""
    flat = flatten(pipeline)
    parents = {placed.waits.name: _parents(placed.waits) for placed in flat.steps}
    children: dict[str, list[str]] = {name: [] for name in parents}
    for name, above in parents.items():
        for parent in above:
            children[parent].append(name)
    steps: list[StepPlan] = []
    scopes: dict[str, list[str]] = {}
    wants = all_wants(flat)
    contracts = pipeline.contracts()
    payloads = {pick.source for pick in flat.results.values() if pick.select is None}
    via = {placed.waits.name: _via(placed) for placed in flat.steps}
    via |= {f"{loop.name}~*": _shared(loop, via[loop.name]) for loop in _loops(flat)}
    for placed in flat.steps:
        name, waits = placed.waits.name, placed.waits
        required = _required(waits, parents[name])
        steps.append(
            StepPlan(
                name=name,
                step=placed.reads,
                runs=_runs(placed, flat, contracts, wants),
                owner=placed.owner,
                via=via[name],
                parents=parents[name],
                required=required,
                needs=frozenset(required),
                holes=Counter(edge.source for edge in waits.edges if edge.hole),
                children=tuple(children[name]),
                wants=_wants(placed, wants),
                looks=_looks(placed, wants),
                whole=placed.is_map and name in payloads,
                asks=_asks(waits, flat),
                allowed=allowed_by(placed, contracts),
            )
        )
        if not placed.is_shard:
            scopes.setdefault(scope_of(name), []).append(name)
    inside = {scope: tuple(names) for scope, names in scopes.items()}
    return Plan(pipeline, Steps(steps), flat.result, flat.known, inside)


def _runs(
    placed: Placed,
    flat: Flat,
    contracts: Mapping[str, AgentContract],
    wants: Mapping[str, tuple[Want, ...]],
) -> Work | Inside | Each | Loop | Waits:
    step = placed.waits
    if step.WAITS:
        return Waits(placed.schemas)
    if isinstance(step, LoopStep):
        value = flat.results[f"{step.name}~*"]
        return Loop(loop_wants(step, wants.get(step.name, ())), value.select)
    if step.pipeline is not None and placed.is_map:
        return Each()
    if step.pipeline is not None:
        begins = (f"{step.name}/{inner.name}" for inner in step.pipeline.steps if not inner.parents())
        returns = f"{step.name}/{step.pipeline.returns.source}"
        return Inside(tuple(begins), returns, flat.results.get(step.name))
    if step.agent is None:
        message = f"step {step.name!r} runs no agent"
        raise ValueError(message)
    return work_of(step.agent, contracts)


def _wants(placed: Placed, wants: Mapping[str, tuple[Want, ...]]) -> tuple[Want, ...]:
    if isinstance(placed.waits, PlanStep):
        return (PLANNED,)  # what is asked of its value is asked of what its tasks give
    return wants.get(placed.waits.name, ()) if placed.is_asked else ()


def _is_single(step: StepPlan) -> bool:
    return isinstance(step.runs, Work) and not step.is_map and "*" not in step.name


def _looks(placed: Placed, wants: Mapping[str, tuple[Want, ...]]) -> tuple[Want, ...]:
    name = placed.waits.name
    if placed.is_shard:
        return wants.get(f"{name}/{INPUT}", ())
    return wants.get(name, ()) if placed.is_map or isinstance(placed.waits, PlanStep) else ()


def _asks(step: Step, flat: Flat) -> tuple[str, ...]:
    over = step.over if isinstance(step, MapStep | LoopStep) else None
    read = [edge.source for edge in step.edges if edge.name == over]
    read += [pick.source for pick in (*step.when, *step.unless)]
    return tuple(dict.fromkeys(source for source in read if source in flat.uncertain))


def _via(placed: Placed) -> dict[str, str]:
    values = {given.name: given for given in placed.reads.inputs}
    return {
        edge.name: edge.source
        for edge in placed.waits.edges
        if isinstance(value := values[edge.name], InputEdge) and value.source != edge.source
    }


def _loops(flat: Flat) -> Iterator[LoopStep]:
    yield from (placed.waits for placed in flat.steps if isinstance(placed.waits, LoopStep))


def _shared(loop: LoopStep, via: Mapping[str, str]) -> dict[str, str]:
    """Say what an iteration waits for: what its loop does, but for what is fed back."""
    return {name: source for name, source in via.items() if name != loop.over}


def _parents(step: Step) -> tuple[str, ...]:
    return tuple(source for source in step.sources() if not is_given(source))


def _required(step: Step, parents: tuple[str, ...]) -> tuple[str, ...]:
    """Name the parents that must succeed: all but inputs and `after` that may be holes."""
    over = step.over if isinstance(step, MapStep) else None
    read = {edge.source for edge in step.edges if not edge.hole or edge.name == over}
    read |= {after.source for after in step.after if not after.hole}
    read |= {pick.source for pick in (*step.when, *step.unless)}
    return tuple(source for source in parents if source in read)


_plans: dict[str, Plan] = {}


def plan_of(identity: str, raw: bytes) -> Plan:
    """Return the plan of a document; one whose identity was met before comes from the cache."""
    plan = _plans.get(identity)
    if plan is None:
        if len(_plans) >= PLANS:
            del _plans[next(iter(_plans))]
        plan = _plans[identity] = index(CompiledPipeline.model_validate_json(raw))
    return plan
