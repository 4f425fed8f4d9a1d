"""What a planner may plan: the agents that its tasks may be for, and how many."""

from collections.abc import Mapping
from dataclasses import dataclass

from argosy.coordinator.nesting import Placed
from argosy.coordinator.step_plan import Merge, Work
from argosy.schemas.contract import AgentContract, Contract, JsonSchema
from argosy.schemas.pipeline import PlanStep


@dataclass(frozen=True, slots=True, eq=False)
class Allowed:
    """Of one plan step; the same object for all shards and iterations that it stands in."""

    work: Mapping[str, Work]
    """By agent: what a task of it is."""
    contracts: Mapping[str, AgentContract]
    """By agent, with its schemas."""
    schemas: Mapping[str, JsonSchema]
    """Those of its pipeline, which the contracts refer to."""
    max_tasks: int
    max_parallel: int


def allowed_by(placed: Placed, contracts: Mapping[str, AgentContract]) -> Allowed | None:
    """Say what a planner's step allows; None of any other step."""
    step = placed.waits
    if not isinstance(step, PlanStep):
        return None
    work = {name: work_of(name, contracts) for name in step.agents}
    found = {name: contracts[name] for name in step.agents}
    return Allowed(work, found, placed.schemas, step.max_tasks, step.max_parallel)


def work_of(agent: str, contracts: Mapping[str, AgentContract]) -> Work:
    """Say what a task of an agent is."""
    contract = contracts[agent]
    merge = None if contract.merge is None else contracts.get(contract.merge)
    if contract.merge is None or merge is None or not merge.inputs:
        return Work(agent, _terms(contract))
    return Work(agent, _terms(contract), Merge(contract.merge, _terms(merge), next(iter(merge.inputs))))


def _terms(contract: AgentContract) -> Contract:
    return Contract.model_validate(contract.model_dump(include=set(Contract.model_fields)))


def made_by(name: str) -> str:
    """Name what the tasks of a planner's plan gave, all together: no step and no key has this name."""
    return f"{name}/="


def planner_of(local: str) -> str | None:
    """Name the planner's step of which this is what its tasks gave; None for anything else."""
    return local.removesuffix("/=") if local.endswith("/=") else None
