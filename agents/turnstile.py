"""The calls of one process that wait at one model's bucket, or are under way: they speak to it with one voice.

All that is new goes out in one round trip; while calls wait, the bucket is asked again when the first may be due. Who
has to wait longer than its patience is told so, and keeps its place for when it comes back.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from argosy.agents.bucket import LEASE_SECONDS, Bucket, Told, Word
from argosy.schemas.errors import ModelBusy, Refused, Unreachable
from argosy.telemetry import logs, metrics

HOLD_SECONDS: Final = LEASE_SECONDS / 3
_LEAST_SECONDS: Final = 0.02
_MOST_SECONDS: Final = 0.25
_AWAY_SECONDS: Final = 60.0
"""Nobody is sent away for longer: an estimate that long is a guess."""
_KEPT_SECONDS: Final = 30.0
"""So much later than told one may come back and still have its place: the next slot may take a while."""
_SENTENCE: Final = 200
"""Words in one round trip: a script holds up all of Redis."""


@dataclass(slots=True, eq=False)
class Party:
    """The calls of one attempt: handing its slot back makes again what it was let in for, so then it waits here."""

    let_in: int = 0
    """Calls of it that were let in, and weren't refused after all."""


@dataclass(slots=True, eq=False)
class Call:
    """A call that waits for its turn, or is under way."""

    id: str
    place: str
    agent: str
    tokens: int
    until: float
    """By the loop's clock: how long it waits here."""
    party: Party = field(default_factory=Party)
    turn: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def waits_until(self, then: float) -> bool:
        """Say whether it waits here for a turn that comes `then`."""
        return self.party.let_in > 0 or then <= self.until


