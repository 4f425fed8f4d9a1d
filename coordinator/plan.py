"""The plan: a compiled pipeline with what fold looks up by name. Built once per process and pipeline."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from argosy.coordinator.wants import all_wants
from argosy.schemas.contract import AgentContract, Contract
from argosy.schemas.facts import Want
from argosy.schemas.ids import step_of
from argosy.schemas.pipeline import CompiledPipeline, MapStep, Step

PLANS: Final = 512
"""Plans kept in memory; one is a few times the size of its JSON."""


@dataclass(frozen=True, slots=True)
class StepPlan:
    """A step and its place in the DAG. Parents and children are in plan order, each once."""

    name: str
    step: Step
    agent: str
    terms: Contract
    """The agent's contract, without the schemas: the worker has those."""
    parents: tuple[str, ...]
    required: tuple[str, ...]
    """Parents without which it can't run, in declared order."""
    needs: frozenset[str]
    """The same, to ask for one of them."""
    holes: Mapping[str, int]
    """By source: how many inputs that may be holes read it; the run's own input is always there."""
    children: tuple[str, ...]
    wants: tuple[Want, ...]

    @property
    def is_map(self) -> bool:
        """Say whether the step has shards."""
        return isinstance(self.step, MapStep)

    def local(self, shard: int | None) -> str:
        """Name a task of this step inside its run."""
        return self.name if shard is None else f"{self.name}.{shard}"


@dataclass(frozen=True, slots=True)
class Place:
    """A task's place in the plan: its step, and its shard if that is a map."""

    step: StepPlan
    shard: int | None = None

    @property
    def local(self) -> str:
        """Name the task inside its run."""
        return self.step.local(self.shard)


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole pipeline, indexed."""

    pipeline: CompiledPipeline
    steps: Mapping[str, StepPlan]
    """In plan order: parents first."""

    @property
    def title(self) -> str:
        """`name@version`."""
        return f"{self.pipeline.name}@{self.pipeline.version}"

    def find(self, local: str) -> Place | None:
        """Find a task by its name inside the run; None if the plan has no such task."""
        name, shard = step_of(local)
        step = self.steps.get(name)
        if step is None or step.is_map != (shard is not None) or step.local(shard) != local:
            return None
        return Place(step, shard)

    @property
    def returns(self) -> str:
        """The step whose value is the run's."""
        return self.pipeline.returns.source


def unsupported(pipeline: CompiledPipeline) -> list[str]:
    """Name what these rules can't run yet, for people: a submit of such a pipeline is to be refused."""
    maps = {step.name for step in pipeline.steps if isinstance(step, MapStep)}
    found: list[str] = []
    for step in pipeline.steps:
        if step.pipeline is not None:
            found.append(f"step {step.name!r} runs a pipeline: only steps that run an agent are possible")
        over = step.over if isinstance(step, MapStep) else None
        found += [
            f"map {step.name!r} spreads a part of map {edge.source!r}: only the whole is possible"
            for edge in step.edges
            if edge.name == over and edge.source in maps and edge.select is not None
        ]
        found += [
            f"step {step.name!r} has a condition on map {pick.source!r}: its list is seen by no one as a whole"
            for pick in (*step.when, *step.unless)
            if pick.source in maps
        ]
    if pipeline.returns.source in maps and pipeline.returns.select is not None:
        found.append(f"it returns a part of map {pipeline.returns.source!r}: only the whole is possible")
    return found


def index(pipeline: CompiledPipeline) -> Plan:
    """Index a pipeline that `unsupported` has nothing against."""
    children: dict[str, list[str]] = {step.name: [] for step in pipeline.steps}
    for step in pipeline.steps:
        for parent in step.parents():
            children[parent].append(step.name)
    steps: dict[str, StepPlan] = {}
    wants = all_wants(pipeline)
    for step in pipeline.steps:
        if step.agent is None:
            message = f"step {step.name!r} runs no agent"
            raise ValueError(message)
        required = _required(step)
        holes = Counter(edge.source for edge in step.edges if edge.hole)
        steps[step.name] = StepPlan(
            name=step.name,
            step=step,
            agent=step.agent,
            terms=_terms(pipeline.agents[step.agent]),
            parents=step.parents(),
            required=required,
            needs=frozenset(required),
            holes=holes,
            children=tuple(children[step.name]),
            wants=wants.get(step.name, ()),
        )
    return Plan(pipeline, steps)


def _terms(contract: AgentContract) -> Contract:
    return Contract.model_validate(contract.model_dump(include=set(Contract.model_fields)))


def _required(step: Step) -> tuple[str, ...]:
    """Name the parents that must succeed: all but inputs and `after` that may be holes."""
    over = step.over if isinstance(step, MapStep) else None
    read = {edge.source for edge in step.edges if not edge.hole or edge.name == over}
    read |= {after.source for after in step.after if not after.hole}
    read |= {pick.source for pick in (*step.when, *step.unless)}
    return tuple(source for source in step.parents() if source in read)


_plans: dict[str, Plan] = {}


def plan_of(identity: str, raw: bytes) -> Plan:
    """Return the plan of a document; one whose identity was met before comes from the cache."""
    plan = _plans.get(identity)
    if plan is None:
        if len(_plans) >= PLANS:
            del _plans[next(iter(_plans))]
        plan = _plans[identity] = index(CompiledPipeline.model_validate_json(raw))
    return plan
