"""What a module offers to the fleet, where it shall not be all that it holds."""

from collections.abc import Sequence
from typing import Any

from argosy.pipelines.agent import Agent
from argosy.pipelines.pipeline import Pipeline
from argosy.pipelines.schedule import Schedule
from argosy.schemas.contract_checks import two_agents_named
from argosy.schemas.errors import BuildError


class App:
    """Pipelines, agents and schedules of an application. In a module that holds one, only what it lists is found."""

    def __init__(
        self,
        *,
        pipelines: Sequence[Pipeline[Any, Any]] = (),
        agents: Sequence[Agent[..., Any]] = (),
        schedules: Sequence[Schedule[Any]] = (),
    ) -> None:
        """List them; agents of pipelines, and pipelines of schedules, count without being listed."""
        of_schedules = [schedule.pipeline for schedule in schedules]
        whole = list({id(pipeline): pipeline for pipeline in (*pipelines, *of_schedules)}.values())
        self.pipelines = _by_name(whole)
        self.agents = _collect(whole, agents)
        self.schedules = _scheduled(schedules)


def _by_name(pipelines: Sequence[Pipeline[Any, Any]]) -> dict[str, Pipeline[Any, Any]]:
    found: dict[str, Pipeline[Any, Any]] = {}
    for pipeline in pipelines:
        if found.setdefault(pipeline.name, pipeline) is not pipeline:
            raise BuildError(
                what=f"two pipelines named {pipeline.name!r}",
                why="a run is submitted by its pipeline's name",
                do="name one of them otherwise, or list the one that counts in an App",
            )
    return found


def _scheduled(schedules: Sequence[Schedule[Any]]) -> dict[str, Schedule[Any]]:
    found: dict[str, Schedule[Any]] = {}
    for schedule in schedules:
        if found.setdefault(schedule.name, schedule) is not schedule:
            raise BuildError(
                what=f"two schedules named {schedule.name!r}",
                why="the runs of a schedule have its name in their ids",
                do="name one of them otherwise, or list the one that counts in an App",
            )
    return found


def _collect(
    pipelines: Sequence[Pipeline[Any, Any]], agents: Sequence[Agent[..., Any]]
) -> dict[str, Agent[..., Any]]:
    found: dict[str, Agent[..., Any]] = {}
    of_pipelines = [agent for pipeline in pipelines for agent in pipeline.agents().values()]
    for agent in (*of_pipelines, *agents):
        if found.setdefault(agent.name, agent) is not agent:
            raise two_agents_named(agent.name, "the app")
    return found
