"""A run as its producer sees it: result, state, events, cancel, answers to what it waits for."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, Generic, Literal, TypeVar, assert_never

from pydantic import JsonValue

from argosy.broker.values import decode_value, load
from argosy.client import awaited, said
from argosy.client.answers import Answer, Question
from argosy.client.awaited import Awaited
from argosy.client.links import Links, RunEvent
from argosy.client.receipt import Receipt
from argosy.client.room import busy
from argosy.client.streamed import Piece, Streams
from argosy.schemas.errors import (
    NotFound,
    ResultTimeout,
    RunCancelled,
    RunConflict,
    RunError,
    RunExpired,
    RunFailed,
    RunRefused,
)
from argosy.schemas.inbox import BudgetAnswered, CancelRequested, SignalSent
from argosy.schemas.payload import INLINE_BYTES, Reference
from argosy.schemas.result import SubmitRefused
from argosy.schemas.runlog import RunEnded

R = TypeVar("R")

RunStatus = Literal["unknown", "running", "succeeded", "failed", "cancelled", "expired", "refused"]


class Run(Generic[R]):
    """A handle: it can be made again at any time by `Argosy.run(run_id)`, in any process."""

    def __init__(  # noqa: PLR0913 - what a handle knows, by name
        self,
        links: Links,
        question: Question,
        decode: Callable[[JsonValue], R],
        *,
        receipt: Receipt | None = None,
        ours: bool = False,
        again: Callable[[], Coroutine[Any, Any, Receipt]] | None = None,
    ) -> None:
        """Made by `Argosy`.

        `receipt` is None where nobody told of the submit; `ours`: it was sent by this very connection, which
        can't have missed the answer; `again` submits it once more, if it was refused as busy.
        """
        self._links, self._question, self._decode = links, question, decode
        self._receipt, self._ours, self._again = receipt, ours, again

    @property
    def run_id(self) -> str:
        """The id, under which the submit may be repeated."""
        return self._question.run_id

    @property
    def receipt(self) -> Receipt | None:
        """What Kafka acknowledged; give it to `Argosy.run` to be told of a refusal or a conflict there too."""
        return self._receipt

    async def result(self, *, timeout_seconds: float | None = None) -> R:
        """Wait for the end and return the result; may be called any number of times.

        Raises RunFailed, RunCancelled, RunExpired with the reason; RunConflict if the id is taken by a run
        with other data, RunRefused if the submit was refused, Busy if that was for want of room; ResultTimeout
        when the caller's time is up (the run goes on); PayloadGone or Unreachable if the result's payload can't
        be read.
        """
        ended = await self.ended(timeout_seconds=timeout_seconds)
        if ended.outcome != "succeeded" or ended.result is None:
            raise _error_of(self.run_id, ended)
        return self._decode(await load(ended.result, self._links.payloads))

    async def ended(self, *, timeout_seconds: float | None = None) -> RunEnded:
        """Wait for the end and return its record, whatever the outcome.

        Raises as `result`, but no error of the run itself.
        """
        seconds = said.seconds_of("result", "timeout_seconds", timeout_seconds)
        try:
            async with asyncio.timeout(seconds):
                answer = await self._answer()
        except TimeoutError:
            raise ResultTimeout(self.run_id, f"has not ended within {seconds:g} s") from None
        return self._checked(answer)

    async def find(self) -> RunEnded | None:
        """Return the run's end if it has one, without waiting for it; None: not yet, or no such run.

        Raises as `ended`. Where Redis knows nothing of the run this reads the whole topic of results.
        """
        answer = self._links.answers.known(self._question) or await self._links.ended(self._question)
        return None if answer is None else self._checked(answer)

    async def conflicts(self) -> bool:
        """Say whether the run of this id was accepted with other data than ours, as far as Redis knows now.

        Raises Unreachable.
        """
        if self._receipt is None:
            return False
        return await self._links.data_hash(self.run_id) not in ("", self._receipt.data_hash)

    async def state(self) -> RunStatus:
        """Say how far the run is. `unknown`: not accepted yet, or ended and forgotten. Raises Unreachable."""
        answer = self._links.answers.known(self._question)
        if isinstance(answer, SubmitRefused):
            return "refused"
        if answer is not None:
            return answer.outcome
        state, ended = await self._links.stored(self.run_id)
        match state:
            case "ended" if ended is not None:
                return ended.outcome
            case "active" | "ending":
                return "running"
            case "cancel":
                return "cancelled"
            case _:
                return "unknown"

    async def events(self, *, since_ms: int | None = None) -> AsyncGenerator[RunEvent]:
        """Yield what happens, until the run has ended.

        For people who watch, nothing correct depends on it. `since_ms`: from about then on; else from the
        submit on, where it is known, or all that is kept.
        """
        since_ms = said.since_of("events", since_ms)
        since = since_ms if since_ms is not None or self._receipt is None else self._receipt.submitted_ms
        async with aclosing(self._links.events(self._question, since)) as events:
            async for event in events:
                yield event

    async def texts(self, *, since_ms: int | None = None) -> AsyncGenerator[Piece]:
        """Yield the pieces of text that its tasks stream, until the run has ended; those of each one's newest attempt.

        A piece that is `restarted` makes void what came of its task before. Lossy, as `events`.
        """
        streams = Streams()
        async with aclosing(self.events(since_ms=since_ms)) as events:
            async for event in events:
                piece = streams.take(event.message)
                if piece is not None:
                    yield piece

    async def cancel(self, reason: str = "") -> None:
        """Ask for the run to end as cancelled; returns once the request is safe.

        Idempotent, and may come before the run, by an hour at most. `reason` has 1000 characters at most.
        Raises BadArgument for another; Unreachable, Refused.
        """
        cancel = said.message_of(CancelRequested, "cancel", reason=reason)
        await self._links.send(self.run_id, secrets.token_hex(16), cancel)

    async def signal(self, name: str, value: JsonValue = None, *, signal_id: str | None = None) -> None:
        """Tell a waiting step something; returns once it is safe. `signal_id` makes a repeat harmless.

        `name` is the step's in the run: `ok`, in a pipeline inside `c/ok`, in a map's shard `c.7/ok`. It is kept until
        the step waits for it, but not for a run that isn't accepted yet (`state` says `unknown`): then it is
        dropped. A value that isn't what the step takes doesn't count: events and `waiting` tell of it.

        Raises BadArgument, InvalidInput for a value that is no JSON; Unreachable, Refused.
        """
        await self._signal(name, said.json_of(value, "the signal's value"), None, signal_id)

    async def approve(
        self,
        step: str,
        *,
        approved: bool = True,
        reason: str = "",
        by: str = "",
        sha256: str | None = None,
    ) -> None:
        """Answer the question of an approval step, yes or (`approved=False`) no; returns once it is safe.

        `sha256` is of the value that the answer is about (`Awaited.about_sha256`): it counts only for that one. None:
        for the value that the step shows now. `by` says who you are.

        Raises BadArgument, NotFound if `sha256` is None and no such step waits; Unreachable, Refused.
        """
        if sha256 is None:
            found = [one for one in await self.waiting() if one.step == step and one.about_sha256]
            if not found:
                raise NotFound(
                    f"no approval {step!r} of run {self.run_id} waits for an answer",
                    "it has one already, does not wait yet, or there is no such step",
                    f"argosy runs waiting --run {self.run_id}",
                )
            sha256 = found[0].about_sha256
        sha256 = said.sha256_of(sha256)
        answer = said.json_of({"approved": approved, "reason": reason, "by": by}, "the answer")
        await self._signal(step, answer, sha256, None)

    async def raise_budget(
        self,
        tokens: int | None = None,
        *,
        micros: int | None = None,
        by: str = "",
        reason: str = "",
        answer_id: str | None = None,
    ) -> None:
        """Raise what the whole run may take, to so many tokens or so much money (millionths); returns once it is safe.

        What it took counts in. A budget is only ever raised, and a limit that the run doesn't have is not set: events
        tell (`budget_raised`, `budget_kept`). Tasks that wait for it go on; so do those that were refused by less
        meanwhile. `answer_id` makes a repeat harmless. Not for a run that isn't accepted yet.

        Raises BadArgument; Unreachable, Refused.
        """
        answer = said.message_of(
            BudgetAnswered, "raise_budget", tokens=tokens, micros=micros, by=by, reason=reason
        )
        await self._answer_budget(answer, answer_id, "raise_budget")

    async def deny_budget(self, *, reason: str = "", by: str = "", answer_id: str | None = None) -> None:
        """Say that its budget won't be raised; returns once it is safe.

        The tasks that wait for it fail with what they were refused for, and from now on any that is refused fails at
        once, until the budget is raised after all. Otherwise as `raise_budget`.
        """
        answer = said.message_of(BudgetAnswered, "deny_budget", refused=True, by=by, reason=reason)
        await self._answer_budget(answer, answer_id, "deny_budget")

    async def _answer_budget(self, answer: BudgetAnswered, answer_id: str | None, call: str) -> None:
        chosen = None if answer_id is None else said.signal_id_of(answer_id, call, "answer_id")
        await self._links.send(self.run_id, chosen or secrets.token_hex(16), answer)

    async def waiting(self) -> list[Awaited]:
        """List the signals, approvals and answers about its budget that the run waits for, as Redis knows now.

        Raises Unreachable.
        """
        return await awaited.of_run(self._links, self.run_id)

    async def _signal(self, name: str, data: bytes, sha256: str | None, signal_id: str | None) -> None:
        value: dict[str, object] = {"value": decode_value(data)}
        if len(data) > INLINE_BYTES:
            stored = await self._links.payloads.put(data)
            value = {"value_ref": Reference(sha256=stored, bytes=len(data), tokens=0)}
        signal = said.message_of(SignalSent, "signal", name=name, about_sha256=sha256, **value)
        ce_id = secrets.token_hex(16) if signal_id is None else said.signal_id_of(signal_id)
        await self._links.send(self.run_id, ce_id, signal)

    async def _answer(self) -> Answer:
        answers = self._links.answers
        if not self._ours and answers.known(self._question) is None:
            found = await self._links.ended(self._question)
            if found is not None:
                return found
        while True:
            answer = await answers.wait(self._question)
            if self._again is None or not isinstance(answer, SubmitRefused) or answer.full is None:
                return answer
            await asyncio.sleep(answer.full.retry_after_seconds)
            self._receipt = await self._again()
            self._question = Question(self.run_id, self._receipt.position)

    def _checked(self, answer: Answer) -> RunEnded:
        if isinstance(answer, SubmitRefused):
            raise _refusal(self.run_id, answer)
        if self._receipt is not None and answer.data_hash not in ("", self._receipt.data_hash):
            raise RunConflict(self.run_id, "is taken by a run with other data")
        return answer


def _refusal(run_id: str, answer: SubmitRefused) -> RunError:
    told = not answer.field or answer.reason.endswith(f"_{answer.field}")  # unknown_pipeline says which field
    where = "" if told else f"{answer.field}: "
    if answer.reason == "conflict":
        return RunConflict(run_id, answer.message)
    if answer.full is not None:
        return busy(run_id, answer.full)
    return RunRefused(run_id, f"{answer.reason}: {where}{answer.message}", field=answer.field)


def _error_of(run_id: str, ended: RunEnded) -> RunError:
    fault = ended.fault
    at = f" ({fault.task_id})" if fault and fault.task_id else ""
    reason = f"{fault.said}{at}" if fault else ""
    match ended.outcome:
        case "failed" | "succeeded":
            return RunFailed(run_id, reason or "it has no result")
        case "cancelled":
            return RunCancelled(run_id, reason)
        case "expired":
            return RunExpired(run_id, reason)
        case _:
            assert_never(ended.outcome)
