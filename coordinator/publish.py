"""Sends what a lane owes: outbox entries, due timers, dispatches.

All that is due in a turn goes out together, each record again and again until Kafka acknowledges it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from argosy.coordinator.fold import leave_newer
from argosy.coordinator.lane_services import LaneServices
from argosy.coordinator.lane_state import DEADLINE, LaneState
from argosy.coordinator.letters import Letter, Letters
from argosy.coordinator.look import Look
from argosy.coordinator.looking import Looking
from argosy.coordinator.orders import Alike
from argosy.coordinator.out import Dispatch
from argosy.coordinator.outbox import Asked
from argosy.coordinator.timers import Firing, split
from argosy.schemas.errors import ArgosyError, MessageTooLarge
from argosy.telemetry import logs

MOST_IN_FLIGHT: Final = 2_000

_Answered = Callable[[ArgosyError | None], None]
T = TypeVar("T")


@dataclass(slots=True)
class _Owed:
    """A letter, and what the state is to be told of its answer, which is None once it is acknowledged."""

    letter: Letter
    what: str
    answered: _Answered


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
        """`group` owns the sends; `wake` is set when the lane has to do something about an answer."""
        self._letters, self._state = letters, state
        self._producer, self._payloads = services.producer, services.payloads
        self._group, self._wake = group, wake
        self._owed: list[_Owed] = []
        self._looking = Looking(services.payloads)
        self._answers: deque[tuple[_Answered, ArgosyError | None]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_flight = 0
        self._log = logs.get("argosy.lane")

    def absorb(self) -> None:
        """Let the state know what was answered since the last call."""
        while self._answers:
            answered, error = self._answers.popleft()
            answered(error)

    async def send_due(self, now_ms: int) -> int:
        """Begin to send what is due; return how much. Loads the runs it needs."""
        room = MOST_IN_FLIGHT - self._in_flight
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
        alike = Alike(told=logs.told())
        for dispatch in dispatches:
            self._send_dispatch(dispatch, alike, now_ms)
        self._send()
        return len(entries) + len(timers) + len(dispatches)

    def _send(self) -> None:
        """Begin to send what was written: topic by topic, so that none waits for one that has no leader."""
        owed, self._owed = self._owed, []
        self._in_flight += len(owed)
        together: dict[str, list[_Owed]] = {}
        for one in owed:
            # What has to lie in the payload store first goes alone.
            name = one.letter.record.topic if one.letter.blob is None else one.what
            together.setdefault(name, []).append(one)
        for name, some in together.items():
            self._begin(self._deliver(some), name)

    def _begin(self, sending: Coroutine[None, None, None], name: str) -> None:
        task = self._group.create_task(sending, name=f"send {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _send_entry(self, entry: str, asked: Asked, now_ms: int) -> None:
        outbox = self._state.outbox

        def answered(error: ArgosyError | None) -> None:
            if error is None:
                outbox.sent(entry, asked)
            else:
                outbox.failed(entry, asked, now_ms)

        if entry.startswith("look:"):
            look = self._written(asked.run_id, now_ms, lambda: self._letters.look(entry, asked))
            if look is not None:
                self._in_flight += 1
                self._begin(self._look(look, entry, asked, answered), entry)
                return
        letter = self._written(asked.run_id, now_ms, lambda: self._letters.outbox(entry, asked))
        if letter is None:
            outbox.sent(entry, asked)
            return
        self._owed.append(_Owed(letter, entry, answered))

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

        def answered(error: ArgosyError | None) -> None:
            if error is None:
                timers.fired(firing)
            else:
                timers.failed(firing, now_ms)

        self._owed.append(_Owed(letter, firing.member, answered))

    def _send_dispatch(self, dispatch: Dispatch, alike: Alike, now_ms: int) -> None:
        letters, out = self._letters, self._state.out

        def write() -> Letter | None:
            return letters.too_large(dispatch) if dispatch.too_large else letters.dispatch(dispatch, alike)

        letter = self._written(dispatch.run_id, now_ms, write)
        if letter is None:
            out.withdraw(dispatch.run_id, dispatch.local)
            return
        self._owed.append(_Owed(letter, dispatch.member, partial(self._ordered, dispatch, now_ms)))

    def _ordered(self, dispatch: Dispatch, now_ms: int, error: ArgosyError | None) -> None:
        if error is not None:
            # Other errors may pass; this one never will.
            dispatch.too_large = dispatch.too_large or isinstance(error, MessageTooLarge)
            self._state.out.failed(dispatch, now_ms)

    def _written(self, run_id: str, now_ms: int, write: Callable[[], T | None]) -> T | None:
        state = self._state.runs[run_id]
        leave_newer(state)
        try:
            return write()
        except Exception as error:
            if state is None or state.st not in ("active", "ending"):
                raise
            # As with a fold that raises: the run's own trouble, never its lane's.
            self._state.set_aside_unsent(run_id, now_ms, error)
            return None

    def abandon(self) -> None:
        """Wait for no answer any more."""
        for task in self._tasks:
            task.cancel()

    async def _look(self, look: Look, entry: str, asked: Asked, answered: _Answered) -> None:
        try:
            found = await self._looking.look(look, f"{asked.run_id}/{look.local}")
        except ArgosyError as error:
            self._in_flight -= 1
            self._log.warning("not looked at, will be", what=entry, error=str(error))
            self._answers.append((answered, error))
            self._wake.set()
            return
        await self._deliver([_Owed(self._letters.looked(found, asked), entry, answered)])

    async def _deliver(self, owed: Sequence[_Owed]) -> None:
        try:
            answers = await self._produce(owed)
            failed = [answer for answer in answers if answer is not None]
            for one, answer in zip(owed, answers, strict=True):
                if answer is not None and one.letter.span is not None:
                    one.letter.span.fail(answer.code, str(answer))
                self._answers.append((one.answered, answer))
        finally:
            for one in owed:
                if one.letter.span is not None:
                    one.letter.span.end()
        full, self._in_flight = self._in_flight >= MOST_IN_FLIGHT, self._in_flight - len(owed)
        if failed:
            what = next(one.what for one, answer in zip(owed, answers, strict=True) if answer is not None)
            self._log.warning("not sent, will be", count=len(failed), first=what, error=str(failed[0]))
        if failed or full:  # what Kafka has taken can be forgotten with the next commit, whenever that is
            self._wake.set()

    async def _produce(self, owed: Sequence[_Owed]) -> list[ArgosyError | None]:
        try:
            for one in owed:
                if one.letter.blob is not None:
                    await self._payloads.put(one.letter.blob)
            answers = await self._producer.send_many([one.letter.record for one in owed])
        except ArgosyError as error:  # of the payload store
            return [error] * len(owed)
        return [answer if isinstance(answer, ArgosyError) else None for answer in answers]
