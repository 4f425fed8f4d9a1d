"""What fold must read of values it never sees: wants, answered beside a value by whoever produces it."""

from typing import Final

from argosy.schemas.facts import Want
from argosy.schemas.pipeline import CompiledPipeline, InputEdge, MapStep

MOST_SHARDS: Final = 100_000
"""A longer list fails its map."""


def wants_of(pipeline: CompiledPipeline, source: str) -> tuple[Want, ...]:
    """List what must be known of the value of `source` (`input` or a step), in plan order, each once.

    The value of a map has no one who sees it whole, so nothing is asked of its shards.
    """
    if any(step.name == source and isinstance(step, MapStep) for step in pipeline.steps):
        return ()
    wants: list[Want] = []
    for step in pipeline.steps:
        over = step.over if isinstance(step, MapStep) else None
        wants += [edge_want(edge, over) for edge in step.edges if edge.source == source and _asks(edge, over)]
        conditions = (*step.when, *step.unless)
        wants += [Want(kind="value", select=pick.select) for pick in conditions if pick.source == source]
    returns = pipeline.returns
    if returns.source == source and returns.select is not None:
        wants += [Want(kind="value", select=returns.select), Want(kind="size", select=returns.select)]
    return tuple(dict.fromkeys(wants))


def edge_want(edge: InputEdge, over: str | None) -> Want:
    """Say what fold must know for an input: the list that is spread, else the size of the selected part."""
    return Want(kind="list" if edge.name == over else "size", select=edge.select)


def _asks(edge: InputEdge, over: str | None) -> bool:
    # The size of a whole value travels with its payload.
    return edge.name == over or edge.select is not None
