"""What a system task is sent: the inputs of the task that it was made for, one of them cut; or results to be merged."""

from collections.abc import Iterator

from argosy.coordinator.inputs import EMPTY, Given, inputs_of
from argosy.coordinator.pages import merged
from argosy.coordinator.paging import Paging, paging_of
from argosy.coordinator.place import Place, System
from argosy.coordinator.plan import Plan
from argosy.coordinator.state import RunState
from argosy.schemas.facts import Want
from argosy.schemas.pages import PLAN_WANTS
from argosy.schemas.payload import Payload
from argosy.schemas.task import PageOf, SystemOrder

RESULTS = "results"
"""The name of the one input of a task that joins lists."""


def inputs_for(state: RunState, plan: Plan, place: Place) -> tuple[Given, ...]:
    """Build the inputs of any task, in declared order. The same for every attempt of it."""
    system = place.system
    if system is None:
        return inputs_of(state, plan, place.step, place.shard)
    paging = _paging(state, system)
    if system.round == 0 or system.number is None:
        return inputs_for(state, plan, system.above)
    if system.round > 1:
        entries = tuple(_result(state, task) for task in sources(state, place))
        name = RESULTS if place.merge is None else place.merge.parameter
        return (Given(name=name, source=EMPTY, gathered=entries),)
    page = PageOf(plan=_result(state, f"{system.above.local}/p0"), number=system.number, of=paging.length)
    return tuple(
        given._replace(pages=(*given.pages, page)) if given.name == paging.input else given
        for given in inputs_for(state, plan, system.above)
    )


def sources(state: RunState, place: Place) -> Iterator[str]:
    """Name the tasks whose results a merge takes; none of any other task."""
    system = place.system
    if system is not None and system.round > 1 and system.number is not None:
        for number in merged(_paging(state, system), system.number):
            yield Place(place.step, place.shard, System(system.above, system.round - 1, number)).local


def order_for(state: RunState, place: Place) -> SystemOrder | None:
    """Say what the worker itself is to do; None where an agent's function runs."""
    system = place.system
    if system is None or system.round == 1 or place.merge is not None:
        return None
    if system.round == 0:
        return SystemOrder(kind="pages", room=_paging(state, system).room)
    return SystemOrder(kind="join")


def wants_for(state: RunState, place: Place) -> tuple[Want, ...]:
    """List what a task is asked about its result: the one that ends another gives what that is asked."""
    system = place.system
    if system is None:
        return place.step.wants
    if system.round == 0:
        return PLAN_WANTS
    return wants_for(state, system.above) if _paging(state, system).length == 1 else ()


def factor_for(state: RunState, place: Place) -> int:
    """Return the token factor that a task is planned with, per mille."""
    if place.system is None or place.merge is not None:
        return state.pinned.factors.get(place.agent, 1000)
    return _paging(state, place.system).factor


def _paging(state: RunState, system: System) -> Paging:
    found = paging_of(state, system.above.local)
    if found is None:
        message = f"{system.above.local} was never cut into pages"
        raise LookupError(message)
    return found


def _result(state: RunState, local: str) -> Payload:
    payload = state.result(local).payload
    if payload is None:
        message = f"{local} succeeded without a payload"
        raise LookupError(message)
    return payload
