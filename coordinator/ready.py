"""Which steps may go: counters over their parents, the join's verdict, conditions, the contract."""

from collections.abc import Sequence

from argosy.coordinator import loop, pages, planned, shards, waits
from argosy.coordinator.cancel import finish_with_result, prune
from argosy.coordinator.condition import NOT_MET, unmet
from argosy.coordinator.inputs import cause_of, facts_of, missing
from argosy.coordinator.join import Tally, Verdict, needed, verdict
from argosy.coordinator.kept import TERMINAL, Cause, Letter, StepState, TaskResult
from argosy.coordinator.nesting import is_given
from argosy.coordinator.outcome import lacking
from argosy.coordinator.place import Place
from argosy.coordinator.step_plan import StepPlan, Waits
from argosy.coordinator.turn import Turn
from argosy.schemas.edges import Join
from argosy.schemas.fault import Fault


def begin(turn: Turn) -> None:
    """Start every step that waits for nothing."""
    for step in turn.plan.steps.values():
        if step.owner is None and not step.parents:
            _consider(turn, step)
    advance(turn)


def advance(turn: Turn) -> None:
    """Tell the children of all that ended, until nothing more follows; the end of `returns` is the run's."""
    while turn.ended:
        parent = turn.ended.popleft()
        if parent.name == turn.plan.returns:
            finish_with_result(turn)
            return
        for child in parent.children:
            _parent_ended(turn, turn.plan.steps[child], parent)
        if parent.owner is not None:
            _inner_ended(turn, turn.plan.steps[parent.owner], parent)


def _inner_ended(turn: Turn, step: StepPlan, inner: StepPlan) -> None:
    """End a step with what the pipeline that it runs returns: a value, or a hole and then its first cause."""
    if step.is_each:
        _begin(turn, step, shards.pipeline_ended(turn, step, inner))
        return
    if step.loop is not None:
        following = loop.ended(turn, step, inner)
        if following is not None:
            _open(turn, following)
        return
    if step.allowed is not None:
        freed = planned.ended(turn, step, inner)
        if freed is not None:
            _consider(turn, freed)
        return
    if step.inside is None or step.inside.returns != inner.name or turn.state.step(step.name).letter != "r":
        return
    if turn.state.step(inner.name).letter != "k":
        turn.end_step(step, "f", cause_of(turn.state, inner))
        return
    fault = None if step.inside.result is None else lacking(turn.state, turn.plan, step.inside.result)
    if fault is None:
        turn.end_step(step, "k")
    else:
        turn.end_step(step, "f", Cause(local=step.name, outcome="failed", fault=fault))


def plan_made(turn: Turn, step: StepPlan, result: TaskResult) -> None:
    """Go on after a planner has returned: its plan's tasks begin, or the step fails with what is wrong with it."""
    begun = planned.begin(turn, step, result)
    if isinstance(begun, Fault):
        turn.end_step(step, "f", Cause(local=step.name, outcome="failed", fault=begun))
        return
    for each in begun:
        _consider(turn, each)


def looked(turn: Turn, step: StepPlan) -> None:
    """Go on after the lane has looked: a map has ended, the pipeline of a shard begins."""
    if step.inside is not None:
        _enter(turn, step)
    else:
        turn.end_step(step, "k")
    advance(turn)


def _begin(turn: Turn, step: StepPlan, opened: Sequence[int]) -> None:
    """Begin the pipelines of shards."""
    for number in opened:
        _open(turn, turn.plan.steps[step.local(number)])


def _open(turn: Turn, step: StepPlan) -> None:
    """Begin a shard or an iteration; one that must know more of what it is given, after the lane has looked at it."""
    if step.inside is None:
        _start_task(turn, step)
    elif step.looks and missing(turn.state, turn.plan, step, step.given) is None:
        turn.look(step, step.given)
    else:
        _enter(turn, step)


def _enter(turn: Turn, step: StepPlan) -> None:
    for name in step.inside.begins if step.inside is not None else ():
        _consider(turn, turn.plan.steps[name])


def join_is_late(turn: Turn, step: StepPlan) -> None:
    """Take into account that a join's time is up."""
    state = turn.state.step(step.name)
    if step.is_map and state.letter == "r":
        _begin(turn, step, shards.late(turn, step))
    elif state.letter == "w":
        state.late = True
        turn.state.put_step(step.name, state)
        _consider(turn, step)
    advance(turn)


