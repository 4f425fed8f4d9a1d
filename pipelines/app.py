"""What a module offers to the fleet, where it shall not be all that it holds."""

from collections.abc import Sequence
from typing import Any

from argosy.pipelines.agent import Agent
from argosy.pipelines.pipeline import Pipeline
from argosy.schemas.contract_checks import two_agents_named
from argosy.schemas.errors import BuildError


class App:
    """The pipelines and agents of an application. In a module that holds one, only what it lists is found."""

    def __init__(
        self,
        *,
        pipelines: Sequence[Pipeline[Any, Any]] = (),
        agents: Sequence[Agent[..., Any]] = (),
    ) -> None:
        """List them; the agents of the pipelines count without being listed."""
        self.pipelines = _by_name(pipelines)
        self.agents = _collect(pipelines, agents)


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


def _collect(
    pipelines: Sequence[Pipeline[Any, Any]], agents: Sequence[Agent[..., Any]]
) -> dict[str, Agent[..., Any]]:
    found: dict[str, Agent[..., Any]] = {}
    of_pipelines = [agent for pipeline in pipelines for agent in pipeline.agents().values()]
    for agent in (*of_pipelines, *agents):
        if found.setdefault(agent.name, agent) is not agent:
            raise two_agents_named(agent.name, "the app")
    return found
