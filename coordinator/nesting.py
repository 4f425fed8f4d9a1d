"""Pipelines inside pipelines, made flat: a step `x` of the pipeline that step `c` runs is the step `c/x` of the run.

A map `c` over a pipeline has a step for each shard, which runs that pipeline: `c.7`, with `c.7/x` inside. A loop `c`
has one for each iteration, which runs its agent, or its pipeline: `c~2`, with `c~2/x` inside. Here they stand once, as
templates: `c.*` and `c.*/x`, `c~*` and `c~*/x`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from argosy.broker.facts import select as select_in
from argosy.schemas.contract import JsonSchema
from argosy.schemas.edges import INPUT, Constant, InputEdge, Pick, StepInput
from argosy.schemas.errors import InvalidInput
from argosy.schemas.facts import Facts, ValueFact, Want
from argosy.schemas.pipeline import CompiledPipeline, LoopStep, MapStep, PlanStep, Step, TaskStep

Origin = Pick | Constant
"""Who has a value (the run's input, a map's item, a step that runs an agent) and which part of it; or the author."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A step under its name in the run."""

    waits: Step
    """What it waits for: its sources are steps beside it, or what its own pipeline is given (`c/input`)."""
    reads: Step
    """The same, its sources those who have the values; of a step that runs a pipeline, its conditions only."""
    owner: str | None
    """The step whose pipeline it is part of; of a map's shard, the map; of an iteration, the loop."""
    schemas: Mapping[str, JsonSchema] = field(default_factory=dict[str, JsonSchema])
    """Those of its pipeline, if it waits or plans."""

    @property
    def is_map(self) -> bool:
        """Say whether the step has shards."""
        return isinstance(self.reads, MapStep)

    @property
    def is_shard(self) -> bool:
        """Say whether it is the template of a map's shards, or of a loop's iterations."""
        return self.reads.name.endswith((".*", "~*"))

    @property
    def is_asked(self) -> bool:
        """Say whether it is one task, or waits: its value is known with what is asked of it."""
        return self.reads.pipeline is None and not isinstance(self.reads, MapStep | LoopStep | PlanStep)


@dataclass(frozen=True, slots=True)
class Flat:
    """All steps of a run."""

    steps: tuple[Placed, ...]
    """Parents first; a step that runs a pipeline comes after that pipeline's steps."""
    origins: Mapping[str, Origin]
    """Where the value of each source is, be it a step or what a pipeline is given."""
    uncertain: frozenset[str]
    """What pipelines are given and may be a hole."""
    known: Mapping[str, Facts]
    """Of what the author wrote down: the facts that conditions ask for."""
    results: Mapping[str, Pick]
    """By template of a map's shards, or of a loop's iterations: the value of one."""
    result: Pick
    """The value of the run."""
    wrong: tuple[str, ...]
    """What can't be picked in what the author wrote down, for people."""

    def origin(self, pick: Pick | InputEdge) -> Origin:
        """Say where a part of a source's value is; of a constant its own part is not taken."""
        whole = self.origins[pick.source]
        return whole if isinstance(whole, Constant) else _part(whole, pick.select)

    def maps(self) -> frozenset[str]:
        """Name all maps."""
        return frozenset(placed.reads.name for placed in self.steps if placed.is_map)


def flatten(pipeline: CompiledPipeline) -> Flat:
    """Lay out all steps; also of a pipeline that `unsupported` has something against."""
    walk = _Walk()
    steps = tuple(walk.steps(pipeline, "", None))
    return Flat(
        steps,
        walk.origins,
        frozenset(walk.uncertain),
        walk.known,
        walk.results,
        walk.result(pipeline, ""),
        tuple(walk.wrong),
    )


def is_given(source: str) -> bool:
    """Say whether a source is what the run or a pipeline inside it is given: no step has this name."""
    return source.rpartition("/")[2] == INPUT


def is_item(source: str) -> bool:
    """Say whether a source is what a shard or an iteration is given (`c.*/input`, `c.7/input`, `c~2/input`)."""
    lead, slash, last = source.rpartition("/")
    above = lead.rpartition("/")[2]
    return last == INPUT and slash != "" and ("." in above or "~" in above)


