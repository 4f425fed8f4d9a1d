"""Tasks that are too large: cut into pages, each a task of its own, their results merged into one. From rules 2 on.

A system task lies under the task that it was made for: `<task>/p0` plans the pages, `<task>/p1.<n>` are they, and
`<task>/p2.<n>` and so on merge neighbours until one result is left, which is the task's. A page that is found too large
by its worker is cut in turn, under its own name: no name is ever used for two things.
"""

from typing import Final

from argosy.coordinator.capacity import REFUSED, refusal, room_of
from argosy.coordinator.decision import Unclaim, Withdraw
from argosy.coordinator.inputs import item_tokens, tokens_of
from argosy.coordinator.kept import TaskResult, TaskState
from argosy.coordinator.paging import Paging, keep, paging_of
from argosy.coordinator.place import Place, System
from argosy.coordinator.plan import MOST_DEPTH
from argosy.coordinator.step_plan import StepPlan
from argosy.coordinator.turn import Turn
from argosy.schemas.facts import Facts, ValueFact, Want
from argosy.schemas.fault import Fault
from argosy.schemas.neighbours import together
from argosy.schemas.pages import INPUT, MOST_PAGES, NUMBER

PARALLEL: Final = 16
"""Pages of one task, or merges of them, that are under way at once."""
EACH_TOKENS: Final = 2
"""What a result takes in a list of results, beside its own tokens."""


def too_large(turn: Turn, step: StepPlan, item: int = 0) -> Fault | None:
    """Say why a task doesn't fit its agent's window, if it doesn't; `item`: tokens of what a shard is given."""
    window = turn.state.pinned.windows.get(step.agent)
    if window is None:
        return None
    tokens = tokens_of(turn.state, turn.plan, step) + item
    return refusal(step.agent, step.terms, window, _factor(turn, step.agent), tokens)


def may_be_cut(turn: Turn, place: Place) -> bool:
    """Say whether a task that is too large is cut into pages: by its contract, and by how often that was done."""
    cut = turn.pages and place.step.terms.above == "paginate" and place.depth < MOST_DEPTH
    return cut and (place.system is None or place.system.round == 1) and _window(turn, place) is not None


def begin(turn: Turn, place: Place, measured: int | None = None) -> None:
    """Begin to cut a task, before it was ever ordered or after its worker measured an overflow."""
    factor, planned = _planned(turn, place)
    if measured is not None and planned:
        # A twentieth more than measured: the pages of another part of the text may be worse.
        measured_factor = (factor * measured * 21 + planned * 20 - 1) // (planned * 20)
        factor = min(max(factor + 1, measured_factor), 2 * factor)
    room = room_of(place.terms, _window(turn, place) or 0) * 1000 // factor
    before = turn.state.task(place.local)
    if before is None:
        turn.count(tasks=1)
        before = TaskState("p", 0, 0, turn.event.offset)
    else:
        turn.decisions += [Withdraw(place.local, place.agent), Unclaim(place.local)]
    turn.state.put_task(place.local, before.become("p"))
    keep(turn.state, place.local, Paging(factor=factor, room=room, next=1))
    turn.order(Place(place.step, place.shard, System(place, 0, None)))


def ended(turn: Turn, place: Place, result: TaskResult) -> tuple[Place, TaskResult] | None:
    """Take the end of a system task into account; if the task that it was made for ends by it, return that one's."""
    system = place.system
    paging = None if system is None else paging_of(turn.state, system.above.local)
    if system is None or paging is None:
        return None
    above = system.above
    if result.fault is not None:
        return _end(turn, above, _failed(place, paging, result.fault))
    if paging.round == 0:
        planned = _plan(turn, above, paging, result)
        return None if planned is None else _end(turn, above, TaskResult(fault=planned))
    paging.done += 1
    keep(turn.state, above.local, paging)
    if paging.done < paging.length:
        _fill(turn, above, paging)
        return None
    if paging.length == 1:
        return _end(turn, above, TaskResult(result.payload, result.facts, None, result.traceparent))
    refused = _merge(turn, above, paging)
    return None if refused is None else _end(turn, above, TaskResult(fault=refused))


