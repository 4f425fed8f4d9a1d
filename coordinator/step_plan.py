"""A step and its place in the DAG; and how the steps of shards and iterations are made of their templates."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from argosy.schemas.contract import Contract, JsonSchema
from argosy.schemas.edges import INPUT, InputEdge, Pick
from argosy.schemas.facts import Want
from argosy.schemas.pipeline import MapStep, Step
from argosy.schemas.taint import UNTAINTED, Taint

if TYPE_CHECKING:
    from argosy.coordinator.allowed import Allowed

_WANTS: Final = TypeAdapter(tuple[Want, ...])
MOST_MADE: Final = 16_384
"""Steps of shards and iterations kept in memory, of all plans together: some 40 MB."""
_SHARD: Final = re.compile(r"(?<=[.~])(0|[1-9][0-9]{0,5})(?=/|$)")
_LEAD: Final = re.compile(r"^.*[.~](?:[0-9]+|\*)/")


@dataclass(frozen=True, slots=True)
class Merge:
    """Who makes one result of those of several pages."""

    agent: str
    terms: Contract
    parameter: str
    """Its first one: it takes the list of them."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a step runs: tasks of an agent."""

    agent: str
    terms: Contract
    """The agent's contract, without the schemas: the worker has those."""
    merge: Merge | None = None
    """None: lists, which are put one after the other."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What a step runs: the steps of a pipeline, which begin when it starts."""

    begins: tuple[str, ...]
    """Those that wait for nothing."""
    returns: str
    """The one whose end is the step's."""
    result: Pick | None = None
    """Of a map's shard, or of an iteration: where its value is."""


@dataclass(frozen=True, slots=True)
class Each:
    """What a map runs: for each item the steps of a pipeline, under a step of its own (`c.7`)."""


@dataclass(frozen=True, slots=True)
class Waits:
    """What a step runs that waits: nothing."""

    schemas: Mapping[str, JsonSchema]
    """Of its pipeline, for the value of a signal."""


@dataclass(frozen=True, slots=True)
class Loop:
    """What a loop runs: an agent, or the steps of a pipeline, each time under a step of its own (`c~2`)."""

    asked: tuple[Want, ...]
    """What must be known of the value of each iteration."""
    within: str | None
    """The part of the value that the iteration's last step gave."""


@dataclass(frozen=True)
class StepPlan:
    """A step and its place in the DAG. Parents and children are in plan order, each once."""

    name: str
    step: Step
    """Its inputs and conditions name those who have the values; for what a hole may be instead, see `via`."""
    runs: Work | Inside | Each | Loop | Waits
    owner: str | None
    """The step whose pipeline it is part of; of a map's shard, the map; of an iteration, the loop."""
    via: Mapping[str, str]
    """By input: the step it waits for, or what its pipeline is given, if another one has the value."""
    parents: tuple[str, ...]
    required: tuple[str, ...]
    """Parents without which it can't run, in declared order."""
    needs: frozenset[str]
    """The same, to ask for one of them."""
    holes: Mapping[str, int]
    """By source: how many inputs that may be holes read it; the run's own input is always there."""
    children: tuple[str, ...]
    wants: tuple[Want, ...]
    """What its tasks are asked about their results."""
    looks: tuple[Want, ...] = ()
    """What the lane is to find out of a map's whole list, or of what a shard or an iteration is given."""
    whole: bool = False
    """The lane is to make one payload of a map's whole list: it is the value of another map's shard."""
    asks: tuple[str, ...] = ()
    """What its pipeline is given and it can't do without, where that may be a hole."""
    allowed: "Allowed | None" = None
    """What its agent, a planner, may plan; None of any other step."""
    taint: Taint = UNTAINTED
    """Of the values that it is given: those of a planned task were made by the planner."""

    @cached_property
    def inside(self) -> Inside | None:
        """The steps of a pipeline that it runs; None for a map, and for a step that runs an agent."""
        return self.runs if isinstance(self.runs, Inside) else None

    @cached_property
    def work(self) -> Work:
        """What its tasks are; LookupError for a step that runs a pipeline or waits: it has none of its own."""
        if isinstance(self.runs, Work):
            return self.runs
        message = f"{self.name} runs no agent"
        raise LookupError(message)

    @cached_property
    def agent(self) -> str:
        """The agent that its tasks are for."""
        return self.work.agent

    @cached_property
    def terms(self) -> Contract:
        """The agent's contract."""
        return self.work.terms

    @cached_property
    def fixed(self) -> bytes:
        """What stands in every dispatch of its tasks, as JSON."""
        return fixed_of(self.wants, self.terms)

    @cached_property
    def is_each(self) -> bool:
        """Say whether it is a map over a pipeline."""
        return isinstance(self.runs, Each)

    @cached_property
    def loop(self) -> Loop | None:
        """What a loop runs; None for any other step."""
        return self.runs if isinstance(self.runs, Loop) else None

    @cached_property
    def is_map(self) -> bool:
        """Say whether the step has shards."""
        return isinstance(self.step, MapStep)

    @cached_property
    def is_one_task(self) -> bool:
        """Say whether it is one task of an agent, which plans none."""
        return isinstance(self.runs, Work) and not self.is_map and self.allowed is None

    @cached_property
    def scope(self) -> str:
        """The shard or iteration that it is part of, as a lead of names (`c.7/`); empty outside of them."""
        return scope_of(self.name)

    @cached_property
    def given(self) -> str:
        """Name what a shard or an iteration is given."""
        return f"{self.name}/{INPUT}"

    def local(self, shard: int | None) -> str:
        """Name a task of this step inside its run; of a map over a pipeline, the step of a shard."""
        return self.name if shard is None else f"{self.name}.{shard}"

    def iteration(self, number: int) -> str:
        """Name an iteration of this loop inside its run."""
        return f"{self.name}~{number}"