@dataclass(slots=True)
class _Walk:
    origins: dict[str, Origin] = field(default_factory=lambda: {INPUT: Pick(source=INPUT)})
    uncertain: set[str] = field(default_factory=set[str])
    known: dict[str, Facts] = field(default_factory=dict[str, Facts])
    results: dict[str, Pick] = field(default_factory=dict[str, Pick])
    maps: set[str] = field(default_factory=set[str])
    wrong: list[str] = field(default_factory=list[str])

    def steps(self, pipeline: CompiledPipeline, scope: str, owner: str | None) -> Iterator[Placed]:
        for step in pipeline.steps:
            waits = _scoped(step, scope)
            inputs = waits.inputs
            if isinstance(waits, TaskStep) and step.pipeline is not None:
                yield from self._inside(waits, step.pipeline)
            else:
                self.origins[waits.name] = _whole(waits.name)
                inputs = tuple(self._read(given, waits.name) for given in inputs)
            if isinstance(waits, MapStep):
                self.maps.add(waits.name)
                if step.pipeline is not None:
                    yield from self._each(waits, inputs, step.pipeline)
            if isinstance(waits, LoopStep):
                yield from self._iteration(waits, inputs)
            conditions = {
                name: tuple(self._condition(pick, waits.name) for pick in getattr(waits, name))
                for name in ("when", "unless")
            }
            schemas = pipeline.schemas if step.WAITS or isinstance(step, PlanStep) else {}
            yield Placed(waits, waits.model_copy(update={"inputs": inputs, **conditions}), owner, schemas)

    def result(self, pipeline: CompiledPipeline, scope: str) -> Pick:
        """Say where the value of a pipeline is."""
        found = _part(self.origins[scope + pipeline.returns.source], pipeline.returns.select)
        if isinstance(found, Constant):
            message = f"{pipeline.name} returns no step"
            raise TypeError(message)
        return found

    def _inside(self, step: Step, pipeline: CompiledPipeline) -> Iterator[Placed]:
        (given,) = step.inputs
        scope = f"{step.name}/"
        self.origins[scope + INPUT] = self._origin(given, step.name)
        if isinstance(given, InputEdge) and (given.hole or given.source in self.uncertain):
            self.uncertain.add(scope + INPUT)
        yield from self.steps(pipeline, scope, step.name)
        self.origins[step.name] = self.result(pipeline, scope)

    def _each(
        self, step: MapStep, inputs: tuple[StepInput, ...], pipeline: CompiledPipeline
    ) -> Iterator[Placed]:
        """Lay out the steps of one shard, as templates."""
        name = f"{step.name}.*"
        scope = f"{name}/"
        self.origins[scope + INPUT] = _whole(scope + INPUT)
        over = next(given for given in inputs if given.name == step.over)
        if isinstance(over, InputEdge) and over.source in self.maps and over.select is None:
            self.uncertain.add(scope + INPUT)
        yield from self.steps(pipeline, scope, name)
        self.results[name] = self.result(pipeline, scope)
        shard = TaskStep.model_construct(name=name, kind="task", pipeline=pipeline, inputs=())
        yield Placed(shard, shard, step.name)

    def _iteration(self, step: LoopStep, inputs: tuple[StepInput, ...]) -> Iterator[Placed]:
        """Lay out one iteration, as a template: it waits for nothing, and reads what the loop found."""
        name = f"{step.name}~*"
        fed = f"{name}/{INPUT}"
        self.origins[fed] = _whole(fed)
        waits = TaskStep.model_construct(
            name=name, kind="task", agent=step.agent, pipeline=step.pipeline, inputs=()
        )
        if step.pipeline is not None:
            yield from self.steps(step.pipeline, f"{name}/", name)
            self.results[name] = self.result(step.pipeline, f"{name}/")
            yield Placed(waits, waits, step.name)
            return
        self.results[name] = _whole(name)
        back = InputEdge.model_construct(name=step.over, source=fed)
        reads = tuple(back if given.name == step.over else given for given in inputs)
        yield Placed(waits, waits.model_copy(update={"inputs": reads}), step.name)

    def _origin(self, given: StepInput, step: str) -> Origin:
        if isinstance(given, Constant):
            return given
        return self._picked(
            self.origins[given.source], given.select, f"input {given.name!r} of step {step!r}"
        )

    def _read(self, given: StepInput, step: str) -> StepInput:
        origin = self._origin(given, step)
        match given, origin:
            case InputEdge(), Pick():
                return given.model_copy(update={"source": origin.source, "select": origin.select})
            case InputEdge(), Constant():
                return Constant(name=given.name, value=origin.value)
            case _:
                return given

    def _condition(self, pick: Pick, step: str) -> Pick:
        origin = self._picked(self.origins[pick.source], pick.select, f"a condition of step {step!r}")
        if isinstance(origin, Pick):
            return origin
        want = Want(kind="value", select=pick.select)
        self.known.setdefault(pick.source, {})[want.key] = ValueFact(kind="value", value=origin.value)
        return pick

    def _picked(self, whole: Origin, select: str | None, where: str) -> Origin:
        if not isinstance(whole, Constant) or select is None:
            return _part(whole, select)
        try:
            return Constant(name=whole.name, value=select_in(select, whole.value))
        except InvalidInput as error:
            self.wrong.append(f"{where} picks in the constant that its pipeline is given: {error}")
            return whole


def _whole(source: str) -> Pick:
    return Pick.model_construct(source=source)


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
    """Take a part of a value that is not a constant."""
    if isinstance(whole, Constant) or select is None:
        return whole
    return whole.model_copy(update={"select": part(whole.select, select)})


def part(whole: str | None, select: str | None) -> str | None:
    """Pick in what was picked; None is the whole of it."""
    if whole is None or select is None:
        return select if whole is None else whole
    return f"{whole} | {select}"
