"""Pipelines inside pipelines, made flat: a step `x` of the pipeline that step `c` runs is the step `c/x` of the run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from argosy.schemas.pipeline import (
    INPUT,
    CompiledPipeline,
    Constant,
    InputEdge,
    Pick,
    Step,
    StepInput,
    TaskStep,
)

Origin = Pick | Constant
"""Who has a value: the run's input or a step that runs an agent, and which part of it; or the author."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A step under its name in the run."""

    waits: Step
    """What it waits for: its sources are steps beside it, or what its own pipeline is given (`c/input`)."""
    reads: Step
    """The same, its sources those who have the values; of a step that runs a pipeline, its conditions only."""
    owner: str | None
    """The step whose pipeline it is part of."""


@dataclass(frozen=True, slots=True)
class Flat:
    """All steps of a run."""

    steps: tuple[Placed, ...]
    """Parents first; a step that runs a pipeline comes after that pipeline's steps."""
    origins: Mapping[str, Origin]
    """Where the value of each source is, be it a step or what a pipeline is given."""
    uncertain: frozenset[str]
    """What pipelines are given and may be a hole."""
    result: Pick
    """The value of the run."""

    def origin(self, pick: Pick | InputEdge) -> Origin:
        """Say where a part of a source's value is."""
        return _part(self.origins[pick.source], pick.select)


def flatten(pipeline: CompiledPipeline) -> Flat:
    """Lay out all steps; also of a pipeline that `unsupported` has something against."""
    walk = _Walk()
    steps = tuple(walk.steps(pipeline, "", None))
    result = _part(walk.origins[pipeline.returns.source], pipeline.returns.select)
    if isinstance(result, Constant):
        message = f"{pipeline.name} returns no step"
        raise TypeError(message)
    return Flat(steps, walk.origins, frozenset(walk.uncertain), result)


def is_given(source: str) -> bool:
    """Say whether a source is what the run or a pipeline inside it is given: no step has this name."""
    return source.rpartition("/")[2] == INPUT


def runs_pipeline(step: Step) -> bool:
    """Say whether a step's tasks are those of a pipeline (a map over one is not possible yet)."""
    return step.pipeline is not None and isinstance(step, TaskStep)


@dataclass(slots=True)
class _Walk:
    origins: dict[str, Origin] = field(default_factory=lambda: {INPUT: Pick(source=INPUT)})
    uncertain: set[str] = field(default_factory=set[str])

    def steps(self, pipeline: CompiledPipeline, scope: str, owner: str | None) -> Iterator[Placed]:
        for step in pipeline.steps:
            waits = _scoped(step, scope)
            if step.pipeline is None or not runs_pipeline(step):
                self.origins[waits.name] = Pick.model_construct(source=waits.name)
                inputs = tuple(self._read(given) for given in waits.inputs)
            else:
                yield from self._inside(waits, step.pipeline)
                inputs = waits.inputs
            conditions = {
                name: tuple(map(self._condition, getattr(waits, name))) for name in ("when", "unless")
            }
            yield Placed(waits, waits.model_copy(update={"inputs": inputs, **conditions}), owner)

    def _inside(self, step: Step, pipeline: CompiledPipeline) -> Iterator[Placed]:
        (given,) = step.inputs
        scope = f"{step.name}/"
        self.origins[scope + INPUT] = self._origin(given)
        if isinstance(given, InputEdge) and (given.hole or given.source in self.uncertain):
            self.uncertain.add(scope + INPUT)
        yield from self.steps(pipeline, scope, step.name)
        returns = pipeline.returns
        self.origins[step.name] = _part(self.origins[scope + returns.source], returns.select)

    def _origin(self, given: StepInput) -> Origin:
        return given if isinstance(given, Constant) else _part(self.origins[given.source], given.select)

    def _read(self, given: StepInput) -> StepInput:
        origin = self._origin(given)
        match given, origin:
            case InputEdge(), Pick():
                return given.model_copy(update={"source": origin.source, "select": origin.select})
            case InputEdge(select=None), Constant():
                return Constant(name=given.name, value=origin.value)
            case _:
                return given

    def _condition(self, pick: Pick) -> Pick:
        origin = _part(self.origins[pick.source], pick.select)
        return origin if isinstance(origin, Pick) else pick


def _scoped(step: Step, scope: str) -> Step:
    if not scope:
        return step
    inputs = tuple(
        given if isinstance(given, Constant) else given.model_copy(update={"source": scope + given.source})
        for given in step.inputs
    )
    beside = {
        name: tuple(
            entry.model_copy(update={"source": scope + entry.source}) for entry in getattr(step, name)
        )
        for name in ("after", "when", "unless")
    }
    return step.model_copy(update={"name": scope + step.name, "inputs": inputs, **beside})


def _part(whole: Origin, select: str | None) -> Origin:
    """Take a part of a value. A part of a constant stays the constant: `unsupported` refuses to pick there."""
    if isinstance(whole, Constant) or select is None:
        return whole
    return whole.model_copy(
        update={"select": select if whole.select is None else f"{whole.select} | {select}"}
    )
