"""Steps that wait for somebody, or for a time: since when, until when, and what would end it."""

from dataclasses import dataclass

from argosy.console.moments import ago, length, moment
from argosy.console.run_history import History
from argosy.console.why_verdict import Cause
from argosy.coordinator import waiting
from argosy.coordinator.plan import plan_of
from argosy.coordinator.state import RunState
from argosy.schemas.pipeline import ApprovalStep, SleepStep

_SLEEP = "sleep:"


@dataclass(frozen=True, slots=True)
class WaitIs:
    """A step that waits."""

    run_id: str
    step: str
    kind: str
    until_ms: int
    since_ms: int = 0
    question: str = ""
    about: str = ""
    """What an approval is about: the SHA-256."""
    by: tuple[str, ...] = ()
    refused: int = 0
    refusal: str = ""
    fails: bool = True
    """Its time-out is the end of the run."""


def waits_of(history: History | None) -> tuple[WaitIs, ...]:
    """Find the steps of a run that wait for somebody, or sleep."""
    if history is None or history.state is None or history.state.st != "active":
        return ()
    state = history.state
    sleeps = (
        WaitIs(history.run_id, name.removeprefix(_SLEEP), SleepStep.__name__, due_ms)
        for name, due_ms in history.timers.items()
        if name.startswith(_SLEEP)
    )
    named = (name for name in waiting.names(state) if waiting.waiting_of(state, name).until_ms)
    return (*(_wait(history.run_id, state, name) for name in named), *sleeps)


def _wait(run_id: str, state: RunState, name: str) -> WaitIs:
    found = waiting.waiting_of(state, name)
    step = plan_of(state.pinned.identity, state.get("plan") or b"").steps[name].step
    asks = step if isinstance(step, ApprovalStep) else None
    return WaitIs(
        run_id,
        name,
        step.kind,
        found.until_ms,
        found.since_ms,
        question="" if asks is None else asks.question,
        about=found.sha256,
        by=() if asks is None else asks.by,
        refused=found.refused,
        refusal=found.refusal,
        fails=getattr(step, "on_timeout", "fail") == "fail",
    )


def wait_cause(wait: WaitIs, now_ms: int) -> Cause:
    """Say what a step waits for, since when and until when."""
    until = f"until {moment(wait.until_ms)} (in {length(max(0, wait.until_ms - now_ms) / 1000)})"
    figures = {"until_ms": wait.until_ms, "since_ms": wait.since_ms, "refused": wait.refused}
    if wait.kind == SleepStep.__name__:
        text = f"{wait.step} sleeps {until}"
        return Cause("sleeping", text, "the pipeline says so", "wait", wait.step, figures)
    since = f"since {moment(wait.since_ms)} ({ago(wait.since_ms, now_ms)})"
    then = "without one the run fails" if wait.fails else "without one it leaves a hole"
    told = f"; {wait.refused} came that did not count, the last one: {wait.refusal}" if wait.refused else ""
    if wait.kind != "approval":
        return Cause(
            "awaiting_signal",
            f"{wait.step} waits for a signal, {since}, {until}",
            f"{then}{told}",
            f"argosy runs signal {wait.run_id} {wait.step} --value JSON",
            wait.step,
            figures,
        )
    who = f" by {' or '.join(wait.by)}" if wait.by else ""
    return Cause(
        "awaiting_approval",
        f"{wait.step} waits for approval{who} of {wait.about[:12] or 'what it is about'}, {since}, {until}",
        f"it asks: “{wait.question}”; {then}{told}",
        f"argosy runs approve {wait.run_id} {wait.step}",
        wait.step,
        {**figures, "about_sha256": wait.about, "question": wait.question},
    )
