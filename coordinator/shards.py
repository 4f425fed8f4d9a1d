"""Maps: a task, or a pipeline, for each item of a list, so many at once. An end costs the same in any map."""

from collections.abc import Iterator, Sequence

from argosy.coordinator import pages
from argosy.coordinator.capacity import refusal
from argosy.coordinator.input_tokens import item_tokens, tokens_of
from argosy.coordinator.inputs import cause_of, part_of, spread_length
from argosy.coordinator.join import Tally, Verdict, needed, verdict
from argosy.coordinator.kept import Cause, StepState, TaskResult
from argosy.coordinator.place import Place
from argosy.coordinator.step_plan import StepPlan
from argosy.coordinator.turn import Turn
from argosy.coordinator.wants import MOST_SHARDS
from argosy.schemas.facts import ListFact
from argosy.schemas.fault import Fault
from argosy.schemas.payload import Inline
from argosy.schemas.pipeline import MapStep
from argosy.schemas.taint import UNTAINTED


def start(turn: Turn, step: StepPlan) -> Sequence[int]:
    """Start a map: find its list, refuse the items that don't fit, order the first shards.

    Return those whose pipeline is to begin now; none of a map over an agent.
    """
    spread = spread_length(turn.state, turn.plan, step)
    if isinstance(spread, Fault):
        turn.end_step(step, "f", Cause(local=step.name, outcome="failed", fault=spread))
        return ()
    length = spread.length if isinstance(spread, ListFact) else spread
    if length > MOST_SHARDS:
        fault = Fault(
            code="too_many_shards",
            message=f"{step.name} would have {length} shards; at most {MOST_SHARDS} are possible",
            figures={"shards": length, "limit": MOST_SHARDS},
        )
        turn.end_step(step, "f", Cause(local=step.name, outcome="failed", fault=fault))
        return ()
    state = turn.state.step(step.name)
    state.length = length
    turn.state.put_step(step.name, state)
    join = step.step.join
    if join is not None and join.within_millis is not None:
        turn.arm(f"join:{step.name}", turn.event.time_ms + join.within_millis)
    if isinstance(spread, ListFact) and not step.is_each and not pages.may_be_cut(turn, Place(step)):
        for shard, fault in _refused(turn, step, spread):
            if turn.is_given(step.local(shard)):
                continue
            turn.refuse_task(Place(step, shard), fault)
            _missing(turn, step, Cause(local=step.local(shard), outcome="failed", fault=fault), opened=0)
    return decide(turn, step)


def _refused(turn: Turn, step: StepPlan, spread: ListFact) -> Iterator[tuple[int, Fault]]:
    """Find the items that can't fit the agent's window.

    If the largest one may not, each is looked at; in a manifest that lies in the payload store fold can't
    look, and leaves it to the worker, which checks again.
    """
    pinned = turn.state.pinned
    window, factor = pinned.windows.get(step.agent), pinned.factors.get(step.agent, 1000)
    shared = tokens_of(turn.state, turn.plan, step)
    if refusal(step.agent, step.terms, window, factor, shared + spread.most_tokens) is None:
        return
    manifest = spread.manifest
    items = manifest.value if isinstance(manifest, Inline) and isinstance(manifest.value, list) else []
    for shard, item in enumerate(items):
        tokens = item.get("tokens") if isinstance(item, dict) else None
        if isinstance(tokens, int):
            fault = refusal(step.agent, step.terms, window, factor, shared + tokens)
            if fault is not None:
                yield shard, fault


def ended(turn: Turn, place: Place, result: TaskResult) -> None:
    """Take the end of a shard's task into account."""
    if result.fault is None:
        _there(turn, place.step, 0 if result.payload is None else result.payload.tokens)
    else:
        _missing(turn, place.step, Cause(local=place.local, outcome="failed", fault=result.fault), opened=1)
    decide(turn, place.step)


def pipeline_ended(turn: Turn, step: StepPlan, shard: StepPlan) -> Sequence[int]:
    """Take the end of a shard's pipeline into account; return the shards whose pipeline is to begin now."""
    state = turn.state.step(step.name)
    if state.letter != "r" or state.looking:
        return ()
    if turn.state.step(shard.name).letter == "k" and shard.inside is not None and shard.inside.result:
        _there(turn, step, part_of(turn.state, turn.plan, shard.inside.result).tokens)
    else:
        _missing(turn, step, cause_of(turn.state, shard), opened=1)
    return decide(turn, step)