class Turnstile:
    """One for each limited model of a process. Belongs to one event loop."""

    def __init__(self, bucket: Bucket) -> None:
        """Nobody waits yet."""
        self.bucket = bucket
        self._waiting: dict[str, Call] = {}
        self._held: dict[str, Call] = {}
        self._words: deque[Word] = deque()
        self._news = asyncio.Event()
        self._held_told = 0.0
        self._next = _MOST_SECONDS
        self._closed = False

    async def enter(self, call: Call) -> None:
        """Wait for a call's turn. Raises ModelBusy if that takes longer than it may wait here, Unreachable, Refused."""
        self._waiting[call.id] = call
        self._news.set()
        try:
            await call.turn
        except asyncio.CancelledError:
            if self._waiting.pop(call.id, None) is not None:
                self._say(Word("leave", call.id, call.place, call.agent, call.tokens))
            elif self._held.pop(call.id, None) is not None:  # granted, and cancelled before it heard of it
                self._say(Word("drop", call.id))
            raise

    def ended(self, call: Call, used: int) -> None:
        """Tell what a call took."""
        self._over(call, Word("end", call.id, tokens=used))

    def dropped(self, call: Call) -> None:
        """Give back what was granted for a call that wasn't made."""
        call.party.let_in -= 1
        self._over(call, Word("drop", call.id))

    def busy(self, call: Call, seconds: float, *, over_limit: bool) -> None:
        """Tell that the server refused a call and wants patience: of the whole fleet, slowed if it was too fast."""
        call.party.let_in -= 1
        self._over(call, Word("busy" if over_limit else "loaded", call.id, ms=round(seconds * 1000)))

    async def run(self) -> None:
        """Speak with the bucket until `close`; then say what is left to say, once."""
        while not self._closed:
            await self._wait()
            if not await self._speak() and not self._closed:
                await asyncio.sleep(_MOST_SECONDS)

    def close(self) -> None:
        """Let nobody in any more."""
        self._closed = True
        self._waiting.clear()
        self._held.clear()
        self._news.set()

    # -- inside

    def _say(self, word: Word) -> None:
        self._words.append(word)
        self._news.set()

    def _over(self, call: Call, word: Word) -> None:
        self._held.pop(call.id, None)
        self._say(word)

    async def _wait(self) -> None:
        seconds = self._next if self._waiting else HOLD_SECONDS if self._held else None
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            pass
        await asyncio.sleep(0)  # what comes in the same turn goes out together
        self._news.clear()

    async def _speak(self) -> bool:
        """Make one round trip; say whether it was one."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        words = [self._words[index] for index in range(min(_SENTENCE, len(self._words)))]
        said = len(words)
        if self._held and began - self._held_told >= HOLD_SECONDS:
            words += (Word("hold", one.id, one.place, one.agent, one.tokens) for one in self._held.values())
            self._held_told = began
        asked = tuple(self._waiting.values())[:_SENTENCE]
        asks = (Word("ask", one.id, one.place, one.agent, one.tokens) for one in asked)
        try:
            told = await self.bucket.tell([*chain(words, asks)])
        except (Unreachable, Refused) as error:
            self._unheard(error, loop.time())
            return False
        for _ in range(said):
            self._words.popleft()
        if self._words:
            self._news.set()
        if told.fresh:
            logs.get("argosy.model").info("a bucket begins anew", model=self.bucket.keys.model)
            self._held_told = 0.0
            self._news.set()
        self._hear(asked, told, late=loop.time() - began > HOLD_SECONDS)
        return True

    def _hear(self, asked: tuple[Call, ...], told: Told, *, late: bool) -> None:
        now = asyncio.get_running_loop().time()
        metrics.bucket_seen(
            self.bucket.keys.model,
            tokens=told.tokens if self.bucket.limits.tokens_per_minute else None,
            rate_per_mille=told.rate_per_mille,
            held=told.held,
            waiting=told.waiting,
        )
        waiting: list[tuple[Call, int]] = []
        for call, wait_ms in zip(asked, told.waits_ms, strict=True):
            if call.id not in self._waiting:
                continue  # left meanwhile
            if wait_ms is not None:
                waiting.append((call, wait_ms))
            elif not late:  # else its lease may be over: the next answer tells
                self._admit(call)
        first = _MOST_SECONDS * 1000
        # Those of one attempt that wait at once stay or go together: each keeps its place, none is made in vain.
        near = {call.party for call, wait_ms in waiting if call.waits_until(now + wait_ms / 1000)}
        for call, wait_ms in waiting:
            if call.party in near:
                first = min(first, wait_ms)
            else:
                self._send_away(call, wait_ms / 1000, now)
        self._next = max(_LEAST_SECONDS, first / 1000)

    def _admit(self, call: Call) -> None:
        del self._waiting[call.id]
        self._held[call.id] = call
        call.party.let_in += 1
        if not call.turn.done():
            call.turn.set_result(None)

    def _send_away(self, call: Call, wait: float, now: float) -> None:
        """Keep its place, and let it come back when its turn is near."""
        del self._waiting[call.id]
        patience = max(0.0, call.until - now)
        seconds = min(_AWAY_SECONDS, max(1.0, wait - patience / 2))
        keep_ms = round((seconds + _KEPT_SECONDS) * 1000)
        self._say(Word("leave", call.id, call.place, call.agent, call.tokens, keep_ms))
        if not call.turn.done():
            model = self.bucket.keys.model
            message = f"{model} is at its limit: {call.agent}'s turn comes in about {wait:.0f} s"
            call.turn.set_exception(ModelBusy(message, after_seconds=seconds))

    def _unheard(self, error: Unreachable | Refused, now: float) -> None:
        """Without Redis nobody is let in; who has waited long enough hands its slot back."""
        for call in tuple(self._waiting.values()):
            if not call.waits_until(now):
                del self._waiting[call.id]
                self._say(
                    Word("leave", call.id, call.place, call.agent, call.tokens, round(_KEPT_SECONDS * 1000))
                )
                if not call.turn.done():
                    call.turn.set_exception(error.with_traceback(None))
