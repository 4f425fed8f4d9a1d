"""Runs of the chaos app that wait: for a signal, for an approval, for a time. And who answers them.

They are answered too early, twice, with another value afterwards, of a wrong type, of a wrong hash: one counts.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Final, Protocol

from pydantic import BaseModel, JsonValue

from argosy.client.awaited import Awaited
from argosy.client.run import RunStatus
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.pipeline import Pipeline
from argosy.schemas.approval import Approval
from argosy.schemas.canonical import canonical_hash
from argosy.schemas.errors import NotFound
from argosy.testing.chaos_work import work

CLERK: Final = "the clerk"
STRANGER: Final = "a stranger"
_LOOK_SECONDS: Final = 0.2
_RIGHT: Final = 1_000_000
"""What the signal says beside the question; a later one says something else."""
_SLEEP_SECONDS: Final = 0.3
_WITHIN_SECONDS: Final = 3600


class Question(BaseModel):
    """What a run is about."""

    number: int


class Answered(BaseModel):
    """What it heard."""

    number: int
    said: int
    approval: Approval
    value: str


@agent(concurrency=16, retries=3, backoff_seconds=0.2)
async def asks(ctx: Context, question: Question) -> Question:
    """Begin: what is to be approved is not there from the first."""
    await work(ctx)
    return question


@agent(concurrency=16, retries=3, backoff_seconds=0.2)
async def closes(ctx: Context, question: Question, said: int, approval: Approval) -> Answered:
    """End."""
    value = await work(ctx)
    return Answered(number=question.number, said=said, approval=approval, value=value)


gates = Pipeline("gates", takes=Question, gives=Answered)
_asked = gates.step(asks, gates.input)
_said = gates.signal("said", int, within_seconds=_WITHIN_SECONDS)
_ok = gates.approval("Is it so?", about=_asked, name="ok", within_seconds=_WITHIN_SECONDS)
_nap = gates.sleep(_SLEEP_SECONDS, name="nap", after=[_said])
gates.returns(gates.step(closes, _asked, _said, _ok, after=[_nap]))


def wrong_gates(_run_id: str, given: JsonValue, whole: JsonValue, took: Mapping[str, str]) -> str:
    """Say what is wrong with a result: of all answers the first right ones counted. Empty: nothing."""
    number = given["number"] if isinstance(given, dict) else None
    approval: dict[str, JsonValue] = {
        "approved": True,
        "reason": "",
        "by": CLERK,
        "about_sha256": canonical_hash(given),
    }
    right: dict[str, JsonValue] = {
        "number": number,
        "said": said_of(number),
        "approval": approval,
        "value": took.get("closes"),
    }
    return "" if whole == right else f"it says {whole}, should say {right}"


def said_of(number: JsonValue) -> JsonValue:
    """Give what the signal says to a run of this question."""
    return _RIGHT + number if isinstance(number, int) else None


class Waiting(Protocol):
    """The part of a run's handle that is used here."""

    @property
    def run_id(self) -> str:
        """The run's id."""
        ...

    async def state(self) -> RunStatus:
        """Say how far it is."""
        ...

    async def waiting(self) -> list[Awaited]:
        """List what it waits for."""
        ...

    async def signal(self, name: str, value: JsonValue = None, *, signal_id: str | None = None) -> None:
        """Send a signal."""

    async def approve(
        self, step: str, *, approved: bool = True, reason: str = "", by: str = "", sha256: str | None = None
    ) -> None:
        """Answer a question."""


async def answers(run: Waiting, number: int, *, early: bool) -> None:
    """Answer a run, once it is accepted (`early`) or once it waits. Safe to repeat from the beginning.

    Raises as the handle does.
    """
    async for status in _states(run):
        if status not in ("unknown", "running"):
            return
        if status == "running" and (early or await _waits(run)):
            break
    question: JsonValue = {"number": number}
    right, said = canonical_hash(question), said_of(number)
    await run.signal("said", "no number", signal_id="wrong")
    await run.signal("no-such-step", 1, signal_id="nobody's")
    await run.approve("ok", approved=False, by=STRANGER, sha256=canonical_hash({"number": -1}))
    for _ in range(2):
        await run.signal("said", said, signal_id="right")
    await run.signal("said", 0, signal_id="late")
    with suppress(NotFound):  # answered already, by us before we died
        await run.approve("ok", by=CLERK, sha256=right if early else None)
    await run.approve("ok", by=CLERK, sha256=right)
    await run.approve("ok", approved=False, by=STRANGER, sha256=right)


async def _states(run: Waiting) -> AsyncIterator[RunStatus]:
    while True:
        yield await run.state()
        await asyncio.sleep(_LOOK_SECONDS)


async def _waits(run: Waiting) -> bool:
    return {one.step for one in await run.waiting() if one.kind == "signal" or one.about_sha256} >= {
        "said",
        "ok",
    }
