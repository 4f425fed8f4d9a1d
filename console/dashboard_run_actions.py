"""What may be done to runs: cancel, redrive, replay, and the answers to approvals. Each may be sent twice."""

import asyncio
import getpass
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json

from argosy.broker.values import load
from argosy.client.awaited import Awaited, of_run
from argosy.client.run import Run
from argosy.console.connection import SAME, Argosy, Changes, Replay
from argosy.console.dashboard_budget_action import BUDGET_ACTION
from argosy.console.dashboard_page import Action, Done, Field, Form, Question
from argosy.console.dashboard_task import pretty
from argosy.console.dashboard_text import cut
from argosy.console.numbers import counted
from argosy.schemas.errors import BadArgument, NotFound, Refused, RunConflict, Unreachable
from argosy.schemas.ids import is_run_id

if TYPE_CHECKING:
    from argosy.console.dashboard_desk import Desk

_ENDED: Final = frozenset({"succeeded", "failed", "cancelled", "expired"})
_CHARACTERS: Final = 4_000
_MOST_NAMED: Final = 12
_MOST_JSON: Final = 50_000
ACCEPTED_SECONDS: Final = 10.0
_AGAIN_SECONDS: Final = 0.05


def run_of(form: Form) -> str:
    """Read the run's id. Raises BadArgument."""
    run_id = form.get("run_id", "")
    if not is_run_id(run_id):
        raise BadArgument("no run is named", why="the form has no run id", do="begin on the run's page")
    return run_id


async def ask_cancel(desk: "Desk", form: Form) -> Question:
    """Ask whether to end a run."""
    run_id = run_of(form)
    line = desk.index.run(run_id)
    facts = (
        ()
        if line is None
        else (("Pipeline", line.shape.pipeline), ("State", line.state), ("Tasks done", str(line.settled)))
    )
    reason = Field("reason", "Reason (kept with the run)")
    said = "Work that is under way is stopped; what has succeeded stays in the log."
    return Question(
        f"Cancel run {run_id}?", "Cancel the run", (*facts, ("Then", said)), (reason,), danger=True
    )


async def do_cancel(desk: "Desk", form: Form) -> Done:
    """Ask for its end; of a run that has ended nothing is done."""
    run_id = run_of(form)
    async with Argosy.connect(desk.settings) as fleet:
        run, state = fleet.run(run_id), None
        with suppress(Unreachable, Refused):  # Redis away: the request is safe in Kafka all the same
            state = await run.state()
        if state in _ENDED:
            return Done(
                f"Run {run_id} has ended already: {state}", f"/runs/{run_id}", good=state == "cancelled"
            )
        await run.cancel(form.get("reason", ""))
    return Done(f"Cancel of run {run_id} requested", f"/runs/{run_id}")


async def ask_redrive(desk: "Desk", form: Form) -> Question:
    """Say what would be tried again, and ask."""
    run_id = run_of(form)
    async with Argosy.connect(desk.settings) as fleet:
        prepared = await fleet.prepare(run_id, Changes(retry=True))
        fresh = await fleet.fresh_id(run_id)
    return Question(f"Redrive run {run_id}?", "Start the new run", _told(prepared), (_id(fresh),))


async def do_redrive(desk: "Desk", form: Form) -> Done:
    """Start it."""
    return await _again(desk, form, Changes(retry=True))


async def ask_replay(desk: "Desk", form: Form) -> Question:
    """Ask from which step, and with which input."""
    run_id = run_of(form)
    kept = await desk.history(run_id)
    accepted = kept.history.accepted
    if accepted is None:
        raise NotFound(f"no run {run_id} in the run log", "", "/runs lists those there are")
    async with Argosy.connect(desk.settings) as fleet:
        fresh = await fleet.fresh_id(run_id)
    steps = ("", *(step.name for step in accepted.pipeline.steps))
    return Question(
        f"Replay run {run_id}?",
        "Start the new run",
        (("Reused", "what this does not touch: for it no call is made, and no usage counted"),),
        (
            Field("from", "Run this step anew, and what reads it", steps[-1], "choice", steps),
            Field("input", "Another input, as JSON (empty: the same)", "", "area", most=_MOST_JSON),
            _id(fresh),
        ),
    )


async def do_replay(desk: "Desk", form: Form) -> Done:
    """Start it. Raises BadArgument for an input that is no JSON, and where nothing would run."""
    text = form.get("input", "").strip()
    value: Any = SAME
    if text:
        try:
            value = from_json(text, allow_inf_nan=False)
        except ValueError as error:
            raise BadArgument(
                "the input is no JSON", why=str(error), do='write texts in quotes: "text"'
            ) from None
    step = form.get("from", "")
    return await _again(desk, form, Changes(from_=frozenset((step,) if step else ()), value=value))


