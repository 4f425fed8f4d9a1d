"""What a run's hash holds of a step that waits: since when, for what, the signals that came for it.

Signals are kept each once, by the id of their sender, and 64 at most in a run, those that came before their step
waits. Fields: `w:<step>`, `g:<signal id>`, `gn`.
"""

from dataclasses import replace
from typing import Literal

from argosy.coordinator.decision import Waited
from argosy.coordinator.signal import MOST_SIGNALS, KeptSignal
from argosy.coordinator.state import RunState
from argosy.coordinator.step_plan import StepPlan
from argosy.schemas.pipeline import ApprovalStep, SignalStep, SleepStep
from argosy.schemas.waiting import WAITING, Waiting, waiting_field


def waiting_of(state: RunState, name: str) -> Waiting:
    """Read what a step waits for; of one that nothing came for yet, and of one that waits no more: nothing."""
    raw = state.get(waiting_field(name))
    return Waiting() if raw is None else WAITING.validate_json(raw)


def put_waiting(state: RunState, name: str, waiting: Waiting) -> None:
    """Write what a step waits for."""
    state.put(waiting_field(name), WAITING.dump_json(waiting, exclude_defaults=True))


def waited_of(state: RunState, step: StepPlan, now_ms: int) -> Waited | None:
    """Say since when a step waits that is about to end; None for one that doesn't.

    A sleep began, at the latest, as long ago as it takes: when it ends early, nobody knows since when it slept.
    """
    match step.step:
        case SignalStep() | ApprovalStep() as waits:
            since_ms = waiting_of(state, step.name).since_ms
            what: Literal["signal", "approval"] = "signal" if isinstance(waits, SignalStep) else "approval"
            return Waited(what, since_ms, state.pinned.traceparent) if since_ms else None
        case SleepStep() as sleep:
            return Waited("sleep", now_ms - round(sleep.seconds * 1000), state.pinned.traceparent)
        case _:
            return None


def first_signal(state: RunState, waiting: Waiting) -> KeptSignal | None:
    """Read the signal that is next to be looked at."""
    raw = state.get(f"g:{waiting.queue[0]}") if waiting.queue else None
    return None if raw is None else KeptSignal.model_validate_json(raw)


def keep(state: RunState, name: str, signal_id: str, signal: KeptSignal) -> None:
    """Keep a signal for a step, behind those that came before."""
    waiting = waiting_of(state, name)
    state.put(f"g:{signal_id}", signal.model_dump_json(exclude_defaults=True).encode())
    _count(state, 1)
    put_waiting(state, name, replace(waiting, queue=(*waiting.queue, signal_id)))


def is_kept(state: RunState, signal_id: str) -> bool:
    """Say whether a signal of this id is kept: this one is a repeat."""
    return state.get(f"g:{signal_id}") is not None


def is_full(state: RunState) -> bool:
    """Say whether no more signals may be kept."""
    return _kept(state) >= MOST_SIGNALS


def names(state: RunState) -> list[str]:
    """Name the steps of which something is held, sorted."""
    return sorted(field[2:] for field in state.dump() if field.startswith("w:"))


def drop_first(state: RunState, name: str, refusal: str) -> None:
    """Drop the signal that is next, for it does not count."""
    waiting = waiting_of(state, name)
    _forget(state, waiting.queue[:1])
    told = replace(waiting, queue=waiting.queue[1:], refused=waiting.refused + 1, refusal=refusal)
    put_waiting(state, name, told)


def forget(state: RunState, name: str) -> None:
    """Drop all that is held of a step that waits no more."""
    if state.get(waiting_field(name)) is not None:
        _forget(state, waiting_of(state, name).queue)
        state.drop(waiting_field(name))


def _forget(state: RunState, ids: tuple[str, ...]) -> None:
    for signal_id in ids:
        state.drop(f"g:{signal_id}")
    if ids:
        _count(state, -len(ids))


def _kept(state: RunState) -> int:
    return int(state.get("gn") or b"0")


def _count(state: RunState, more: int) -> None:
    state.put("gn", str(_kept(state) + more).encode())
