"""Rounds of system tasks: so many at once, one round after the other."""

from typing import Final

from pydantic import TypeAdapter, ValidationError

from argosy.coordinator.kept import TaskResult
from argosy.coordinator.paging import Paging, keep
from argosy.coordinator.place import Place, System
from argosy.coordinator.turn import Turn
from argosy.schemas.facts import Facts, ValueFact, Want
from argosy.schemas.pages import RECORDS, Reduction

PARALLEL: Final = 16
"""System tasks of one round of one task that are under way at once."""
_RECORDS: Final = TypeAdapter(tuple[Reduction, ...])


def next_round(turn: Turn, above: Place, paging: Paging, length: int) -> None:
    """Begin a round of numbered system tasks."""
    paging.round, paging.length, paging.next, paging.done = paging.round + 1, length, 0, 0
    fill(turn, above, paging)


def next_plan(turn: Turn, above: Place, paging: Paging) -> None:
    """Begin a round of one that plans."""
    paging.round, paging.length, paging.next, paging.done = paging.round + 1, 0, 0, 0
    keep(turn.state, above.local, paging)
    turn.order(Place(above.step, above.shard, System(above, paging.round, None)))


def fill(turn: Turn, above: Place, paging: Paging) -> None:
    """Order as many of a round as may run, and keep how far it is."""
    first = paging.next
    count = min(paging.length - first, PARALLEL - (first - paging.done))
    if count > 0:
        paging.next = first + count
        turn.order_pages(above, paging.round, first, count)
    keep(turn.state, above.local, paging)


def end(turn: Turn, above: Place, result: TaskResult) -> tuple[Place, TaskResult] | None:
    """End the task that a system task was made for; None if it is over already."""
    task = turn.state.task(above.local)
    if task is None or task.letter != "p":
        return None
    turn.end_task(above, "k" if result.fault is None else "f", task, result)
    return above, result


def told(facts: Facts, want: Want) -> object:
    """Read what a plan says of itself; None if it doesn't."""
    fact = facts.get(want.key)
    return fact.value if isinstance(fact, ValueFact) else None


def records_in(facts: Facts) -> tuple[Reduction, ...]:
    """Read the records of a plan; none if it has none that can be read."""
    try:
        return _RECORDS.validate_python(told(facts, RECORDS) or ())
    except ValidationError:
        return ()


def result_tokens(turn: Turn, above: Place, round_: int, number: int) -> int:
    """Count what a system task left."""
    place = Place(above.step, above.shard, System(above, round_, number))
    payload = turn.state.result(place.local).payload
    return 0 if payload is None else payload.tokens