async def _again(desk: "Desk", form: Form, changes: Changes) -> Done:
    run_id, new = run_of(form), form.get("new_run_id", "")
    if not is_run_id(new):
        raise BadArgument(
            "the new run has no id", why="the field is empty, or no id", do="letters, digits, ._-"
        )
    known = desk.index.run(new)
    if known is not None and known.replay_of != run_id:
        raise BadArgument(
            f"there is a run {new} already, and it is another one: nothing was sent",
            why="ids of runs are never used again",
            do="begin once more: another id is proposed",
        )
    if known is not None:
        return Done(f"Run {new} is there already: nothing was sent", f"/runs/{new}")
    async with Argosy.connect(desk.settings) as fleet:
        prepared = await fleet.prepare(run_id, changes)
        try:
            run = await fleet.start(prepared, new_run_id=new)
        except RunConflict:
            raise BadArgument(
                f"there is a run {new} already, and it is another one",
                why="somebody took the id meanwhile",
                do="begin once more: another id is proposed",
            ) from None
        await until_accepted(run)
    reused = counted(len(prepared.submit.reused), "result")
    return Done(f"Run {run.run_id} started, with {reused} of {run_id}", f"/runs/{run.run_id}")


async def until_accepted(run: Run[Any]) -> None:
    """Wait a while until there is something of the run to show: its page would say that there is no such run."""
    with suppress(TimeoutError, Unreachable, Refused):
        async with asyncio.timeout(ACCEPTED_SECONDS):
            while await run.state() == "unknown":  # noqa: ASYNC110 - made known by another process
                await asyncio.sleep(_AGAIN_SECONDS)


def _told(prepared: Replay) -> tuple[tuple[str, str], ...]:
    runs, more = prepared.runs[:_MOST_NAMED], len(prepared.runs) - _MOST_NAMED
    return (
        ("Reused", counted(len(prepared.submit.reused), "result")),
        ("Run anew", ", ".join(runs) + (f" and {more} more" if more > 0 else "")),
    )


def _id(fresh: str) -> Field:
    return Field("new_run_id", "Id of the new run (sent twice, it is one run)", fresh, most=128)


def asked_of(form: Form) -> tuple[bool, str, str, str]:
    """Read `yes|no RUN STEP SHA256`. Raises BadArgument."""
    match form.get("asked", "").split(" "):
        case ["yes" | "no" as verdict, run_id, step, sha256] if is_run_id(run_id):
            return verdict == "yes", run_id, step, sha256
        case _:
            raise BadArgument(
                "no approval is named", why="the form is not whole", do="begin on the page of approvals"
            )


async def ask_approve(desk: "Desk", form: Form) -> Question:
    """Show the question and the value once more, and ask."""
    yes, run_id, step, sha256 = asked_of(form)
    one = await _waits(desk, run_id, step, sha256)
    value = (
        "" if one.about is None else cut(pretty(await load(one.about, desk.services.payloads)), _CHARACTERS)
    )
    return Question(
        f"{'Approve' if yes else 'Refuse'}: {one.question}",
        "Approve" if yes else "Refuse",
        (("Run, step", f"{run_id}, {step}"), ("Value", value), ("SHA-256", sha256)),
        (
            Field("reason", "Reason (kept with the answer)"),
            Field("by", "Who answers", one.by[0] if len(one.by) == 1 else _user(), most=128),
        ),
        danger=not yes,
    )


async def do_approve(desk: "Desk", form: Form) -> Done:
    """Send the answer, for this value alone."""
    yes, run_id, step, sha256 = asked_of(form)
    await _waits(desk, run_id, step, sha256)
    async with Argosy.connect(desk.settings) as fleet:
        await fleet.run(run_id).approve(
            step, approved=yes, reason=form.get("reason", ""), by=form.get("by", ""), sha256=sha256
        )
    word = "Approved" if yes else "Refused"
    return Done(f"{word}: {run_id}/{step}; the run goes on once its lane has read it", f"/runs/{run_id}")


async def _waits(desk: "Desk", run_id: str, step: str, sha256: str) -> Awaited:
    found = next((one for one in await of_run(desk.services, run_id) if one.step == step), None)
    if found is None:
        raise NotFound(
            f"{run_id}/{step} waits no more: nothing was sent",
            "it has its answer already, or the run has ended",
            "the run's page shows how it went on",
        )
    if found.about_sha256 != sha256:
        raise BadArgument(
            f"{run_id}/{step} is about another value now: nothing was sent",
            why=f"it is about {found.about_sha256[:12]}…, the answer was for {sha256[:12]}…",
            do="look at the page of approvals once more",
        )
    return found


def _user() -> str:
    try:
        return getpass.getuser()
    except OSError:
        return ""


ACTIONS: Final = (
    Action("cancel", ask_cancel, do_cancel),
    Action("redrive", ask_redrive, do_redrive),
    Action("replay", ask_replay, do_replay),
    Action("approve", ask_approve, do_approve),
    BUDGET_ACTION,
)
