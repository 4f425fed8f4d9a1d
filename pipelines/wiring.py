"""What can be wrong with one step, found in the line that declares it."""

from typing import Any

from argosy.pipelines.annotation import Annotation, describe, is_any, is_list, item_of, members
from argosy.pipelines.fit import fits
from argosy.pipelines.node import Node
from argosy.pipelines.planning import check_planning
from argosy.pipelines.port import Port
from argosy.pipelines.ref import Fixed, Owner, Ref
from argosy.pipelines.rounds import check_rounds
from argosy.schemas.edges import INPUT
from argosy.schemas.errors import BuildError, InvalidInput
from argosy.schemas.pipeline import MOST_PARALLEL
from argosy.schemas.pipeline_checks import join_too_large, join_without_holes, too_parallel
from argosy.schemas.step_checks import waits_for_what_is_there


def check(node: Node, owner: Owner) -> None:
    """Raise a BuildError for what is wrong with a step by itself."""
    over = next(iter(node.inputs), None) if node.max_parallel is not None else None
    for name, ref in node.inputs.items():
        check_owner(ref, owner)
        _check_input(node, name, ref, spread=name == over)
    for ref in node.after:
        check_owner(ref, owner)
        _check_waits(node, ref)
    for option, conditions in (("when", node.when), ("unless", node.unless)):
        for ref in conditions:
            check_owner(ref, owner)
            _check_condition(node, option, ref)
    _check_join(node)
    _check_parallel(node)
    check_rounds(node)
    check_planning(node)


def _may_be_hole(ref: Ref[Any]) -> bool:
    return not isinstance(ref.origin, Fixed) and ref.origin.hole


def check_owner(ref: Ref[Any], owner: Owner) -> None:
    """Raise a BuildError for a ref of another pipeline."""
    if isinstance(ref.origin, Fixed) or ref.origin.owner is owner:
        return
    raise BuildError(
        what=f"a ref of pipeline {ref.origin.owner.name!r} in {owner.name!r}",
        why="a step reads only its own run",
        do=f"pass the value in through {owner.name}.input",
    )


def _check_input(node: Node, name: str, ref: Ref[Any], *, spread: bool) -> None:
    port = node.runs.inputs[name]
    if isinstance(ref.origin, Fixed):
        _check_constant(node, name, ref, spread=spread)
        return
    given = _spread(node, ref) if spread else ref.annotation
    if not fits(given, port.annotation):
        raise _misfit(node, name, describe(given), port)


def _spread(node: Node, ref: Ref[Any]) -> Annotation:
    found = members(ref.annotation)
    if all(is_any(member) or is_list(member) for member in found):
        return Any if any(is_any(member) for member in found) else item_of(found[0])
    raise BuildError(
        what=f"map {node.name!r} spreads {describe(ref.annotation)}",
        why="a map makes a task of each item of a list",
        do="pass over=<a ref of a list>, or .pick(...) the field that is one",
    )


def _check_constant(node: Node, name: str, ref: Ref[Any], *, spread: bool) -> None:
    port = node.runs.inputs[name]
    value = ref.origin.value if isinstance(ref.origin, Fixed) else None
    if spread and not isinstance(value, list):
        _spread(node, ref)
    try:
        for item in value if spread and isinstance(value, list) else [value]:
            port.decode(item, name=name)
    except InvalidInput as error:
        raise _misfit(node, name, f"{ref} ({error})", port) from None


def _misfit(node: Node, name: str, given: str, port: Port[Any]) -> BuildError:
    return BuildError(
        what=f"input {name!r} of step {node.name!r} is {given}",
        why=f"{node.runs.name} takes {port}",
        do="pass another ref, or .pick(...) the field that fits",
    )


def _check_waits(node: Node, ref: Ref[Any]) -> None:
    if isinstance(ref.origin, Fixed) or ref.origin.source == INPUT:
        raise waits_for_what_is_there(node.name, str(ref))


def _check_condition(node: Node, option: str, ref: Ref[Any]) -> None:
    if isinstance(ref.origin, Fixed):
        raise BuildError(
            what=f"step {node.name!r} has {option}={ref}",
            why="a condition reads a value of the run",
            do="decide it in Python: declare the step, or don't",
        )
    if not fits(ref.annotation, bool) or _may_be_hole(ref):
        raise BuildError(
            what=f"step {node.name!r} has {option}={describe(ref.annotation)}",
            why="a condition is true or not: a bool",
            do="compare in a pick: ref.pick(lambda x: x.count > 0)",
        )


def _check_parallel(node: Node) -> None:
    shards: object = node.max_parallel
    if shards is None or (type(shards) is int and 1 <= shards <= MOST_PARALLEL):
        return
    if type(shards) is int and shards > MOST_PARALLEL:
        raise too_parallel(node.name, shards)
    raise BuildError(
        what=f"map {node.name!r} has max_parallel={shards!r}",
        why="so many shards are under way at once: a whole number, at least 1",
        do=f"give 1 to {MOST_PARALLEL}",
    )


def _check_join(node: Node) -> None:
    if node.join is None or node.max_parallel is not None:
        return
    holes = sum(_may_be_hole(ref) for ref in node.inputs.values())
    if not holes:
        raise join_without_holes(node.name, node.join.join.policy)
    if (node.join.join.count or 0) > holes:
        raise join_too_large(node.name, node.join.join.count or 0, holes)
