"""Tasks that are too large: cut into pages, each a task of its own, their results merged into one. From rules 2 on.

What is summarised begins and ends here too; the rest of it is in `summaries`.

A system task lies under the task that it was made for: `<task>/p0` plans the pages, `<task>/p1.<n>` are they, and
`<task>/p2.<n>` and so on merge neighbours until one result is left, which is the task's. A page that is found too large
by its worker is cut in turn, under its own name: no name is ever used for two things.
"""

from typing import Final

from pydantic import ValidationError

from argosy.coordinator import summaries
from argosy.coordinator.capacity import REFUSED, refusal, room_of
from argosy.coordinator.decision import Unclaim, Withdraw
from argosy.coordinator.input_tokens import item_tokens, tokens_of
from argosy.coordinator.kept import TaskResult, TaskState
from argosy.coordinator.paging import Paging, keep, paging_of
from argosy.coordinator.place import Place, System
from argosy.coordinator.plan import MOST_DEPTH
from argosy.coordinator.rounds import end, fill, next_round, records_in, result_tokens, told
from argosy.coordinator.step_plan import StepPlan
from argosy.coordinator.turn import Turn
from argosy.schemas.fault import Fault
from argosy.schemas.neighbours import together
from argosy.schemas.pages import INPUT, MOST_PAGES, NUMBER, PagePlan
from argosy.schemas.payload import Inline

EACH_TOKENS: Final = 2
"""What a result takes in a list of results, beside its own tokens."""
PROMPT_PER_MILLE: Final = 50
"""Of the room that what is cut leaves free: an agent has a prompt of its own around its inputs."""
MOST_RAISED: Final = 4
"""By one overflow: what was measured may be nonsense."""
_MAY_BE_CUT: Final = frozenset({"task", "page", "whole"})


def too_large(turn: Turn, step: StepPlan, item: int = 0) -> Fault | None:
    """Say why a task doesn't fit its agent's window, if it doesn't; `item`: tokens of what a shard is given."""
    window = turn.state.pinned.windows.get(step.agent)
    if window is None:
        return None
    tokens = tokens_of(turn.state, turn.plan, step) + item
    return refusal(step.agent, step.terms, window, _factor(turn, step.agent), tokens)


def may_be_cut(turn: Turn, place: Place) -> bool:
    """Say whether a task that is too large is cut into pages: by its contract, and by how often that was done."""
    cut = turn.pages and place.step.terms.above != "refuse" and place.depth < MOST_DEPTH
    return cut and place.role in _MAY_BE_CUT and _window(turn, place) is not None


def begin(turn: Turn, place: Place, measured: int | None = None) -> None:
    """Begin to cut a task, before it was ever ordered or after its worker measured an overflow."""
    outer = None if place.system is None else paging_of(turn.state, place.system.above.local)
    factor, planned = _planned(turn, place, outer)
    if measured is not None and planned:
        # A twentieth more than measured: the pages of another part of the text may be worse.
        measured_factor = (factor * measured * 21 + planned * 20 - 1) // (planned * 20)
        factor = min(max(factor + 1, measured_factor), MOST_RAISED * factor)
    room = room_of(place.terms, _window(turn, place) or 0) * 1000 // factor
    room -= room * PROMPT_PER_MILLE // 1000
    before = turn.state.task(place.local)
    if before is None:
        turn.count(tasks=1)
        before = TaskState("p", 0, 0, turn.event.offset)
    else:
        turn.decisions += [Withdraw(place.local, place.agent), Unclaim(place.local)]
    turn.state.put_task(place.local, before.become("p"))
    rounds = 0 if outer is None else outer.summaries
    keep(turn.state, place.local, Paging(factor=factor, room=room, next=1, summaries=rounds))
    turn.order(Place(place.step, place.shard, System(place, 0, None)))


