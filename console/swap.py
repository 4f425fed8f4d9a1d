"""A compiled pipeline with one agent put in place of another, or with other terms. Pure."""

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue, ValidationError

from argosy.pipelines.agent import Agent
from argosy.pipelines.schema_table import tabulate
from argosy.schemas.contract import AgentContract
from argosy.schemas.errors import BadArgument, BuildError
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.pipeline_checks import check

Swap = Agent[..., Any] | Mapping[str, JsonValue]
"""Another agent, or terms of the contract that are to be others: `{"model": "openai:gpt-5"}`."""


def swapped(pipeline: CompiledPipeline, swaps: Mapping[str, Swap]) -> CompiledPipeline:
    """Swap agents in all of a pipeline, in those inside it too.

    Raises BadArgument for an agent that it doesn't have, or terms that can't be, BuildError where the new one doesn't
    fit in: it must take what the old one took.
    """
    for name, swap in swaps.items():
        if name not in pipeline.contracts():
            known = ", ".join(sorted(pipeline.contracts()))
            raise BadArgument(
                f"{pipeline.name} has no agent {name}", why=f"its agents are {known}", do="swap one of these"
            )
        pipeline = _swapped(pipeline, name, swap)
    _check(pipeline)
    return pipeline


def _swapped(pipeline: CompiledPipeline, name: str, swap: Swap) -> CompiledPipeline:
    agents, schemas = dict(pipeline.agents), dict(pipeline.schemas)
    new_name = swap.name if isinstance(swap, Agent) else name
    if name in agents:
        old = agents.pop(name)
        agents[new_name] = _agent(swap, schemas) if isinstance(swap, Agent) else _other_terms(name, old, swap)
    steps = tuple(
        step.model_copy(
            update={
                "agent": new_name if step.agent == name else step.agent,
                "pipeline": step.pipeline and _swapped(step.pipeline, name, swap),
            }
        )
        for step in pipeline.steps
    )
    return pipeline.model_copy(update={"agents": agents, "schemas": schemas, "steps": steps})


def _other_terms(name: str, old: AgentContract, terms: Mapping[str, JsonValue]) -> AgentContract:
    try:
        return AgentContract.model_validate({**old.model_dump(mode="json"), **terms})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadArgument(
            f"{name} can't have {where or 'these terms'}",
            why=first["msg"],
            do="give terms of its contract, as `argosy agents` shows them",
        ) from None


def _agent(agent: Agent[..., Any], schemas: dict[str, dict[str, JsonValue]]) -> AgentContract:
    """Describe an agent; models of its types join the pipeline's, which must say the same of one name."""
    described, models = tabulate(agent.types())
    for model, schema in models.items():
        if schemas.setdefault(model, schema) != schema:
            raise BadArgument(
                f"{agent.name} and the pipeline mean different types by {model}",
                why="a pipeline describes each type once, by its name",
                do="give the pipeline that the agent belongs to, as a whole",
            )
    inputs, output = agent.describe(described)
    return AgentContract(**dict(agent.contract), inputs=inputs, output=output)


def _check(pipeline: CompiledPipeline) -> None:
    for whole in pipeline.whole():
        for step in whole.steps:
            contract = whole.agents.get(step.agent or "")
            missing = [given.name for given in step.inputs if contract and given.name not in contract.inputs]
            if missing:
                raise BuildError(
                    what=f"step {step.name} can't run {step.agent}",
                    why=f"it would give it {', '.join(missing)}, which that agent doesn't take",
                    do="swap in an agent with the same parameters",
                )
    check(CompiledPipeline.model_validate(pipeline.dump()))
