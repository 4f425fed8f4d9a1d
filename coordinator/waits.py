"""Steps that wait: sleeps, signals, approvals. What they begin, which signals count, how they end.

What a signal says is looked at by the lane, which knows JSON Schema and the payload store; it answers as to any look,
with a settle of the step. One that is not right is dropped, people are told, and the step waits on.
"""

from dataclasses import replace
from typing import Final

from pydantic import JsonValue

from argosy.coordinator import waiting as held
from argosy.coordinator.cancel import finish
from argosy.coordinator.decision import Changed
from argosy.coordinator.kept import TERMINAL, Cause, TaskResult
from argosy.coordinator.loop import is_over
from argosy.coordinator.signal import MOST_SIGNALS, KeptSignal
from argosy.coordinator.step_plan import StepPlan
from argosy.coordinator.turn import Turn
from argosy.coordinator.waiting import waiting_of
from argosy.schemas.canonical import canonical_hash
from argosy.schemas.fault import Fault
from argosy.schemas.payload import Inline, Payload, Reference
from argosy.schemas.pipeline import ApprovalStep, SignalStep, SleepStep
from argosy.schemas.runlog import SignalReceived, TaskSettled
from argosy.schemas.waiting import wait_timer

_SIGN_CHARACTERS: Final = 200
_NOTHING: Final = Inline(value=None, bytes=4, tokens=1)


def start(turn: Turn, step: StepPlan) -> None:
    """Begin to wait: a timer is all that it takes."""
    now_ms = turn.event.time_ms
    match step.step:
        case SleepStep() as sleep:
            turn.arm(f"sleep:{step.name}", now_ms + round(sleep.seconds * 1000))
        case SignalStep() | ApprovalStep() as waits:
            until_ms = now_ms + round(waits.within_seconds * 1000)
            turn.arm(wait_timer(step.name), until_ms)
            before = waiting_of(turn.state, step.name)
            held.put_waiting(turn.state, step.name, replace(before, since_ms=now_ms, until_ms=until_ms))
            if isinstance(waits, ApprovalStep):
                _look(turn, step)
            else:
                _next(turn, step)
        case _:
            message = f"{step.name} waits for nothing"
            raise TypeError(message)
    turn.decisions.append(Changed("waiting", step.name))


def received(turn: Turn, signal: SignalReceived) -> None:
    """Take a signal: for the step of its name, now or when that waits."""
    step = turn.plan.signalled(signal.name)
    if step is None:
        _refused(turn, None, f"no step {signal.name[:_SIGN_CHARACTERS]!r} of this run waits for signals")
        return
    state = turn.state.step(step.name)
    if held.is_kept(turn.state, signal.signal_id):
        return
    if _is_over(turn, step):
        _refused(turn, step, f"{step.name} waits no more")
        return
    waits = state.letter == "r"
    idle = waits and not state.looking
    # Strangers may have filled the run's room with signals for others: one that waits has room of its own.
    crowded = len(waiting_of(turn.state, step.name).queue) >= MOST_SIGNALS
    if not idle and (crowded or not waits) and _is_full(turn):
        _refused(turn, step, f"{MOST_SIGNALS} signals of this run wait for their steps already")
        return
    kept = KeptSignal(
        name=signal.name,
        value=signal.value,
        value_ref=signal.value_ref,
        about_sha256=signal.about_sha256,
        offset=turn.event.offset,
    )
    held.keep(turn.state, step.name, signal.signal_id, kept)
    if idle:
        _next(turn, step)


def _is_full(turn: Turn) -> bool:
    """Say whether no more signals may be kept, once those are gone whose steps will never wait."""
    if not held.is_full(turn.state):
        return False
    for name in held.names(turn.state):
        if _is_over(turn, turn.plan.steps[name]):
            held.forget(turn.state, name)
    return held.is_full(turn.state)


def _is_over(turn: Turn, step: StepPlan) -> bool:
    """Say whether a step waits no more, for it has ended, or what it is part of."""
    above: StepPlan | None = step
    while above is not None:
        if turn.state.step(above.name).letter in TERMINAL or is_over(turn, above.name):
            return True
        above = None if above.owner is None else turn.plan.steps[above.owner]
    return False


def looked(turn: Turn, step: StepPlan, settled: TaskSettled) -> bool:
    """Take what a look found out; False if this is not the answer that the step waits for."""
    waiting, state = waiting_of(turn.state, step.name), turn.state.step(step.name)
    if settled.attempt != waiting.asked:
        return False
    state.looking = False
    turn.state.put_step(step.name, state)
    if isinstance(step.step, ApprovalStep) and not waiting.sha256:
        _about(turn, step, settled)
    elif settled.outcome == "succeeded" and settled.result is not None:
        _end(turn, step, settled.result, settled)
    else:
        _drop(turn, step, _said(settled))
        _next(turn, step)
    return True


