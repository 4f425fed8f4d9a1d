"""Sends what a lane owes: outbox entries, due timers, dispatches.

Many at once, each until Kafka acknowledges it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Final

from argosy.coordinator.lane_services import LaneServices
from argosy.coordinator.lane_state import DEADLINE, LaneState
from argosy.coordinator.letters import Letter, Letters
from argosy.coordinator.out import Dispatch
from argosy.coordinator.outbox import Asked
from argosy.coordinator.timers import Firing, split
from argosy.schemas.errors import ArgosyError, MessageTooLarge
from argosy.telemetry import logs

MOST_IN_FLIGHT: Final = 2_000
_Answer = Callable[[], None]


class Publish:
    """One lane's sends since it was taken.

    Answers wait in `absorb` for the lane's own turn: state has one writer.
    """

    def __init__(
        self,
        letters: Letters,
        state: LaneState,
        services: LaneServices,
        group: asyncio.TaskGroup,
        wake: asyncio.Event,
    ) -> None:
        """`group` owns the sends; `wake` is set when one is answered."""
        self._letters, self._state = letters, state
        self._producer, self._payloads = services.producer, services.payloads
        self._group, self._wake = group, wake
        self._answers: deque[_Answer] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = logs.get("argosy.lane")

    def absorb(self) -> None:
        """Let the state know what was answered since the last call."""
        while self._answers:
            self._answers.popleft()()

    async def send_due(self, now_ms: int) -> int:
        """Begin to send what is due; return how much. Loads the runs it needs."""
        room = MOST_IN_FLIGHT - len(self._tasks)
        if room <= 0:
            return 0
        entries = self._state.outbox.due(now_ms, room)
        timers = self._state.timers.due(now_ms, room)
        dispatches = self._state.out.due(now_ms, room)
        await self._state.runs.load([
            *(asked.run_id for _, asked in entries),
            *(split(firing.member)[0] for firing in timers),
            *(dispatch.run_id for dispatch in dispatches),
        ])  # fmt: skip
        for entry, asked in entries:
            self._send_entry(entry, asked, now_ms)
        for firing in timers:
            self._send_timer(firing, now_ms)
        for dispatch in dispatches:
            self._send_dispatch(dispatch, now_ms)
        return len(entries) + len(timers) + len(dispatches)

    def _send_entry(self, entry: str, asked: Asked, now_ms: int) -> None:
        outbox = self._state.outbox
        letter = self._written(asked.run_id, now_ms, lambda: self._letters.outbox(entry, asked))
        if letter is None:
            outbox.sent(entry, asked)
            return
        sent, failed = partial(outbox.sent, entry, asked), partial(outbox.failed, entry, asked, now_ms)
        self._begin(self._deliver(letter, entry, sent, failed), entry)

    def _send_timer(self, firing: Firing, now_ms: int) -> None:
        run_id, name = split(firing.member)
        timers = self._state.timers
        if run_id in self._state.quarantine:
            if name == DEADLINE:
                offset = self._state.quarantine[run_id].offset
                self._state.outbox.ask(f"end:{run_id}", Asked(offset, run_id))
            timers.fired(firing)
            return
        letter = self._written(run_id, now_ms, lambda: self._letters.timer(firing.member))
        if letter is None:
            timers.fired(firing)
            return
        sent, failed = partial(timers.fired, firing), partial(timers.failed, firing, now_ms)
        self._begin(self._deliver(letter, firing.member, sent, failed), firing.member)

    def _send_dispatch(self, dispatch: Dispatch, now_ms: int) -> None:
        letters, out = self._letters, self._state.out
        write = letters.too_large if dispatch.too_large else letters.dispatch
        letter = self._written(dispatch.run_id, now_ms, lambda: write(dispatch))
        if letter is None:
            out.withdraw(dispatch.run_id, dispatch.local)
            return
        failed = partial(out.failed, dispatch, now_ms)
        self._begin(self._order(letter, dispatch, failed), dispatch.member)

    def _written(self, run_id: str, now_ms: int, write: Callable[[], Letter | None]) -> Letter | None:
        try:
            return write()
        except Exception as error:
            state = self._state.runs[run_id]
            if state is None or state.st not in ("active", "ending"):
                raise
            # As with a fold that raises: the run's own trouble, never its lane's.
            self._state.set_aside_unsent(run_id, now_ms, error)
            return None

    def _begin(self, sending: Coroutine[None, None, None], name: str) -> None:
        task = self._group.create_task(sending, name=f"send {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def abandon(self) -> None:
        """Wait for no answer any more."""
        for task in self._tasks:
            task.cancel()

    async def _deliver(self, letter: Letter, what: str, sent: _Answer, failed: _Answer) -> None:
        try:
            await self._produce(letter)
        except ArgosyError as error:
            self._say(what, error)
            self._answer(failed)
        else:
            self._answer(sent)

    async def _order(self, letter: Letter, dispatch: Dispatch, failed: _Answer) -> None:
        try:
            await self._produce(letter)
        except ArgosyError as error:
            # Other errors may pass; this one never will.
            dispatch.too_large = dispatch.too_large or isinstance(error, MessageTooLarge)
            self._say(dispatch.member, error)
            self._answer(failed)

    async def _produce(self, letter: Letter) -> None:
        try:
            if letter.blob is not None:
                await self._payloads.put(letter.blob)
            await self._producer.send(letter.record)
        except ArgosyError as error:
            if letter.span is not None:
                letter.span.fail(error.code, str(error))
            raise
        finally:
            if letter.span is not None:
                letter.span.end()

    def _answer(self, answer: _Answer) -> None:
        self._answers.append(answer)
        self._wake.set()

    def _say(self, what: str, error: ArgosyError) -> None:
        self._log.warning("not sent, will be", what=what, error=str(error))