def _parent_ended(turn: Turn, step: StepPlan, parent: StepPlan) -> None:
    state = turn.state.step(step.name)
    if state.letter != "w":
        return  # it went on without this parent, or is over
    holes = step.holes.get(parent.name, 0)
    state.parents += 1
    state.required += parent.name in step.needs
    state.holes += holes
    state.whole += holes if turn.state.step(parent.name).letter == "k" else 0
    turn.state.put_step(step.name, state)
    join = _join(step)
    if join is not None and join.within_millis is not None and state.parents == 1:
        turn.arm(f"join:{step.name}", turn.event.time_ms + join.within_millis)
    _consider(turn, step)


def _join(step: StepPlan) -> Join | None:
    """Return the policy over a step's parents, if it isn't to wait for all (a map's is over its shards)."""
    join = step.step.join
    return None if step.is_map or join is None or join.policy == "all_ended" else join


def _consider(turn: Turn, step: StepPlan) -> None:
    """Fire the step if its parents allow it: required ones have ended, and the policy is met or can't be."""
    state = turn.state.step(step.name)
    join = _join(step)
    if join is None:
        verdict_now: Verdict = "met" if state.parents == len(step.parents) else "open"
    else:
        tally = _tally(step, state)
        verdict_now = verdict(join, tally)
        if verdict_now == "failed" and tally.late:
            _end(turn, step, "f", _join_failed(step, join, tally))
            return
    if verdict_now == "open" or state.required < len(step.required):
        return
    for parent in step.required:
        if turn.state.step(parent).letter != "k":
            _end(turn, step, "s", cause_of(turn.state, turn.plan.steps[parent]))
            return
    if join is not None and verdict_now == "failed":
        _end(turn, step, "f", _join_failed(step, join, _tally(step, state)))
        return
    for source in step.asks:
        cause = missing(turn.state, turn.plan, step, source)
        if cause is not None:
            _end(turn, step, "s", cause)
            return
    conditional = step.step.when or step.step.unless
    fault = unmet(step.step, lambda source: facts_of(turn.state, turn.plan, source)) if conditional else None
    if fault is not None:
        skipped = fault.code == NOT_MET
        cause = Cause(local=step.name, outcome="skipped" if skipped else "failed", fault=fault)
        _end(turn, step, "s" if skipped else "f", cause)
        return
    _start(turn, step, state)


def _tally(step: StepPlan, state: StepState) -> Tally:
    given = sum(count for source, count in step.holes.items() if is_given(source))
    return Tally(sum(step.holes.values()), state.whole + given, state.holes - state.whole, state.late)


def _join_failed(step: StepPlan, join: Join, tally: Tally) -> Cause:
    least = needed(join, tally.total)
    text = f"{tally.succeeded} of {tally.total} inputs of {step.name} succeeded, {least} were needed"
    if tally.late:
        text += "; its time is up"
    figures = {"inputs": tally.total, "succeeded": tally.succeeded, "needed": least}
    fault = Fault(code="join_failed", message=text, figures=figures)
    return Cause(local=step.name, outcome="failed", fault=fault)


def _end(turn: Turn, step: StepPlan, letter: Letter, cause: Cause) -> None:
    turn.end_step(step, letter, cause)
    _prune_after(turn, step)


def _prune_after(turn: Turn, step: StepPlan) -> None:
    if turn.state.step(step.name).parents < len(step.parents):
        prune(turn, step.scope)


def _start(turn: Turn, step: StepPlan, state: StepState) -> None:
    if step.owner is not None and planned.is_held(turn, turn.plan.steps[step.owner], step):
        return
    limit = step.step.deadline_millis
    due_ms = None if limit is None else turn.event.time_ms + limit
    if step.step.join is not None:
        turn.disarm(f"join:{step.name}")
    if state.parents < len(step.parents):
        absent = (parent for parent in step.parents if turn.state.step(parent).letter not in TERMINAL)
        state.absent = tuple(absent)
    state.letter, state.due_ms = "r", due_ms
    turn.state.put_step(step.name, state)
    if due_ms is not None:
        turn.arm(f"step:{step.name}", due_ms)
    if step.is_map:
        _begin(turn, step, shards.start(turn, step))
    elif step.inside is not None:
        _enter(turn, step)
    elif (step.loop is not None and turn.is_given(step.name)) or planned.is_whole_given(turn, step):
        loop.end_given(turn, step)
    elif step.loop is not None:
        _open(turn, loop.start(turn, step))
    elif isinstance(step.runs, Waits):
        waits.start(turn, step)
    else:
        _start_task(turn, step)
    _prune_after(turn, step)


def _start_task(turn: Turn, step: StepPlan) -> None:
    place = Place(step)
    fault = None if turn.is_given(place.local) else pages.too_large(turn, step)
    if fault is None:
        turn.order(place)
        return
    if pages.may_be_cut(turn, place):
        pages.begin(turn, place)
        return
    turn.refuse_task(place, fault)
    turn.end_step(step, "f", Cause(local=step.name, outcome="failed", fault=fault))
