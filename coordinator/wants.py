"""What fold must read of values it never sees: wants, answered beside a value by whoever produces it.

The list that a map makes, and the item that a shard's pipeline is given, have no producer who sees them: the lane
itself looks at those (`look`).
"""

from collections.abc import Iterable
from typing import Final

from argosy.coordinator.nesting import Flat, flatten, is_item, part
from argosy.schemas.edges import InputEdge
from argosy.schemas.facts import Want
from argosy.schemas.pipeline import CompiledPipeline, LoopStep, MapStep

PLANNED: Final = Want(kind="value")
"""What must be known of what a planner returns: all of it."""
MOST_SHARDS: Final = 100_000
"""A longer list fails its map."""


def wants_of(pipeline: CompiledPipeline, source: str) -> tuple[Want, ...]:
    """List what must be known of the value of `source` (`input` or a step), in plan order, each once."""
    return all_wants(flatten(pipeline)).get(source, ())


def all_wants(flat: Flat) -> dict[str, tuple[Want, ...]]:
    """List the wants of every source that has any.

    For a mere size nobody looks: what a part of a list or of an item takes is found by the worker then.
    """
    wants: dict[str, dict[Want, None]] = {}
    maps = flat.maps()
    for placed in flat.steps:
        step = placed.reads
        over = step.over if isinstance(step, MapStep) else None
        for edge in step.edges if step.pipeline is None or isinstance(step, MapStep | LoopStep) else ():
            # The size of a whole value travels with its payload; each item of a whole map has its own.
            if edge.select is not None or (edge.name == over and edge.source not in maps):
                wants.setdefault(edge.source, {})[edge_want(edge, over)] = None
        for pick in (*step.when, *step.unless):
            if pick.source not in flat.known:
                wants.setdefault(pick.source, {})[Want(kind="value", select=pick.select)] = None
    for returns in (*flat.results.values(), flat.result):
        if returns.select is not None:
            asked = wants.setdefault(returns.source, {})
            asked[Want(kind="value", select=returns.select)] = None
            asked[Want(kind="size", select=returns.select)] = None
    _ask_iterations(flat, wants)
    return {
        source: tuple(asked)
        for source, asked in wants.items()
        if not (source in maps or is_item(source)) or any(want.kind != "size" for want in asked)
    }


def _ask_iterations(flat: Flat, wants: dict[str, dict[Want, None]]) -> None:
    loops = [placed.reads for placed in flat.steps if isinstance(placed.reads, LoopStep)]
    for loop in reversed(loops):  # one in a loop comes before that
        value = flat.results[f"{loop.name}~*"]
        for want in loop_wants(loop, wants.get(loop.name, ())):
            wants.setdefault(value.source, {})[want_in(value.select, want)] = None


def loop_wants(loop: LoopStep, asked: Iterable[Want]) -> tuple[Want, ...]:
    """List what must be known of the value of each iteration: also what is asked of the loop's, which it may be."""
    return tuple(dict.fromkeys((*asked, Want(kind="value", select=loop.until))))


def want_in(select: str | None, want: Want) -> Want:
    """Ask the same of a value of which a part is meant."""
    return want.model_copy(update={"select": part(select, want.select)})


def edge_want(edge: InputEdge, over: str | None) -> Want:
    """Say what fold must know for an input: the list that is spread, else the size of the selected part."""
    return Want(kind="list" if edge.name == over else "size", select=edge.select)
