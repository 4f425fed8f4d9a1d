"""From declared steps to the compiled pipeline: names and data instead of objects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from argosy.pipelines.agent import Agent
from argosy.pipelines.node import Node
from argosy.pipelines.port import Port
from argosy.pipelines.ref import Fixed, Ref
from argosy.pipelines.rounds import condition_of
from argosy.pipelines.schema_table import tabulate
from argosy.pipelines.wait import Wait
from argosy.schemas.contract import AgentContract, JsonSchema
from argosy.schemas.edges import After, Constant, InputEdge, Pick, StepInput
from argosy.schemas.errors import BuildError
from argosy.schemas.pipeline import (
    ApprovalStep,
    CompiledPipeline,
    LoopStep,
    MapStep,
    PlanStep,
    SignalStep,
    SleepStep,
    Step,
    TaskStep,
)
from argosy.schemas.pipeline_checks import check


@dataclass(frozen=True, slots=True)
class Head:
    """What a pipeline has beside its steps."""

    name: str
    version: str
    takes: Port[Any]
    gives: Port[Any]
    deadline_seconds: float | None


def compile_whole(head: Head, *, nodes: Sequence[Node], result: Ref[Any]) -> CompiledPipeline:
    """Put a pipeline together, and check the whole."""
    agents = own_agents(nodes)
    schemas, models = tabulate(_types(head, agents, nodes))
    try:
        compiled = CompiledPipeline(
            argosy="pipeline/1",
            name=head.name,
            version=head.version,
            takes=schemas["takes"],
            gives=schemas["gives"],
            deadline_seconds=head.deadline_seconds,
            agents={name: _contract(agent, schemas) for name, agent in agents.items()},
            steps=tuple(_step(node, schemas) for node in nodes),
            returns=_pick(result),
            schemas=models,
        )
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        raise BuildError(
            what=f"{head.name!r} has {'.'.join(map(str, found['loc']))}={found['input']!r}",
            why=found["msg"],
            do="change it where the pipeline or the step is declared",
        ) from None  # the three lines hold all that pydantic found
    check(compiled)
    return compiled


def agents_of(node: Node) -> dict[str, Agent[..., Any]]:
    """Give all agents that a step needs: also in pipelines inside, and for `merge=`."""
    if isinstance(node.runs, Agent | Wait):
        return own_agents((node,))
    return dict(node.runs.agents())


def own_agents(nodes: Sequence[Node]) -> dict[str, Agent[..., Any]]:
    """Give the agents that a pipeline's own steps run, and those that merge their pages, in order of use."""
    found: dict[str, Agent[..., Any]] = {}
    for node in nodes:
        planned = () if node.planning is None else node.planning.agents
        for agent in (node.runs, *planned):
            each = agent if isinstance(agent, Agent) else None
            while each is not None and each.name not in found:
                found[each.name] = each
                each = each.merge
    return found


def _types(
    head: Head, agents: dict[str, Agent[..., Any]], nodes: Sequence[Node]
) -> Iterator[tuple[str, TypeAdapter[Any]]]:
    yield "takes", head.takes.adapter
    yield "gives", head.gives.adapter
    for agent in agents.values():
        yield from agent.types()
    for node in nodes:
        if isinstance(node.runs, Wait) and node.runs.takes is not None:
            yield f"signal {node.name}", node.runs.takes


def _contract(agent: Agent[..., Any], schemas: dict[str, JsonSchema]) -> AgentContract:
    inputs, output = agent.describe(schemas)
    return AgentContract(**dict(agent.contract), inputs=inputs, output=output)


def _step(node: Node, schemas: dict[str, JsonSchema]) -> Step:
    if isinstance(node.runs, Wait):
        return _wait(node, node.runs, schemas)
    parts: dict[str, Any] = {
        "name": node.name,
        "agent": node.runs.name if isinstance(node.runs, Agent) else None,
        "pipeline": None if isinstance(node.runs, Agent) else node.runs.compile(),
        "inputs": tuple(_input(name, ref) for name, ref in node.inputs.items()),
        "after": tuple(_after(ref) for ref in node.after),
        "when": tuple(_pick(ref) for ref in node.when),
        "unless": tuple(_pick(ref) for ref in node.unless),
        "join": node.join and node.join.join,
        "deadline_seconds": node.deadline_seconds,
    }
    over = next(iter(node.inputs))
    if node.rounds is not None:
        parts |= {"max_iterations": node.rounds.max_iterations, "exhausted": node.rounds.exhausted}
        return LoopStep(kind="loop", over=over, until=condition_of(node, node.rounds), **parts)
    if node.planning is not None:
        parts |= {"max_tasks": node.planning.max_tasks, "max_parallel": node.planning.max_parallel}
        return PlanStep(kind="plan", agents=tuple(agent.name for agent in node.planning.agents), **parts)
    if node.max_parallel is None:
        return TaskStep(kind="task", **parts)
    return MapStep(kind="map", over=over, max_parallel=node.max_parallel, **parts)


def _wait(node: Node, wait: Wait, schemas: dict[str, JsonSchema]) -> Step:
    parts: dict[str, Any] = {
        "name": node.name,
        "inputs": tuple(_input(name, ref) for name, ref in node.inputs.items()),
        "after": tuple(_after(ref) for ref in node.after),
        "when": tuple(_pick(ref) for ref in node.when),
        "unless": tuple(_pick(ref) for ref in node.unless),
        **wait.options,
    }
    if wait.kind is SignalStep:
        return SignalStep(kind="signal", takes=schemas[f"signal {node.name}"], **parts)
    if wait.kind is ApprovalStep:
        return ApprovalStep(kind="approval", **parts)
    return SleepStep(kind="sleep", **parts)


def _input(name: str, ref: Ref[Any]) -> StepInput:
    match ref.origin:
        case Fixed(value):
            return Constant(name=name, value=value)
        case origin:
            return InputEdge(
                name=name, source=origin.source, select=origin.expression.select, hole=origin.hole
            )


def _after(ref: Ref[Any]) -> After:
    assert not isinstance(ref.origin, Fixed)  # noqa: S101 - checked where the step was declared
    return After(source=ref.origin.source, hole=ref.origin.hole)


def _pick(ref: Ref[Any]) -> Pick:
    assert not isinstance(ref.origin, Fixed)  # noqa: S101 - checked where the ref was passed
    return Pick(source=ref.origin.source, select=ref.origin.expression.select)
