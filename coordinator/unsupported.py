"""What can't be run although each pipeline by itself is right: picks in picks that grow too long, or that can't be."""

from collections.abc import Iterator
from typing import Final

from argosy.coordinator.nesting import Flat, Placed, flatten
from argosy.schemas.edges import Constant
from argosy.schemas.pipeline import CompiledPipeline

MOST_SELECT: Final = 4096
"""Characters of a JMESPath, also of one that picks in what others picked."""


def unsupported(pipeline: CompiledPipeline) -> list[str]:
    """Name what can't be run, for people: a submit of such a pipeline is to be refused."""
    flat = flatten(pipeline)
    found = [text for placed in flat.steps for text in _too_long(placed, flat)]
    results = [("its result", flat.result)]
    results += [(f"the result of {name}", pick) for name, pick in flat.results.items()]
    found += [_text(what) for what, pick in results if len(pick.select or "") > MOST_SELECT]
    return [*found, *flat.wrong]


def _too_long(placed: Placed, flat: Flat) -> Iterator[str]:
    step, name = placed.waits, placed.reads.name
    picks = [(f"input {edge.name!r} of step {name!r}", flat.origin(edge)) for edge in step.edges]
    picks += [(f"a condition of step {name!r}", flat.origin(pick)) for pick in (*step.when, *step.unless)]
    for what, origin in picks:
        if not isinstance(origin, Constant) and len(origin.select or "") > MOST_SELECT:
            yield _text(what)


def _text(what: str) -> str:
    return f"{what} is a part of a part, picked in more than {MOST_SELECT} characters"
