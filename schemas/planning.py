"""Plans: what a planner returns, the tasks of it, how one reads what another gave, and what all of them gave."""

from typing import Annotated, Final, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue
from pydantic_core import to_jsonable_python

from argosy.schemas.hole import Hole
from argosy.schemas.ids import Name
from argosy.schemas.taint import UNTAINTED, Taint, is_untainted

R = TypeVar("R")

RESULT_OF: Final = "result_of"
_DATA = ConfigDict(frozen=True, extra="forbid")


def _as_json(value: object) -> object:
    return to_jsonable_python(value, by_alias=True)


class ResultOf(BaseModel):
    """An input of a planned task, or an item of a list that is one: what an earlier task of the plan gave."""

    model_config = _DATA
    result_of: Name
    """The key of that task; it is waited for, as if `after` named it."""
    or_hole: bool = False
    """Run also if that task did not succeed: there is a `Hole` then. Else the task is skipped."""


class PlannedTask(BaseModel):
    """A task of a plan."""

    model_config = _DATA
    key: Name
    """Its name in the plan: its task id is `<planner's task>/<key>`."""
    agent: Name
    """One of those that the pipeline lets the planner use."""
    inputs: Annotated[dict[str, JsonValue], BeforeValidator(_as_json)] = Field(
        default_factory=dict[str, JsonValue], json_schema_extra={"default": {}}
    )
    """By parameter of the agent: a value, or `{"result_of": "<key>"}`, or a list of such."""
    after: list[Name] = Field(default_factory=list[str], json_schema_extra={"default": []})
    """Keys of tasks that have to succeed before this one starts, also if it reads nothing of them."""


class Plan(BaseModel):
    """What a planner returns."""

    model_config = _DATA
    tasks: list[PlannedTask]


class PlanRefused(BaseModel):
    """Why the plan of an earlier attempt may not be run, for its planner."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    reason: str
    taint: Annotated[Taint, Field(exclude_if=is_untainted)] = UNTAINTED
    """Of that plan: the reason may show its words."""


class PlanResult(BaseModel, Generic[R]):
    """What the tasks of a plan gave, by key, in the plan's order: each key stands in one of the two."""

    model_config = _DATA
    results: dict[str, R]
    holes: dict[str, Hole] = Field(default_factory=dict[str, Hole], json_schema_extra={"default": {}})
    """Of the tasks that did not succeed."""

    def __getitem__(self, key: str) -> R | Hole:
        """Give what one task gave, or its hole. KeyError: the plan had no such task."""
        return self.holes[key] if key in self.holes else self.results[key]


def result_of(key: str, *, or_hole: bool = False) -> JsonValue:
    """Write what an earlier task of the plan gave, as an input of a later one."""
    return {RESULT_OF: key, "or_hole": True} if or_hole else {RESULT_OF: key}
