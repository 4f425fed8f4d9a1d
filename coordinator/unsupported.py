"""What the rules can't run yet, though the language can say it."""

from collections.abc import Iterator
from typing import Final

from argosy.coordinator.nesting import Flat, Placed, flatten
from argosy.schemas.pipeline import CompiledPipeline, Constant, MapStep

MOST_SELECT: Final = 4096
"""Characters of a JMESPath, also of one that picks in what others picked."""


def unsupported(pipeline: CompiledPipeline) -> list[str]:
    """Name what these rules can't run, for people: a submit of such a pipeline is to be refused."""
    flat = flatten(pipeline)
    maps = {placed.reads.name for placed in flat.steps if isinstance(placed.reads, MapStep)}
    found: list[str] = []
    for placed in flat.steps:
        found += _inputs(placed, flat, maps)
        found += _conditions(placed, flat, maps)
    if flat.result.source in maps and flat.result.select is not None:
        found.append(f"it returns a part of map {flat.result.source!r}: only the whole is possible")
    if len(flat.result.select or "") > MOST_SELECT:
        found.append(_too_long("its result"))
    return found


def _inputs(placed: Placed, flat: Flat, maps: set[str]) -> Iterator[str]:
    step, name = placed.reads, placed.reads.name
    if isinstance(step, MapStep) and step.pipeline is not None:
        yield f"map {name!r} runs a pipeline: only maps that run an agent are possible"
    over = step.over if isinstance(step, MapStep) else None
    for edge in placed.waits.edges:
        origin = flat.origin(edge)
        if isinstance(origin, Constant):
            if edge.select is not None:
                yield f"step {name!r} reads a part of the constant that its pipeline is given: give it that part"
        elif len(origin.select or "") > MOST_SELECT:
            yield _too_long(f"input {edge.name!r} of step {name!r}")
        elif edge.name == over and origin.source in maps and origin.select is not None:
            yield f"map {name!r} spreads a part of map {origin.source!r}: only the whole is possible"
        if edge.name == over and edge.source in flat.uncertain:
            yield f"map {name!r} spreads what its pipeline is given, which may be a hole"


def _conditions(placed: Placed, flat: Flat, maps: set[str]) -> Iterator[str]:
    name = placed.reads.name
    for pick in (*placed.waits.when, *placed.waits.unless):
        origin = flat.origin(pick)
        if isinstance(origin, Constant):
            yield f"step {name!r} has a condition on the constant that its pipeline is given: leave it out"
        elif len(origin.select or "") > MOST_SELECT:
            yield _too_long(f"a condition of step {name!r}")
        elif origin.source in maps:
            yield f"step {name!r} has a condition on map {origin.source!r}: its list is seen by no one as a whole"
        if pick.source in flat.uncertain:
            yield f"step {name!r} has a condition on what its pipeline is given, which may be a hole"


def _too_long(what: str) -> str:
    return f"{what} is a part of a part, picked in more than {MOST_SELECT} characters"
