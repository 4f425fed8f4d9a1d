"""What the edges and joins of a pipeline say, found the slow way: functions of the pipeline and what has ended."""

from collections.abc import Set as AbstractSet

from argosy.schemas.edges import INPUT, Join
from argosy.schemas.pipeline import CompiledPipeline, MapStep, Step


def asks_given(step: Step) -> bool:
    """Say whether a step must know what its pipeline is given: its conditions read it, or it spreads it."""
    over = step.over if isinstance(step, MapStep) else None
    return any(edge.source == INPUT and edge.name == over for edge in step.edges) or any(
        pick.source == INPUT for pick in (*step.when, *step.unless)
    )


def is_required(step: Step, source: str) -> bool:
    over = step.over if isinstance(step, MapStep) else None
    return (
        any(edge.source == source and (not edge.hole or edge.name == over) for edge in step.edges)
        or any(after.source == source and not after.hole for after in step.after)
        or any(pick.source == source for pick in (*step.when, *step.unless))
    )


def is_needed(pipeline: CompiledPipeline, name: str, over: AbstractSet[str]) -> bool:
    """Say whether a step's result is still wanted by one that is not `over`: that neither fired nor ended."""
    return name == pipeline.returns.source or any(
        name in child.parents() and child.name not in over and is_needed(pipeline, child.name, over)
        for child in pipeline.steps
    )


def judge(join: Join, total: int, good: int, gone: int, *, late: bool) -> str:
    least = join.count or 0
    if join.share_per_mille is not None:
        least = -(-join.share_per_mille * total // 1000)
    if join.policy in {"any", "quorum"}:
        least = 1 if join.policy == "any" else least
        if good >= least:
            return "met"
        return "failed" if late or good + total - gone < least else "open"
    if gone < total and not late:
        return "open"
    return "met" if good >= least else "failed"