def _there(turn: Turn, step: StepPlan, tokens: int) -> None:
    state = turn.state.step(step.name)
    state.open -= 1
    state.succeeded += 1
    state.tokens += tokens
    turn.state.put_step(step.name, state)


def _missing(turn: Turn, step: StepPlan, cause: Cause, *, opened: int) -> None:
    state = turn.state.step(step.name)
    state.open -= opened
    state.missing += 1
    state.first = state.first or cause
    turn.state.put_step(step.name, state)


def late(turn: Turn, step: StepPlan) -> Sequence[int]:
    """Take into account that the join's time is up."""
    state = turn.state.step(step.name)
    state.late = True
    turn.state.put_step(step.name, state)
    return decide(turn, step)


def decide(turn: Turn, step: StepPlan) -> Sequence[int]:
    """End the map if its join says so, else order what may run now; return what is to begin, as `start` does."""
    state = turn.state.step(step.name)
    match _verdict(step, state):
        case "open":
            return _fill(turn, step, state)
        case "met":
            turn.stop(step, "x")
            if step.looks or step.whole:
                turn.disarm(f"join:{step.name}")
                turn.look(step, step.name)
            else:
                turn.end_step(step, "k")
        case "failed":
            turn.stop(step, "x")
            turn.end_step(step, "f", _cause(step, state))
    return ()


def _verdict(step: StepPlan, state: StepState) -> Verdict:
    join = step.step.join
    if join is not None:
        return verdict(join, Tally(state.length, state.succeeded, state.missing, state.late))
    if state.missing:
        return "failed"
    return "met" if state.succeeded == state.length else "open"


def _cause(step: StepPlan, state: StepState) -> Cause:
    join = step.step.join
    if join is None and state.first is not None:
        return state.first
    least = 0 if join is None else needed(join, state.length)
    text = f"{state.succeeded} of {state.length} shards of {step.name} succeeded, {least} were needed"
    if state.late:
        text += "; its time is up"
    if state.first is not None:
        text += f"; first {state.first.local}: {state.first.fault.message}"
    figures = {"shards": state.length, "succeeded": state.succeeded, "needed": least}
    taint = UNTAINTED if state.first is None else state.first.fault.taint
    fault = Fault(code="join_failed", message=text, figures=figures, taint=taint)
    return Cause(local=step.name, outcome="failed", fault=fault)


def _order(turn: Turn, step: StepPlan, shards: range) -> None:
    """Order shards; those that are too large are cut into pages, where that may be."""
    cut = (
        [shard for shard in shards if _is_cut(turn, step, shard)]
        if pages.may_be_cut(turn, Place(step))
        else []
    )
    first = shards.start
    for shard in (*cut, shards.stop):
        if shard > first:
            turn.order_shards(step, first, shard - first)
        if shard < shards.stop:
            pages.begin(turn, Place(step, shard))
        first = shard + 1


def _is_cut(turn: Turn, step: StepPlan, shard: int) -> bool:
    if turn.is_given(step.local(shard)):
        return False
    item = item_tokens(turn.state, turn.plan, step, shard)
    return pages.too_large(turn, step, item) is not None


def _fill(turn: Turn, step: StepPlan, state: StepState) -> Sequence[int]:
    room = (step.step.max_parallel if isinstance(step.step, MapStep) else 1) - state.open
    opened: list[int] = []
    while room > 0 and state.next < state.length:
        first = state.next
        while first < state.length and turn.state.task(step.local(first)) is not None:
            first += 1  # refused at the start
        last = min(first + 1, state.length)
        while last < state.length and last - first < room and turn.state.task(step.local(last)) is None:
            last += 1
        if step.is_each:
            opened += range(first, last)
        elif last > first:
            _order(turn, step, range(first, last))
        room -= last - first
        state.next, state.open = last, state.open + last - first
    turn.state.put_step(step.name, state)
    turn.open_shards(step, opened)
    return opened