def timed_out(turn: Turn, step: StepPlan) -> None:
    """End a step that waited for as long as it may; by its policy that is the end of the run."""
    waits = step.step
    if not isinstance(waits, SignalStep | ApprovalStep) or turn.state.step(step.name).letter in TERMINAL:
        return
    waiting = waiting_of(turn.state, step.name)
    what = "an approval" if isinstance(waits, ApprovalStep) else "a signal"
    text = f"{step.name} waited {waits.within_seconds} s for {what}"
    if waiting.refused:
        text += f"; {waiting.refused} did not count, the last one: {waiting.refusal}"
    fault = Fault(code="expired", message=text)
    if waits.on_timeout == "fail":
        task_id = f"{turn.state.run_id}/{step.name}"
        waited = held.waited_of(turn.state, step, turn.event.time_ms)
        turn.decisions.append(Changed("expired", step.name, reason=text, waited=waited))
        finish(turn, "failed", fault.model_copy(update={"task_id": task_id}))
    else:
        turn.end_step(step, "e", Cause(local=step.name, outcome="expired", fault=fault))


def woke(turn: Turn, step: StepPlan) -> None:
    """End a sleep."""
    if turn.state.step(step.name).letter == "r":
        turn.state.put_result(step.name, TaskResult(payload=_NOTHING))
        turn.end_step(step, "k")


def about_hash(payload: Payload) -> str:
    """Give the SHA-256 of the canonical JSON of what an approval is about; the lane stores a large one as that."""
    return payload.sha256 if isinstance(payload, Reference) else canonical_hash(payload.value)


def approval_of(signal: KeptSignal) -> JsonValue:
    """Give the value of an approval: what its signal says, and what it is about."""
    said = signal.value if isinstance(signal.value, dict) else {}
    return {
        "approved": said.get("approved"),
        "reason": said.get("reason", ""),
        "by": said.get("by", ""),
        "about_sha256": signal.about_sha256,
    }


def _about(turn: Turn, step: StepPlan, settled: TaskSettled) -> None:
    if settled.outcome != "succeeded" or settled.result is None:
        fault = settled.fault or Fault(
            code=settled.outcome, message="what it is about could not be looked at"
        )
        turn.end_step(step, "f", Cause(local=step.name, outcome="failed", fault=fault))
        return
    waiting = waiting_of(turn.state, step.name)
    found = replace(waiting, about=settled.result, sha256=about_hash(settled.result))
    held.put_waiting(turn.state, step.name, found)
    _next(turn, step)


def _next(turn: Turn, step: StepPlan) -> None:
    """Have the lane look at the next signal that may count."""
    waiting = waiting_of(turn.state, step.name)
    while (signal := held.first_signal(turn.state, waiting)) is not None:
        wrong = _wrong(step.step, waiting.sha256, signal) if isinstance(step.step, ApprovalStep) else None
        if wrong is None:
            _look(turn, step)
            return
        _drop(turn, step, wrong)
        waiting = waiting_of(turn.state, step.name)


def _wrong(step: ApprovalStep, sha256: str, signal: KeptSignal) -> str | None:
    """Say why a signal is no answer to an approval's question; None if it is one."""
    if signal.about_sha256 != sha256:
        return f"it is about {str(signal.about_sha256)[:64]}, and the value has {sha256}"
    value = signal.value
    if not isinstance(value, dict) or not isinstance(value.get("approved"), bool):
        return 'it says neither {"approved": true} nor {"approved": false}'
    if not isinstance(value.get("reason", ""), str) or not isinstance(value.get("by", ""), str):
        return "its reason and by are texts"
    if step.by and value.get("by") not in step.by:
        return f"{str(value.get('by', ''))[:_SIGN_CHARACTERS]!r} may not answer; {', '.join(step.by)} may"
    return None


def _look(turn: Turn, step: StepPlan) -> None:
    waiting = waiting_of(turn.state, step.name)
    held.put_waiting(turn.state, step.name, replace(waiting, asked=waiting.asked + 1))
    turn.look(step, step.name)


def _end(turn: Turn, step: StepPlan, value: Payload, settled: TaskSettled) -> None:
    result = TaskResult(payload=value, facts=settled.facts, traceparent=turn.event.traceparent)
    turn.state.put_result(step.name, result)
    turn.end_step(step, "k")


def _drop(turn: Turn, step: StepPlan, why: str) -> None:
    held.drop_first(turn.state, step.name, why)
    _refused(turn, step, why)


def _refused(turn: Turn, step: StepPlan | None, why: str) -> None:
    turn.decisions.append(Changed("signal_refused", None if step is None else step.name, reason=why))


def _said(settled: TaskSettled) -> str:
    return settled.outcome if settled.fault is None else settled.fault.message
