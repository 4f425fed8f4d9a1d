"""fold(state, event): what one record of the run log does to its run. Pure: all it needs is in the log.

Rules have versions: a run is folded by the rules that its run.accepted names, as long as the log can hold it.
"""

from collections.abc import Callable
from typing import Final

from pydantic import ValidationError

from argosy.coordinator import answers, deadline, ready, settled, signal, waits
from argosy.coordinator.cancel import finish
from argosy.coordinator.decision import Changed, Decision, Disarm, Entomb, Send, Unclaim, WriteMemo
from argosy.coordinator.event import Event
from argosy.coordinator.given import give
from argosy.coordinator.kept import TERMINAL, Pinned, Ruled, TaskResult
from argosy.coordinator.known_pipelines import known
from argosy.coordinator.plan import plan_of
from argosy.coordinator.reuse import end_given
from argosy.coordinator.run_plan import plan_in
from argosy.coordinator.state import RunState
from argosy.coordinator.turn import Turn
from argosy.schemas.canonical import canonical_json
from argosy.schemas.errors import NewerVersion
from argosy.schemas.fault import Fault
from argosy.schemas.ids import local_part
from argosy.schemas.runlog import (
    BudgetReceived,
    CancelReceived,
    RunAccepted,
    RunEnded,
    SignalReceived,
    StepRecorded,
    SubmitTurnedAway,
    TaskSettled,
    TimerFired,
)

CANCEL_AHEAD_MS: Final = 3_600_000
"""How long before its run a cancel may come. Anybody can cancel runs that nobody knows, and each leaves a tombstone:
they must not be kept for as long as those of runs that were."""

Folded = tuple[RunState | None, tuple[Decision, ...]]
Rules = Callable[[RunState, Event], tuple[Decision, ...]]


def fold(state: RunState | None, event: Event) -> Folded:
    """Fold one record. The state is changed in place; a raise but NewerVersion is a case for quarantine.

    Same state and event: same state and decisions, in every process and after any reload.
    """
    match event.message:
        case TaskSettled() | StepRecorded() as told if not told.task_id.startswith(f"{event.run_id}/"):
            decisions: tuple[Decision, ...] = ()  # no task of this run
        # Nearly all are of this kind, so it comes first.
        case TaskSettled() if state is not None and state.st == "active":
            decisions = _rules(_rules_of(state), event.run_id)(state, event)
        case RunAccepted() as accepted:
            return _accepted(state, event, accepted)
        case SubmitTurnedAway() as away:
            return _turned_away(state, event, away)
        case RunEnded() as ended:
            return _ended(state, event, ended)
        case CancelReceived() as cancel if state is None or state.st == "cancel":
            return _cancelled_before(event, cancel)
        case _ if state is not None and state.st == "active":
            decisions = _rules(_rules_of(state), event.run_id)(state, event)
        case TaskSettled() as late:
            decisions = (Unclaim(local_part(late.task_id)),)
        case _:
            decisions = ()
    return state, decisions


def _accepted(state: RunState | None, event: Event, accepted: RunAccepted) -> Folded:
    """Begin a run, or answer: the first run.accepted of an id is the run, a later one changes nothing."""
    if state is not None and state.st != "cancel":
        return _repeated(state, event, accepted)
    if event.time_ms > accepted.submitted_ms + accepted.longest_and_window_ms:
        # Its tombstone may be gone: it may be a repeat.
        return state, (Send(f"refused:{accepted.position}"),)
    _rules(accepted.rules, event.run_id)
    return _begun(state, event, accepted)


def _turned_away(state: RunState | None, event: Event, away: SubmitTurnedAway) -> Folded:
    """Answer a submit that came while the fleet was full: a repeat of a known run as ever, else as busy."""
    if state is None or state.st == "cancel":
        return state, (Send(f"busy:{away.position} {away.full.model_dump_json(exclude_defaults=True)}"),)
    return _repeated(state, event, away)


def _repeated(state: RunState, event: Event, again: RunAccepted | SubmitTurnedAway) -> Folded:
    leave_newer(state)
    if state.data_hash != again.data_hash:
        return state, (Send(f"refused:{again.position}"),)
    return state, (Send(f"result:{event.run_id}"),) if state.st == "ended" else ()


def _begun(tombstone: RunState | None, event: Event, accepted: RunAccepted) -> Folded:
    state = RunState(event.run_id) if tombstone is None else tombstone
    reason = None if tombstone is None else _early_cancel(tombstone, event)
    state.drop("why")
    state.drop("at")
    document = known(accepted.pipeline)
    pinned = Pinned(
        rules=accepted.rules,
        identity=document.whole_sha256,
        input=accepted.input,
        facts=accepted.facts,
        data_hash=accepted.data_hash,
        submitted_ms=accepted.submitted_ms,
        accepted_ms=event.time_ms,
        deadline_ms=accepted.deadline_ms,
        priority=accepted.priority,
        tenant=accepted.tenant,
        budget=accepted.budget,
        budget_micros=accepted.budget_micros,
        on_spent=accepted.on_spent,
        ask_ms=accepted.ask_ms,
        windows=accepted.windows,
        factors=accepted.factors,
        reuses=bool(accepted.reused) and accepted.rules > 1,
        traceparent=event.traceparent,
    )
    state.become("active")
    state.put("dl", str(accepted.deadline_ms).encode())
    state.put("plan", document.whole)
    state.pin(pinned)
    for local, reused in accepted.reused.items() if pinned.reuses else ():
        give(state, local, TaskResult(reused.payload, reused.facts, reused.fault, reused.traceparent))
    turn = Turn(state, event, plan_in(state), [Changed("accepted")])
    turn.pages = accepted.rules > 1
    if reason is not None:
        finish(turn, "cancelled", Fault(code="cancelled", message=reason))
    else:
        turn.arm("deadline", accepted.deadline_ms)
        ready.begin(turn)
        end_given(turn)
    return state, tuple(turn.decisions)


