"""What can be wrong with a loop, found in the line that declares it; and its condition as data."""

from argosy.pipelines.annotation import describe
from argosy.pipelines.expression import Expression
from argosy.pipelines.fit import fits
from argosy.pipelines.node import Node, Rounds
from argosy.pipelines.recorder import record
from argosy.pipelines.ref import Fixed
from argosy.schemas.errors import BuildError
from argosy.schemas.loop_checks import starts_with_hole, too_often
from argosy.schemas.pipeline import MOST_ITERATIONS


def check_rounds(node: Node) -> None:
    """Raise a BuildError for what is wrong with a loop; any other step is right."""
    if node.rounds is None:
        return
    name, start = next(iter(node.inputs.items()))
    if not isinstance(start.origin, Fixed) and start.origin.hole:
        raise starts_with_hole(node.name, str(start))
    port, output = node.runs.inputs[name], node.runs.output
    if not fits(output.annotation, port.annotation):
        raise BuildError(
            what=f"loop {node.name!r} feeds {output} back into {name!r}",
            why=f"{node.runs.name} takes {port} there: each iteration is given what the one before gave",
            do=f"let {node.runs.name} give {port}",
        )
    _check_numbers(node.name, node.rounds)
    found = _condition(node, node.rounds)
    if not fits(found.annotation, bool):
        raise BuildError(
            what=f"loop {node.name!r} has until={describe(found.annotation)}",
            why="a condition is true or not: a bool",
            do="compare: until=lambda x: x.count > 0",
        )


def condition_of(node: Node, rounds: Rounds) -> str:
    """Give the condition of a loop as JMESPath over the result of an iteration."""
    return _condition(node, rounds).text


def _condition(node: Node, rounds: Rounds) -> Expression:
    return record(rounds.until, Expression(node.runs.output.annotation))


def _check_numbers(name: str, rounds: Rounds) -> None:
    most: object = rounds.max_iterations
    if type(most) is not int or most < 1:
        raise BuildError(
            what=f"loop {name!r} has max_iterations={most!r}",
            why="so often it goes round at most: a whole number, at least 1",
            do=f"give 1 to {MOST_ITERATIONS}",
        )
    if most > MOST_ITERATIONS:
        raise too_often(name, most)
    if rounds.exhausted not in {"fail", "last"}:
        raise BuildError(
            what=f"loop {name!r} has exhausted={rounds.exhausted!r}",
            why="after the last iteration the step fails, or gives its last result",
            do="give 'fail' or 'last'",
        )
