"""What the dashboard reads of the run log's records: the few fields that a line of the list is made of.

Whole records would cost ten times as much to decode, and a log may hold millions. Only these fields are checked.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from argosy.console.dashboard_run_line import RunState, Shape
from argosy.coordinator.wants import PLANNED
from argosy.schemas.chat import Usage

_WAITS: Final = frozenset({"approval", "signal"})
_DEEPEST: Final = 20


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Step(_Part):
    name: str
    kind: str
    agent: str | None = None
    pipeline: "_Pipeline | None" = None


class _Contract(_Part):
    model: str | None = None


class _Pipeline(_Part):
    name: str
    version: str
    agents: Mapping[str, _Contract]
    steps: tuple[_Step, ...]

    def shape(self) -> Shape:
        """Make what is kept of it."""
        agents, models, waits, plans = dict[str, str](), dict[str, str](), False, set[str]()
        for path, step, whole in _steps(self, "", 0):
            waits = waits or step.kind in _WAITS
            if step.agent is not None:
                agents[path] = step.agent
                models |= {name: each.model for name, each in whole.agents.items() if each.model}
            if step.kind == "plan":
                plans.add(path)
        return Shape(self.name, self.version, agents, models, waits, frozenset(plans))


class _ReplayOf(_Part):
    run_id: str = ""


class Accepted(_Part):
    """Of `run.accepted`."""

    pipeline: _Pipeline
    tenant: str | None = None
    priority: int = 5
    on_spent: str = "fail"
    replay_of: _ReplayOf | None = None


class _Fault(_Part):
    code: str = ""
    message: str = ""


class Settled(_Part):
    """Of `task.settled`."""

    task_id: str
    attempt: int = 1
    outcome: str
    fault: _Fault | None = None
    usage: Usage = Usage()
    worker: str = ""
    deliveries: int = 0
    duration_ms: int = 0

    @property
    def is_look(self) -> bool:
        """Say whether the lane itself looked at a value: no agent's attempt."""
        return not self.worker and not self.deliveries and self.outcome == "succeeded"


class _Task(_Part):
    key: str
    agent: str


class _Plan(_Part):
    tasks: tuple[_Task, ...]


class _Fact(_Part):
    value: _Plan


class _Facts(_Part):
    plan: _Fact = Field(validation_alias=AliasChoices(PLANNED.key))


class PlanMade(_Part):
    """Of the `task.settled` of an agent that plans: which tasks, for whom."""

    facts: _Facts

    def agents(self, planner: str) -> Iterator[tuple[str, str]]:
        """Give the agent of each task, by its name in the run."""
        return ((f"{planner}/{task.key}", task.agent) for task in self.facts.plan.value.tasks)


class Ended(_Part):
    """Of `run.ended`."""

    outcome: RunState
    fault: _Fault | None = None
    usage: Usage | None = None
    tasks: int | None = None


def _steps(pipeline: _Pipeline, lead: str, depth: int) -> Iterator[tuple[str, _Step, _Pipeline]]:
    for step in pipeline.steps:
        path = f"{lead}{step.name}"
        yield path, step, pipeline
        if step.pipeline is not None and depth < _DEEPEST:
            yield from _steps(step.pipeline, f"{path}/", depth + 1)
