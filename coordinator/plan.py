"""The plan: a compiled pipeline with what fold looks up by name. Built once per process and pipeline."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pydantic import TypeAdapter

from argosy.coordinator.nesting import Placed, flatten, is_given, runs_pipeline
from argosy.coordinator.wants import all_wants
from argosy.schemas.contract import AgentContract, Contract
from argosy.schemas.facts import Want
from argosy.schemas.ids import step_of
from argosy.schemas.pipeline import CompiledPipeline, InputEdge, MapStep, Pick, Step

_WANTS: Final = TypeAdapter(tuple[Want, ...])
PLANS: Final = 512
"""Plans kept in memory; one is a few times the size of its JSON."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a step runs: tasks of an agent."""

    agent: str
    terms: Contract
    """The agent's contract, without the schemas: the worker has those."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What a step runs: the steps of a pipeline, which begin when it starts."""

    begins: tuple[str, ...]
    """Those that wait for nothing."""
    returns: str
    """The one whose end is the step's."""


@dataclass(frozen=True)
class StepPlan:
    """A step and its place in the DAG. Parents and children are in plan order, each once."""

    name: str
    step: Step
    """Its inputs and conditions name those who have the values; for what a hole may be instead, see `via`."""
    runs: Work | Inside
    owner: str | None
    """The step whose pipeline it is part of."""
    via: Mapping[str, str]
    """By input: the step it waits for, or what its pipeline is given, if another one has the value."""
    parents: tuple[str, ...]
    required: tuple[str, ...]
    """Parents without which it can't run, in declared order."""
    needs: frozenset[str]
    """The same, to ask for one of them."""
    holes: Mapping[str, int]
    """By source: how many inputs that may be holes read it; the run's own input is always there."""
    children: tuple[str, ...]
    wants: tuple[Want, ...]

    @cached_property
    def inside(self) -> Inside | None:
        """The steps of a pipeline that it runs; None for a step that runs an agent."""
        return self.runs if isinstance(self.runs, Inside) else None

    @cached_property
    def work(self) -> Work:
        """What its tasks are; LookupError for a step that runs a pipeline: it has none of its own."""
        if isinstance(self.runs, Work):
            return self.runs
        message = f"{self.name} runs a pipeline"
        raise LookupError(message)

    @cached_property
    def agent(self) -> str:
        """The agent that its tasks are for."""
        return self.work.agent

    @cached_property
    def terms(self) -> Contract:
        """The agent's contract."""
        return self.work.terms

    @cached_property
    def fixed(self) -> bytes:
        """What stands in every dispatch of its tasks, as JSON."""
        asked = b'"wants":%b,' % _WANTS.dump_json(self.wants, exclude_defaults=True) if self.wants else b""
        return b'%b"contract":%b' % (asked, self.terms.model_dump_json(exclude_defaults=True).encode())

    @cached_property
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


@dataclass(frozen=True)
class Plan:
    """A whole pipeline, indexed."""

    pipeline: CompiledPipeline
    steps: Mapping[str, StepPlan]
    """In plan order: parents first, and the steps of a pipeline before the step that runs it."""
    result: Pick
    """The value of the run: which part of what a step that runs an agent gave."""

    @cached_property
    def title(self) -> str:
        """`name@version`."""
        return f"{self.pipeline.name}@{self.pipeline.version}"

    def find(self, local: str) -> Place | None:
        """Find a task by its name inside the run; None if the plan has no such task."""
        found = self._single.get(local)
        if found is not None:
            return found
        name, shard = step_of(local)
        step = self.steps.get(name)
        if step is None or step.is_map != (shard is not None) or step.local(shard) != local:
            return None
        return Place(step, shard)

    @cached_property
    def _single(self) -> Mapping[str, Place]:
        """The tasks that are no shards, by name."""
        return {name: Place(step) for name, step in self.steps.items() if not step.is_map}

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
    steps: dict[str, StepPlan] = {}
    wants = all_wants(flat)
    contracts = pipeline.contracts()
    for placed in flat.steps:
        name, waits = placed.waits.name, placed.waits
        required = _required(waits, parents[name])
        steps[name] = StepPlan(
            name=name,
            step=placed.reads,
            runs=_runs(waits, contracts),
            owner=placed.owner,
            via=_via(placed),
            parents=parents[name],
            required=required,
            needs=frozenset(required),
            holes=Counter(edge.source for edge in waits.edges if edge.hole),
            children=tuple(children[name]),
            wants=wants.get(name, ()),
        )
    return Plan(pipeline, steps, flat.result)


def _runs(step: Step, contracts: Mapping[str, AgentContract]) -> Work | Inside:
    if step.pipeline is not None and runs_pipeline(step):
        begins = (f"{step.name}/{inner.name}" for inner in step.pipeline.steps if not inner.parents())
        return Inside(tuple(begins), f"{step.name}/{step.pipeline.returns.source}")
    if step.agent is None:
        message = f"step {step.name!r} runs no agent"
        raise ValueError(message)
    return Work(step.agent, _terms(contracts[step.agent]))


def _via(placed: Placed) -> dict[str, str]:
    values = {given.name: given for given in placed.reads.inputs}
    return {
        edge.name: edge.source
        for edge in placed.waits.edges
        if isinstance(value := values[edge.name], InputEdge) and value.source != edge.source
    }


def _parents(step: Step) -> tuple[str, ...]:
    return tuple(source for source in step.sources() if not is_given(source))


def _terms(contract: AgentContract) -> Contract:
    return Contract.model_validate(contract.model_dump(include=set(Contract.model_fields)))


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