def fixed_of(wants: tuple[Want, ...], terms: Contract) -> bytes:
    """Write what a dispatch asks and the contract, as JSON."""
    asked = b'"wants":%b,' % _WANTS.dump_json(wants, exclude_defaults=True) if wants else b""
    return b'%b"contract":%b' % (asked, terms.model_dump_json(exclude_defaults=True).encode())


_NUMBERS: Final = count()
_MADE: Final[dict[tuple[int, str], StepPlan]] = {}
"""Steps of shards that were asked for last, by the plan's number and name."""


class Steps(Mapping[str, StepPlan]):
    """Steps by name. Walking through them gives the templates, in plan order; those of shards only come by name."""

    def __init__(self, templates: Iterable[StepPlan]) -> None:
        """Parents come first, and the steps of a pipeline before the step that runs it."""
        self._templates = {step.name: step for step in templates}
        self._number = next(_NUMBERS)

    def __getitem__(self, name: str) -> StepPlan:
        """Return a step; KeyError if the plan has none of this name."""
        found = self._templates.get(name) or _MADE.get((self._number, name))
        if found is None:
            found = _made(self._templates[template_of(name)], shards_in(name))
            if len(_MADE) >= MOST_MADE:
                del _MADE[next(iter(_MADE))]
            _MADE[self._number, name] = found
        return found

    def __iter__(self) -> Iterator[str]:
        """Name the templates, and the steps outside of maps."""
        return iter(self._templates)

    def __len__(self) -> int:
        """Count them."""
        return len(self._templates)


_OWN: Final = ("inside", "scope", "given")
"""What a step works out of its own name; all else that it has worked out is the same for all shards."""


def _made(template: StepPlan, numbers: list[str]) -> StepPlan:
    """Make a shard's step of its template: for each shard of each map, so it takes over what is worked out already."""

    def here(name: str) -> str:
        return named(name, numbers)

    def all_here(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(here, names))

    runs, step = template.runs, template.step
    if isinstance(runs, Inside):
        result = runs.result
        if result is not None:
            result = result.model_copy(update={"source": here(result.source)})
        runs = Inside(all_here(runs.begins), here(runs.returns), result)
    changes = {
        part: tuple(
            entry.model_copy(update={"source": here(entry.source)})
            if isinstance(entry, InputEdge | Pick)
            else entry
            for entry in entries
        )
        for part in ("inputs", "when", "unless")
        if (entries := getattr(step, part))
    }
    if isinstance(runs, Work):
        _ = template.fixed
    made = object.__new__(StepPlan)
    vars(made).update(vars(template))
    for name in _OWN:
        vars(made).pop(name, None)
    vars(made).update(
        name=here(template.name),
        step=step.model_copy(update=changes) if changes else step,
        runs=runs,
        owner=None if template.owner is None else here(template.owner),
        via={name: here(source) for name, source in template.via.items()},
        parents=all_here(template.parents),
        required=all_here(template.required),
        needs=frozenset(map(here, template.needs)),
        holes={here(source): count for source, count in template.holes.items()},
        children=all_here(template.children),
        asks=all_here(template.asks),
    )
    return made


def named(name: str, numbers: Iterable[str]) -> str:
    """Put shards and iterations into a template's name, outermost first."""
    for number in numbers:
        name = name.replace("*", number, 1)
    return name


def scope_of(name: str) -> str:
    """Name the shard or iteration that a step is part of, as a lead of names (`c.7/`); empty outside of them."""
    found = _LEAD.match(name)
    return found.group() if found else ""


def template_of(name: str) -> str:
    """Name the template of a shard's or an iteration's step, or of a lead of names; any other name stays."""
    return _SHARD.sub("*", name)


def shards_in(name: str) -> list[str]:
    """List the shards and iterations in a name, outermost first."""
    return _SHARD.findall(name)


def iteration_of(name: str) -> tuple[str, int] | None:
    """Split the name of an iteration into its loop and its number; None for any other step."""
    loop, tilde, number = name.rpartition("~")
    return (loop, int(number)) if tilde and number.isdigit() else None
