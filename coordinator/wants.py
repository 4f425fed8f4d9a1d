"""What fold must read of values it never sees: wants, answered beside a value by whoever produces it."""

from typing import Final

from argosy.coordinator.nesting import Flat, flatten, runs_pipeline
from argosy.schemas.facts import Want
from argosy.schemas.pipeline import CompiledPipeline, InputEdge, MapStep

MOST_SHARDS: Final = 100_000
"""A longer list fails its map."""


def wants_of(pipeline: CompiledPipeline, source: str) -> tuple[Want, ...]:
    """List what must be known of the value of `source` (`input` or a step), in plan order, each once."""
    return all_wants(flatten(pipeline)).get(source, ())


def all_wants(flat: Flat) -> dict[str, tuple[Want, ...]]:
    """List the wants of every source that has any.

    The value of a map has no one who sees it whole, so nothing is asked of its shards.
    """
    wants: dict[str, dict[Want, None]] = {}
    for placed in flat.steps:
        step = placed.reads
        over = step.over if isinstance(step, MapStep) else None
        for edge in () if runs_pipeline(step) else step.edges:
            # The size of a whole value travels with its payload.
            if edge.name == over or edge.select is not None:
                wants.setdefault(edge.source, {})[edge_want(edge, over)] = None
        for pick in (*step.when, *step.unless):
            wants.setdefault(pick.source, {})[Want(kind="value", select=pick.select)] = None
    returns = flat.result
    if returns.select is not None:
        asked = wants.setdefault(returns.source, {})
        asked[Want(kind="value", select=returns.select)] = None
        asked[Want(kind="size", select=returns.select)] = None
    maps = {placed.reads.name for placed in flat.steps if isinstance(placed.reads, MapStep)}
    return {source: tuple(asked) for source, asked in wants.items() if source not in maps}


def edge_want(edge: InputEdge, over: str | None) -> Want:
    """Say what fold must know for an input: the list that is spread, else the size of the selected part."""
    return Want(kind="list" if edge.name == over else "size", select=edge.select)
