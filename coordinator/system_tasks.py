"""What a system task is sent: inputs of the task that it was made for, cut or summarised; or results to be merged."""

from collections.abc import Iterator

from argosy.coordinator.inputs import EMPTY, Given, inputs_of
from argosy.coordinator.pages import merged
from argosy.coordinator.paging import Paging, paging_of
from argosy.coordinator.place import Place, System
from argosy.coordinator.plan import Plan
from argosy.coordinator.state import RunState
from argosy.schemas.facts import Want
from argosy.schemas.pages import PLAN_WANTS, SUMMARY_WANTS, Reduction
from argosy.schemas.payload import Payload
from argosy.schemas.task import PageOf, SummariesOf, SystemOrder

RESULTS = "results"
"""The name of the one input of a task that joins lists."""


def inputs_for(state: RunState, plan: Plan, place: Place) -> tuple[Given, ...]:
    """Build the inputs of any task, in declared order. The same for every attempt of it."""
    system = place.system
    if system is None:
        return inputs_of(state, plan, place.step, place.shard)
    above, paging = system.above, _paging(state, system)
    match place.role:
        case "plan" | "whole":
            return _reduced(state, plan, system)
        case "summary":
            return _summary(state, plan, system)
        case "merge":
            entries = tuple(_result(state, task) for task in sources(state, place))
            name = RESULTS if place.merge is None else place.merge.parameter
            return (Given(name=name, source=EMPTY, gathered=entries),)
        case _:
            number, planned = system.number or 0, _result(state, f"{above.local}/p0")
            page = PageOf(plan=planned, number=number, of=paging.length)
            return tuple(
                given._replace(pages=(*given.pages, page)) if given.name == paging.input else given
                for given in inputs_for(state, plan, above)
            )


def _reduced(state: RunState, plan: Plan, system: System) -> tuple[Given, ...]:
    """Give the inputs of the task above with the summaries of all rounds before."""
    found = {given.name: given for given in inputs_for(state, plan, system.above)}
    for planned, records in enumerate(_paging(state, system).records):
        round_, first = 2 * planned, 0
        if round_ >= system.round:
            break
        for record in records:
            numbers = range(first, first + record.pages)
            given, first = found[record.input], numbers.stop
            made = tuple(_result(state, _under(system, round_ + 1, number)) for number in numbers)
            cut = SummariesOf(
                plan=_result(state, _under(system, round_)), first=numbers.start, summaries=made
            )
            found[record.input] = given._replace(pages=(*given.pages, cut))
    return tuple(found.values())


def _summary(state: RunState, plan: Plan, system: System) -> tuple[Given, ...]:
    """Give the page that is summarised, and nothing else."""
    number, before = system.number or 0, System(system.above, system.round - 1, None)
    paging = _paging(state, system)
    page = PageOf(plan=_result(state, _under(system, before.round)), number=number, of=paging.length)
    past = 0
    for record in paging.records[before.round // 2]:
        past += record.pages
        if number < past:
            (given,) = (given for given in _reduced(state, plan, before) if given.name == record.input)
            return (given._replace(pages=(*given.pages, page)),)
    message = f"no input of {system.above.local} has page {number}"
    raise LookupError(message)


def _under(system: System, round_: int, number: int | None = None) -> str:
    above = system.above
    return Place(above.step, above.shard, System(above, round_, number)).local


def sources(state: RunState, place: Place) -> Iterator[str]:
    """Name the tasks whose results a merge takes, or the summaries that a task is given; none of any other."""
    system = place.system
    if system is None or system.number is None:
        return
    if place.role == "merge":
        for number in merged(_paging(state, system), system.number):
            yield _under(system, system.round - 1, number)
    elif place.role == "whole":
        records = _paging(state, system).records[system.round // 2 - 1]
        for number in range(sum(record.pages for record in records)):
            yield _under(system, system.round - 1, number)


def order_for(state: RunState, place: Place) -> SystemOrder | None:
    """Say what the worker itself is to do; None where an agent's function runs."""
    system = place.system
    if system is None:
        return None
    match place.role:
        case "plan":
            summarise = place.step.terms.above == "summarise"
            return SystemOrder(kind="summaries" if summarise else "pages", room=_paging(state, system).room)
        case "summary":
            return SystemOrder(kind="summary")
        case "merge" if place.merge is None:
            return SystemOrder(kind="join")
        case _:
            return None


def reduced_for(state: RunState, place: Place) -> tuple[Reduction, ...]:
    """List what was done to the inputs of a task, in the order in which it was done."""
    system = place.system
    if system is None or place.role == "merge":
        return ()
    before = reduced_for(state, system.above)
    rounds = _paging(state, system).records
    if place.step.terms.above == "summarise":
        rounds = rounds[: system.round // 2]
    elif system.round == 0:
        rounds = ()
    return (*before, *(record for records in rounds for record in records))


def wants_for(state: RunState, place: Place) -> tuple[Want, ...]:
    """List what a task is asked about its result: the one that ends another gives what that is asked."""
    system = place.system
    if system is None:
        return place.step.wants
    match place.role:
        case "plan":
            return SUMMARY_WANTS if place.step.terms.above == "summarise" else PLAN_WANTS
        case "summary":
            return ()
        case _:
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