def merged(paging: Paging, number: int) -> range:
    """Name, by number, the results of the round before that a merge takes."""
    past = paging.starts[number + 1] if number + 1 < len(paging.starts) else paging.before
    return range(paging.starts[number], past)


def _end(turn: Turn, above: Place, result: TaskResult) -> tuple[Place, TaskResult] | None:
    task = turn.state.task(above.local)
    if task is None or task.letter != "p":
        return None
    turn.end_task(above, "k" if result.fault is None else "f", task, result)
    return above, result


def _plan(turn: Turn, above: Place, paging: Paging, result: TaskResult) -> Fault | None:
    """Order the pages of a plan; a fault if it can't be one."""
    number, cut = _value(result.facts, NUMBER), _value(result.facts, INPUT)
    if type(number) is not int or not isinstance(cut, str) or not 1 <= number <= MOST_PAGES:
        message = f"{above.local} was to be cut into pages, and its plan has {number} of {cut}; at most {MOST_PAGES}"
        return Fault(code=REFUSED, message=message)
    paging.input = cut
    _next_round(turn, above, paging, number)
    return None


def _merge(turn: Turn, above: Place, paging: Paging) -> Fault | None:
    """Order the merges of a round's results; a fault if two of them are too large for one merge."""
    merge = above.step.work.merge
    starts: tuple[int, ...] = (0,)
    if merge is not None:
        found = [_result_tokens(turn, above, paging.round, page) for page in range(paging.length)]
        window = turn.state.pinned.windows.get(merge.agent)
        room = sum(found) + EACH_TOKENS * len(found)
        if window is not None:
            room = room_of(merge.terms, window) * 1000 // _factor(turn, merge.agent)
        groups = tuple(together(found, room, each=EACH_TOKENS, least=2))
        largest = max(group.tokens for group in groups)
        if largest > room:
            message = f"{merge.agent}: two results of pages of {above.local} are {largest} tokens"
            message += f", and there is room for {room}"
            return Fault(code=REFUSED, message=message, figures={"tokens": largest, "room": room})
        starts = tuple(group.first for group in groups)
    paging.before, paging.starts = paging.length, starts
    _next_round(turn, above, paging, len(starts))
    return None


def _next_round(turn: Turn, above: Place, paging: Paging, length: int) -> None:
    paging.round, paging.length, paging.next, paging.done = paging.round + 1, length, 0, 0
    _fill(turn, above, paging)


def _fill(turn: Turn, above: Place, paging: Paging) -> None:
    first = paging.next
    count = min(paging.length - first, PARALLEL - (first - paging.done))
    if count > 0:
        paging.next = first + count
        turn.order_pages(above, paging.round, first, count)
    keep(turn.state, above.local, paging)


def _failed(place: Place, paging: Paging, fault: Fault) -> TaskResult:
    match place.system:
        case System(round=0):
            what = "its pages could not be planned"
        case System(round=1, number=int(number)):
            what = f"page {number + 1} of {paging.length}"
        case _:
            what = "a merge of its pages"
    return TaskResult(
        fault=fault.model_copy(update={"message": f"{what}: {fault.message}", "retriable": False})
    )


def _value(facts: Facts, want: Want) -> object:
    fact = facts.get(want.key)
    return fact.value if isinstance(fact, ValueFact) else None


def _result_tokens(turn: Turn, above: Place, round_: int, number: int) -> int:
    place = Place(above.step, above.shard, System(above, round_, number))
    payload = turn.state.result(place.local).payload
    return 0 if payload is None else payload.tokens


def _planned(turn: Turn, place: Place) -> tuple[int, int]:
    """Tell the factor that a task was planned with, and the tokens of its inputs as far as they were known."""
    if place.system is not None:
        paging = paging_of(turn.state, place.system.above.local)
        if paging is not None:
            return paging.factor, paging.room
    step, factor = place.step, _factor(turn, place.agent)
    item = item_tokens(turn.state, turn.plan, step, place.shard)
    known = place.shard is None or item > 0
    return factor, tokens_of(turn.state, turn.plan, step) + item if known else 0


def _window(turn: Turn, place: Place) -> int | None:
    return turn.state.pinned.windows.get(place.agent)


def _factor(turn: Turn, agent: str) -> int:
    return turn.state.pinned.factors.get(agent, 1000)
