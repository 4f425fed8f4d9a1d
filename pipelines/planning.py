"""What can be wrong with a step whose agent plans, found in the line that declares it."""

from argosy.pipelines.agent import Agent
from argosy.pipelines.annotation import describe
from argosy.pipelines.fit import fits
from argosy.pipelines.node import Node
from argosy.schemas.errors import BuildError
from argosy.schemas.pipeline import MOST_PARALLEL, MOST_TASKS
from argosy.schemas.planning import Plan
from argosy.schemas.planning_checks import not_between, plans_again


def check_planning(node: Node) -> None:
    """Raise a BuildError for what is wrong with a plan step; any other step is right."""
    planning, name = node.planning, node.name
    if planning is None:
        return
    planner = node.runs
    if not isinstance(planner, Agent) or not fits(planner.output.annotation, Plan):
        raise BuildError(
            what=f"plan {name!r} runs {node.runs.name}, which gives {describe(node.runs.output.annotation)}",
            why="a planner is an agent that returns an argosy.Plan",
            do="declare it `-> Plan`",
        )
    if not planning.agents:
        raise BuildError(
            what=f"plan {name!r} has no agents",
            why="a planned task is for one of the agents that the pipeline names",
            do="pass agents=[...]",
        )
    for each in planning.agents:
        _check_agent(name, each)
    if planner in planning.agents or planning.max_depth != 1:
        raise plans_again(name, planner.name)
    _check_number(name, "max_tasks", planning.max_tasks, MOST_TASKS)
    _check_number(name, "max_parallel", planning.max_parallel, MOST_PARALLEL)


def _check_agent(name: str, found: object) -> None:
    if not isinstance(found, Agent):
        raise BuildError(
            what=f"plan {name!r} has {found!r} among its agents",
            why="a planned task is for an agent",
            do="pass agents=[...] that were made by @agent",
        )


def _check_number(name: str, option: str, value: object, most: int) -> None:
    if type(value) is not int or not 1 <= value <= most:
        raise not_between(name, option, value, most)