def ended(turn: Turn, place: Place, result: TaskResult) -> tuple[Place, TaskResult] | None:
    """Take the end of a system task into account; if the task that it was made for ends by it, return that one's."""
    system = place.system
    paging = None if system is None else paging_of(turn.state, system.above.local)
    if system is None or paging is None:
        return None
    above = system.above
    if result.fault is not None:
        return end(turn, above, _failed(place, paging, result.fault))
    match place.role:
        case "plan" if place.step.terms.above == "summarise":
            refused = summaries.planned(turn, above, paging, result)
        case "plan":
            refused = _plan(turn, above, paging, result)
        case "summary":
            refused = summaries.summarised(turn, above, paging)
        case _ if paging.length == 1:
            whole = TaskResult(result.payload, result.facts, None, result.traceparent)
            return end(turn, above, whole)
        case _:
            refused = _done(turn, above, paging)
    return None if refused is None else end(turn, above, TaskResult(fault=refused))


def merged(paging: Paging, number: int) -> range:
    """Name, by number, the results of the round before that a merge takes."""
    past = paging.starts[number + 1] if number + 1 < len(paging.starts) else paging.before
    return range(paging.starts[number], past)


def _done(turn: Turn, above: Place, paging: Paging) -> Fault | None:
    """Go on after one of several pages or merges: with more of them, or with the merges of the round's results."""
    paging.done += 1
    if paging.done < paging.length:
        fill(turn, above, paging)
        return None
    return _merge(turn, above, paging)


def _plan(turn: Turn, above: Place, paging: Paging, result: TaskResult) -> Fault | None:
    """Order the pages of a plan; a fault if it can't be one."""
    number, cut = told(result.facts, NUMBER), told(result.facts, INPUT)
    if type(number) is not int or not isinstance(cut, str) or not 1 <= number <= MOST_PAGES:
        message = f"{above.local} was to be cut into pages, and its plan has {number} of {cut}; at most {MOST_PAGES}"
        return Fault(code=REFUSED, message=message)
    paging.input, paging.records = cut, (records_in(result.facts),)
    next_round(turn, above, paging, number)
    return None


def _merge(turn: Turn, above: Place, paging: Paging) -> Fault | None:
    """Order the merges of a round's results; a fault if two of them are too large for one merge."""
    merge = above.step.work.merge
    starts: tuple[int, ...] = (0,)
    if merge is not None:
        found = [result_tokens(turn, above, paging.round, page) for page in range(paging.length)]
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
    next_round(turn, above, paging, len(starts))
    return None


def _failed(place: Place, paging: Paging, fault: Fault) -> TaskResult:
    match place.role:
        case "plan":
            what = "its pages could not be planned"
        case "page":
            what = f"page {(place.number or 0) + 1} of {paging.length}"
        case "summary":
            what = f"the summary of page {(place.number or 0) + 1} of {paging.length}"
        case "whole":
            what = "with its inputs summarised"
        case _:
            what = "a merge of its pages"
    return TaskResult(
        fault=fault.model_copy(update={"message": f"{what}: {fault.message}", "retriable": False})
    )


def _planned(turn: Turn, place: Place, outer: Paging | None) -> tuple[int, int]:
    """Tell the factor that a task was planned with, and the tokens of its inputs as far as they were known."""
    if outer is not None:
        return outer.factor, _given(turn, place, outer)
    step, factor = place.step, _factor(turn, place.agent)
    item = item_tokens(turn.state, turn.plan, step, place.shard)
    known = place.shard is None or item > 0
    return factor, tokens_of(turn.state, turn.plan, step) + item if known else 0


def _given(turn: Turn, place: Place, outer: Paging) -> int:
    """Tell how many tokens a page has, or the whole with summaries; as many as it may have, where that isn't known."""
    if place.role == "whole":
        return outer.kept + sum(record.after for record in outer.records[-1]) or outer.room
    planned = (
        turn.state.result(f"{place.system.above.local}/p0").payload if place.system is not None else None
    )
    try:
        # What lies in the payload store, as plans of very many pages do, fold can't read.
        plan = PagePlan.model_validate(planned.value) if isinstance(planned, Inline) else None
    except ValidationError:
        plan = None
    if plan is None or place.number is None or place.number >= len(plan.pages):
        return outer.room
    return max(1, plan.pages[place.number].tokens + outer.room - plan.limit)


def _window(turn: Turn, place: Place) -> int | None:
    return turn.state.pinned.windows.get(place.agent)


def _factor(turn: Turn, agent: str) -> int:
    return turn.state.pinned.factors.get(agent, 1000)
