"""The answers to submits: one reader of `argosy.results` per client, and who waits for which run."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from argosy.broker.log import Follower, Record
from argosy.schemas.codec import decode_body
from argosy.schemas.envelope import read_envelope
from argosy.schemas.errors import ArgosyError, BadMessage, NewerVersion
from argosy.schemas.result import SubmitRefused
from argosy.schemas.runlog import RunEnded
from argosy.telemetry import logs

Answer = RunEnded | SubmitRefused

READ_SECONDS: Final = 1.0
_KEPT: Final = 10_000
"""Answers that nobody has asked for yet; the oldest are forgotten, and would be looked up again."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is waited for: how a run ended, or why the submit at this inbox position was refused (None.

    Not ours).
    """

    run_id: str
    position: str | None = None

    def accepts(self, answer: Answer) -> bool:
        """Say whether an answer about this run answers this question."""
        return isinstance(answer, RunEnded) or answer.position == self.position


class Answers:
    """Reads on while the client is open.

    Results are published at least once: the same bytes, so any copy will do.
    """

    def __init__(self, follower: Follower) -> None:
        """`follower` is of the results' topic, unstarted."""
        self._follower = follower
        self._waiting: dict[str, list[tuple[Question, asyncio.Future[Answer]]]] = {}
        self._broken: ArgosyError | None = None
        self._kept: OrderedDict[tuple[str, str], Answer] = OrderedDict()

    async def start(self) -> None:
        """Fix the position: every answer published from now on will be seen. Raises Unreachable."""
        await self._follower.start()

    async def close(self) -> None:
        """Stop following: for when `run` was cancelled before its first step, and so closed nothing. Idempotent."""
        await self._follower.close()

    async def run(self) -> None:
        """Hand out answers until cancelled."""
        try:
            while True:
                for record in await self._follower.read(READ_SECONDS):
                    self.take(record)
        except ArgosyError as error:
            self._broken = error
            for _, future in [entry for entries in self._waiting.values() for entry in entries]:
                if not future.done():
                    future.set_exception(error)
            raise
        finally:
            await self._follower.close()

    def take(self, record: Record) -> None:
        """Hand out the answer that a record holds."""
        found = read_answer(record)
        if found is None:
            return
        run_id, answer = found
        self.keep(run_id, answer)
        for question, future in self._waiting.get(run_id, ()):
            if question.accepts(answer) and not future.done():
                future.set_result(answer)

    def keep(self, run_id: str, answer: Answer) -> None:
        """Remember an answer, wherever it was found."""
        position = "" if isinstance(answer, RunEnded) else answer.position
        self._kept[run_id, position] = answer
        self._kept.move_to_end((run_id, position))
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    def known(self, question: Question) -> Answer | None:
        """Return the answer if it has come already."""
        refused = self._kept.get((question.run_id, question.position or "-"))
        return refused or self._kept.get((question.run_id, ""))

    async def wait(self, question: Question) -> Answer:
        """Return the answer when it comes."""
        known = self.known(question)
        if known is not None:
            return known
        if self._broken is not None:
            raise self._broken
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        entry = question, future
        waiting = self._waiting.setdefault(question.run_id, [])
        waiting.append(entry)
        try:
            return await future
        finally:
            waiting.remove(entry)
            if not waiting:
                self._waiting.pop(question.run_id, None)


def read_answer(record: Record) -> tuple[str, Answer] | None:
    """Decode a record of the results' topic; None for what isn't an answer that this release knows."""
    try:
        envelope = read_envelope(record.headers)
        message = decode_body(envelope, record.value)
    except (BadMessage, NewerVersion) as error:
        logs.get("argosy.client").warning("unreadable result", offset=record.offset, error=str(error))
        return None
    return (envelope.subject, message) if isinstance(message, RunEnded | SubmitRefused) else None