def _early_cancel(tombstone: RunState, event: Event) -> str | None:
    """Return the reason of a cancel that came before its run; None if that is too long ago to be about this one."""
    at = tombstone.get("at")
    if at is not None and event.time_ms > int(at) + CANCEL_AHEAD_MS:
        return None
    return (tombstone.get("why") or b"").decode()


def _cancelled_before(event: Event, cancel: CancelReceived) -> Folded:
    state = RunState(event.run_id)
    state.become("cancel")
    state.put("why", cancel.reason.encode())
    state.put("at", str(event.time_ms).encode())
    return state, (Entomb(),)


def _ended(state: RunState | None, event: Event, ended: RunEnded) -> Folded:
    """Make the run its tombstone: the first run.ended is final, whatever this fold would have found."""
    if state is not None and state.st == "ended":
        return state, ()
    decisions: list[Decision] = []
    counts = state is not None and state.st == "ending" and not _passes(event.traceparent)
    invocations = _invocations(state) if state is not None and counts else None
    if state is not None and state.st == "active":
        decisions += [Unclaim(local) for local in state.tasks() if state.is_open(local)]
    if state is None:
        state = RunState(event.run_id)
    decisions += [Disarm(timer, state.armed(timer) or 0) for timer in state.timers()]
    state.clear()
    state.become("ended")
    state.put("hash", ended.data_hash.encode())
    state.put("end", ended.model_dump_json(exclude_defaults=True).encode())
    state.put("off", str(event.offset).encode())
    if event.traceparent is not None:
        state.put("tp", event.traceparent.encode())
    told = Changed("ended", reason=ended.outcome, invocations=invocations)
    decisions += [Entomb(), Send(f"result:{event.run_id}"), told]
    return state, tuple(decisions)


def _passes(traceparent: str | None) -> bool:
    """Say whether a run asks for no spans: what only a span would tell isn't counted."""
    return traceparent is not None and traceparent[-1:] in "02468ace"


def _invocations(state: RunState) -> int:
    """Count attempts that were settled, at least: of the tasks of iterations that are over, one each."""
    held, settled = state.counts()
    return settled + state.totals()[1] - held


def _rules(version: int, run_id: str) -> Rules:
    """Look up the rules of a run; NewerVersion also for one that a newer release began and left to this one."""
    if version not in RULES:
        message = f"run {run_id} follows rules {version}; this release knows {sorted(RULES)}"
        raise NewerVersion(message) if version > max(RULES) else ValueError(message)
    return RULES[version]


def _rules_of(state: RunState) -> int:
    """Read the rules of a run, whatever else is new in what it pinned. KeyError, ValueError: it is damaged."""
    try:
        return state.pinned.rules
    except ValidationError:
        return Ruled.model_validate_json(state.get("run") or b"").rules


def leave_newer(state: RunState | None) -> None:
    """Raise NewerVersion for a run that is under way by rules of a newer release.

    Nothing of it is ours: neither to read what was written about it, nor to write what it owes.
    """
    if state is None or state.st not in ("active", "ending"):
        return
    try:
        version = _rules_of(state)
    except (KeyError, ValueError):
        return  # damaged: whoever needs more of it finds that out
    if version not in RULES and version > max(RULES):
        _rules(version, state.run_id)


def _rules_1(state: RunState, event: Event) -> tuple[Decision, ...]:
    """Rules version 1, for an active run: what is too large is refused, whatever its contract says."""
    return _folded(Turn(state, event, plan_of(state.pinned.identity, state.get("plan") or b"")))


def _rules_2(state: RunState, event: Event) -> tuple[Decision, ...]:
    """Rules version 2: what is too large is cut into pages, if its contract says so."""
    return _folded(Turn(state, event, plan_in(state), pages=True))


def _folded(turn: Turn) -> tuple[Decision, ...]:
    state, event = turn.state, turn.event
    match event.message:
        case TaskSettled() as settle:
            settled.settle(turn, settle)
        case TimerFired() as timer:
            deadline.fired(turn, timer)
        case CancelReceived() as cancel:
            finish(turn, "cancelled", Fault(code="cancelled", message=cancel.reason))
        case StepRecorded() as recorded:
            _recorded(turn, recorded)
        case SignalReceived() as received:
            if turn.pages:
                waits.received(turn, received)
            else:
                signal.keep(state, event.offset, received)
        case BudgetReceived() as answer:
            answers.answered(turn, answer)
        case RunAccepted() | RunEnded() | SubmitTurnedAway():
            pass  # the same under all rules, see `fold`
    end_given(turn)
    return tuple(turn.decisions)


def _recorded(turn: Turn, recorded: StepRecorded) -> None:
    """Make a logged memo readable, unless its task is over."""
    local = local_part(recorded.task_id)
    task = turn.state.task(local)
    if task is not None and task.letter not in TERMINAL:
        value = canonical_json(recorded.value)
        turn.decisions.append(WriteMemo(local, recorded.name, value, turn.event.offset))


RULES: Final[dict[int, Rules]] = {1: _rules_1, 2: _rules_2}
"""Every version that the log's retention can still hold."""
