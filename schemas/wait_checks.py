"""Whether the steps that wait stand right in a compiled pipeline: what is read of them, and what they read."""

from collections.abc import Iterator

from argosy.schemas.edges import InputEdge
from argosy.schemas.errors import BuildError
from argosy.schemas.pipeline import ApprovalStep, CompiledPipeline, SleepStep, Step


def check_waits(pipeline: CompiledPipeline) -> None:
    """Raise a BuildError for the first thing that is wrong with a step that waits, or with one that reads a sleep."""
    sleeps = {step.name for step in pipeline.steps if isinstance(step, SleepStep)}
    if pipeline.returns.source in sleeps:
        raise reads_a_sleep(f"the result of {pipeline.name!r}", pipeline.returns.source)
    for step in pipeline.steps:
        for source in _read(step):
            if source in sleeps:
                raise reads_a_sleep(f"step {step.name!r} of {pipeline.name!r}", source)
        if isinstance(step, ApprovalStep):
            for edge in step.inputs:
                if isinstance(edge, InputEdge) and edge.hole:
                    raise approves_a_hole(step.name)


def _read(step: Step) -> Iterator[str]:
    yield from (edge.source for edge in step.edges)
    yield from (pick.source for pick in (*step.when, *step.unless))


def reads_a_sleep(who: str, sleep: str) -> BuildError:
    """Say that a sleep has no value."""
    return BuildError(
        what=f"{who} reads the sleep {sleep!r}",
        why="a sleep has no value: it can only be waited for",
        do="name it in after= of the step that is to wait",
    )


def approves_a_hole(step: str) -> BuildError:
    """Say that a hole can't be approved."""
    return BuildError(
        what=f"approval {step!r} is about a value that may be a hole",
        why="an approval names the SHA-256 of the value that it approves, and a hole has none",
        do="pass the ref without .or_hole(): where there is no value, the approval is skipped",
    )
