"""The compiled pipeline: a DAG of steps as data. What another language would have to write to define one.

An absent optional field has the meaning its docstring gives; `dump` leaves it out, so that one pipeline has
one canonical JSON and one identity.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import (
    Field,
    JsonValue,
    PositiveInt,
    model_validator,
)

from argosy.schemas.canonical import canonical_json, sha256_hex
from argosy.schemas.contract import AgentContract, JsonSchema, Seconds, Version, is_none
from argosy.schemas.edges import (
    INPUT,
    After,
    InputEdge,
    Join,
    NoInputs,
    Pick,
    PipelineData,
    StepInput,
    is_empty,
)
from argosy.schemas.ids import Name

ABOUT = "about"
"""The one input of an approval."""

MOST_PARALLEL: Final = 1_000
"""Shards of a map that are under way at once: one event of the run may order them all."""
MOST_PARALLEL_INSIDE: Final = 10_000
"""The same, of maps inside maps: their products."""

MOST_ITERATIONS: Final = 1_000
"""Of a loop."""

MOST_QUESTION: Final = 4_000
"""Characters of the question of an approval."""

MOST_TASKS: Final = 1_000
"""Of a plan that a planner makes."""

OnTimeout = Literal["fail", "hole"]
Exhausted = Literal["fail", "last"]


class StepBase(PipelineData, frozen=True):
    """What steps of every kind have. A new kind is a subclass with its own `kind`, added to `Step`."""

    RULES: ClassVar[int] = 1
    """The rules of runs that steps of this kind need."""
    WAITS: ClassVar[bool] = False
    """Steps of this kind run nothing: they have neither an agent nor a pipeline."""

    name: Name
    kind: str
    agent: Annotated[Name | None, Field(exclude_if=is_none)] = None
    """A key of the pipeline's `agents`. A step has this or `pipeline`."""
    pipeline: Annotated["CompiledPipeline | None", Field(exclude_if=is_none)] = None
    """A child pipeline, whole; its one input is called `input`."""
    inputs: tuple[StepInput, ...]
    """In the order of the agent's parameters."""
    after: Annotated[tuple[After, ...], Field(exclude_if=is_empty)] = ()
    when: Annotated[tuple[Pick, ...], Field(exclude_if=is_empty)] = ()
    """All must be true, else the step is skipped."""
    unless: Annotated[tuple[Pick, ...], Field(exclude_if=is_empty)] = ()
    """None may be true, else the step is skipped."""
    join: Annotated[Join | None, Field(exclude_if=is_none)] = None
    """Absent: all must have ended, and succeeded where no hole may be."""
    deadline_seconds: Annotated[Seconds | None, Field(exclude_if=is_none)] = None
    """Absent: the run's deadline."""

    @model_validator(mode="after")
    def _runs_one_thing(self) -> Self:
        runs = (self.agent is not None) + (self.pipeline is not None)
        if runs != (0 if self.WAITS else 1):
            message = "a step has an agent or a pipeline, and not both"
            if self.WAITS:
                message = f"a step of kind {self.kind!r} has no agent and no pipeline"
            raise ValueError(message)
        return self

    @property
    def edges(self) -> tuple[InputEdge, ...]:
        """The inputs that come from somewhere, in order."""
        return tuple(given for given in self.inputs if isinstance(given, InputEdge))

    def sources(self) -> tuple[str, ...]:
        """Name all that this step waits for, each once, in order: inputs, after, when, unless."""
        read: list[InputEdge | After | Pick] = [*self.edges, *self.after, *self.when, *self.unless]
        return tuple(dict.fromkeys(entry.source for entry in read))

    def parents(self) -> tuple[str, ...]:
        """Name the steps that this one waits for, each once, in order."""
        return tuple(source for source in self.sources() if source != INPUT)

    @property
    def deadline_millis(self) -> int | None:
        """Milliseconds that the step may take, or None for the run's own limit."""
        return None if self.deadline_seconds is None else round(self.deadline_seconds * 1000)


class TaskStep(StepBase, frozen=True):
    """A step that is one task: `<run>/<step>`."""

    kind: Literal["task"]


class MapStep(StepBase, frozen=True):
    """A step with a task for each item of a list: `<run>/<step>.<shard>`, at most `max_parallel` at once.

    One with a pipeline runs that for each item: the tasks of a shard are `<run>/<step>.<shard>/<inner step>`.
    """

    kind: Literal["map"]
    over: str
    """The name of the input that is spread; the others go to every shard."""
    max_parallel: Annotated[PositiveInt, Field(json_schema_extra={"maximum": MOST_PARALLEL})]
    """`pipeline_checks` holds the bound, so that what was accepted stays readable."""


class LoopStep(StepBase, frozen=True):
    """A step that runs again and again, each time on what it gave the time before; its value is that of the last time.

    The task of an iteration is `<run>/<step>~<n>`, from 1 on. One with a pipeline runs that each time: its tasks are
    `<run>/<step>~<n>/<inner step>`.
    """

    RULES: ClassVar[int] = 2

    kind: Literal["loop"]
    over: str
    """The name of the input that is fed back; the others are the same in every iteration."""
    until: Annotated[str, Field(min_length=1, max_length=4096)]
    """JMESPath over the value of an iteration: the first one of which it is JSON `true` is the last."""
    max_iterations: Annotated[PositiveInt, Field(json_schema_extra={"maximum": MOST_ITERATIONS})]
    """`loop_checks` holds the bound, so that what was accepted stays readable."""
    exhausted: Exhausted = "fail"
    """When so many have ended and `until` was never true: `fail`: the step fails. `last`: it has the last value."""

    @model_validator(mode="after")
    def _waits_for_all(self) -> Self:
        if self.join is not None:
            message = "a loop has no join: it waits for all that it reads"
            raise ValueError(message)
        return self


