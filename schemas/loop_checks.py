"""Whether a loop of a compiled pipeline begins with a value, and how often it may go round."""

from argosy.schemas.edges import InputEdge
from argosy.schemas.errors import BuildError
from argosy.schemas.pipeline import MOST_ITERATIONS, LoopStep, Step


def check_loop(step: Step, pipeline: str) -> None:
    """Raise a BuildError for the first thing that is wrong with a loop; any other step is right."""
    if not isinstance(step, LoopStep):
        return
    first = next((given for given in step.inputs if given.name == step.over), None)
    if first is None:
        raise BuildError(
            what=f"loop {step.name!r} of {pipeline!r} feeds back into {step.over!r}",
            why=f"its inputs are {', '.join(given.name for given in step.inputs) or 'none'}",
            do="let `over` name one of them",
        )
    if isinstance(first, InputEdge) and first.hole:
        raise starts_with_hole(step.name, f"{step.over!r}")
    if step.max_iterations > MOST_ITERATIONS:
        raise too_often(step.name, step.max_iterations)


def starts_with_hole(step: str, what: str) -> BuildError:
    """Say that a loop may have nothing to begin with."""
    return BuildError(
        what=f"loop {step!r} starts with {what}, which may be a hole",
        why="each iteration is given what the one before gave: the first one needs a value too",
        do="start with a ref that has a value, or make one of the hole in a step before",
    )


def too_often(step: str, iterations: int) -> BuildError:
    """Say that a loop would go on for too long."""
    return BuildError(
        what=f"loop {step!r} has max_iterations={iterations}",
        why=f"a loop must end; at most {MOST_ITERATIONS} iterations are possible",
        do=f"give 1 to {MOST_ITERATIONS}",
    )