class PlanStep(StepBase, frozen=True):
    """A step whose agent, the planner, returns tasks for other agents; its value is what these gave.

    The planner's task is `<run>/<step>`, those of its plan are `<run>/<step>/<key>`.
    """

    RULES: ClassVar[int] = 2

    kind: Literal["plan"]
    agents: tuple[Name, ...]
    """Those that tasks of the plan may be for: keys of the pipeline's `agents`."""
    max_tasks: Annotated[PositiveInt, Field(json_schema_extra={"maximum": MOST_TASKS})]
    """`planning_checks` holds the bounds, so that what was accepted stays readable."""
    max_parallel: Annotated[PositiveInt, Field(json_schema_extra={"maximum": MOST_PARALLEL})]

    @model_validator(mode="after")
    def _has_a_planner(self) -> Self:
        if self.join is not None or self.agent is None:
            message = (
                "a step of kind 'plan' has an agent, the planner, and no join: it waits for all that it reads"
            )
            raise ValueError(message)
        return self


class WaitStep(StepBase, frozen=True):
    """A step that runs nothing: it waits, and holds nothing meanwhile."""

    RULES: ClassVar[int] = 2
    WAITS: ClassVar[bool] = True

    @model_validator(mode="after")
    def _only_waits(self) -> Self:
        if self.join is not None or self.deadline_seconds is not None:
            message = f"a step of kind {self.kind!r} has no join and no deadline_seconds"
            raise ValueError(message)
        return self


class SignalStep(WaitStep, frozen=True):
    """Waits for a signal that is sent to its own name; the signal's value is the step's."""

    kind: Literal["signal"]
    inputs: NoInputs = ()
    takes: JsonSchema
    """Of the value; one that doesn't fit is refused, and the step waits on."""
    within_seconds: Seconds
    """From when it begins to wait."""
    on_timeout: OnTimeout = "fail"
    """`fail`: the run fails then. `hole`: the step has expired, and whoever reads it finds a hole."""


class ApprovalStep(WaitStep, frozen=True):
    """Waits until somebody approves its one input, `about`, or rejects it: a signal that names the value's SHA-256."""

    kind: Literal["approval"]
    question: Annotated[str, Field(min_length=1, max_length=MOST_QUESTION)]
    by: Annotated[tuple[str, ...], Field(exclude_if=is_empty)] = ()
    """Who may answer, as they call themselves; empty: anybody who may send signals."""
    within_seconds: Seconds
    on_timeout: OnTimeout = "fail"


class SleepStep(WaitStep, frozen=True):
    """Waits for a time; it has no value."""

    kind: Literal["sleep"]
    inputs: NoInputs = ()
    seconds: Seconds


Step = Annotated[
    TaskStep | MapStep | LoopStep | PlanStep | SignalStep | ApprovalStep | SleepStep,
    Field(discriminator="kind"),
]


class CompiledPipeline(PipelineData, frozen=True):
    """A whole pipeline. Its shape is checked here; `pipeline_checks.check` says whether its DAG is right."""

    argosy: Literal["pipeline/1"]
    """Kind and version of this document; another one is refused."""
    name: Name
    version: Version
    takes: JsonSchema
    gives: JsonSchema
    deadline_seconds: Annotated[Seconds | None, Field(exclude_if=is_none)] = None
    """Of the run; absent: the fleet's longest run, which is also the most."""
    agents: dict[Name, AgentContract]
    steps: tuple[Step, ...]
    """In declared order, parents first."""
    returns: Pick
    """The result of the run; of a step, never of the input."""
    schemas: dict[str, JsonSchema]

    @property
    def identity(self) -> str:
        """SHA-256, in hex, of the canonical JSON."""
        return _identity(self.model_dump_json())

    def dump(self) -> dict[str, JsonValue]:
        """Give the document as JSON values, without absent fields."""
        return self.model_dump(mode="json")

    def step(self, name: str) -> Step:
        """Find a step by name; KeyError if there is none."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)

    def contracts(self) -> dict[str, AgentContract]:
        """Gather the agents of this pipeline and of all pipelines inside it; one name is one contract."""
        return {name: contract for inner in self.whole() for name, contract in inner.agents.items()}

    def rules(self) -> int:
        """Say which rules of runs its steps need, those of pipelines inside too."""
        return max((step.RULES for inner in self.whole() for step in inner.steps), default=1)

    def whole(self) -> Iterator["CompiledPipeline"]:
        """Walk this pipeline and all pipelines inside it, depth first."""
        yield self
        for step in self.steps:
            if step.pipeline is not None:
                yield from step.pipeline.whole()


@lru_cache(maxsize=64)  # every submit brings its pipeline along: the same few, again and again
def _identity(text: str) -> str:
    return sha256_hex(canonical_json(json.loads(text)))
