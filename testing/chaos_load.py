"""The submitter of a chaos run, a process that may be killed too: `python -m argosy.testing.chaos_load LOAD.json`.

It notes in a journal which runs were acknowledged and how they ended. Run ids follow from their number: one that has
not ended before a crash is sent again under its id, with the same data, as every client should.
"""

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, JsonValue

from argosy.client.connection import Argosy
from argosy.client.run import Run
from argosy.pipelines.discover import discover
from argosy.schemas.errors import Busy, Unreachable
from argosy.schemas.runlog import RunEnded
from argosy.testing.chaos_answers import answer
from argosy.testing.chaos_purses import asking

if TYPE_CHECKING:
    from argosy.client.options import WhenBusy
    from argosy.schemas.pipeline import CompiledPipeline

_AGAIN_SECONDS: Final = 0.3
ENOUGH_TOKENS: Final = 20_000
"""For a run's model calls, though workers die in the middle of them."""
_EARLY: Final = 2
_BUSY_SECONDS: Final = 1.0
"""Whoever was refused comes again after so long at most: the fleet is to be kept full."""


class Offer(BaseModel):
    """A pipeline, and the inputs that its runs take in turn."""

    pipeline: str
    inputs: list[JsonValue]


class Load(BaseModel):
    """What is to be submitted."""

    app: str
    offers: list[Offer]
    prefix: str
    journal: Path
    ready: Path
    total: int | None = None
    """Runs in all; None: until told to stop."""
    in_flight: int = 40
    """Runs that have not ended, at most."""
    per_second: float | None = None
    answered: tuple[str, ...] = ()
    """The pipelines whose runs wait to be answered, of argosy's own app."""
    budgets: dict[str, int] = {}
    """In tokens, by pipeline: of argosy's own app. Such runs name a tenant that has a budget too."""

    def run_id(self, number: int) -> str:
        """Return the id of a run."""
        return f"{self.prefix}-{number}"

    def number(self, run_id: str) -> int | None:
        """Return the number of a run of this load; None for another's."""
        lead, _, number = run_id.rpartition("-")
        return int(number) if lead == self.prefix and number.isdecimal() else None

    def offered(self, number: int) -> tuple[str, JsonValue]:
        """Return the pipeline of a run, and its input."""
        offer = self.offers[number % len(self.offers)]
        return offer.pipeline, offer.inputs[number // len(self.offers) % len(offer.inputs)]

    def bounds(self, name: str, value: JsonValue) -> dict[str, Any]:
        """Say what runs of a pipeline may spend, for whom, and whether they ask for more."""
        if name not in self.budgets:
            return {}
        return {"budget": self.budgets[name], "tenant": "chaos", **asking(name, value)}


class Journal:
    """What happened, by the number of a run; appended at once, read by anybody.

    Lines `a NUMBER MS` (acknowledged), `s NUMBER MS` (what it waits for was answered), `b NUMBER MS` (refused: the
    fleet was full), `e NUMBER OUTCOME MS` (ended).
    """

    def __init__(self, path: Path) -> None:
        """Read what an earlier process has written."""
        self.acknowledged: dict[int, int] = {}
        self.ended: dict[int, str] = {}
        self.answered: set[int] = set()
        self.busy = 0
        self._path, self._read_to, self._file = path, 0, -1
        self.look()

    def look(self) -> None:
        """Read what was appended since."""
        with suppress(FileNotFoundError), self._path.open("rb") as file:
            file.seek(self._read_to)
            told = file.read()
            whole = told[: told.rfind(b"\n") + 1]
            self._read_to += len(whole)
            for line in whole.decode().splitlines():
                kind, number, *rest = line.split(" ")
                match kind:
                    case "a":
                        self.acknowledged[int(number)] = int(rest[0])
                    case "s":
                        self.answered.add(int(number))
                    case "b":
                        self.busy += 1
                    case _:
                        self.ended[int(number)] = rest[0]

    def write(self, *words: object) -> None:
        """Append a line: one write, so that a killed process leaves none half."""
        if self._file < 0:
            self._file = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
        os.write(self._file, (" ".join(map(str, words)) + "\n").encode())


class Submitter:
    """Submits runs, and waits for their ends."""

    def __init__(self, load: Load, fleet: Argosy) -> None:
        """Go on where the journal ends."""
        found = discover(load.app)
        self._pipelines: dict[str, CompiledPipeline] = {
            offer.pipeline: found.pipeline(offer.pipeline).compile() for offer in load.offers
        }
        self._load, self._fleet = load, fleet
        self._journal = Journal(load.journal)
        self._room = asyncio.Semaphore(load.in_flight)

    async def run(self, stop: asyncio.Event) -> None:
        """Return when all have ended, or when told to stop."""
        journal = self._journal
        open_ = [number for number in journal.acknowledged if number not in journal.ended]
        number = next(n for n in range(len(journal.acknowledged) + 1) if n not in journal.acknowledged)
        stopping = asyncio.create_task(stop.wait(), name="stop")
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(self._all(group, open_, number), name="send")
            await asyncio.wait({stopping, sending}, return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                raise asyncio.CancelledError
        stopping.cancel()

    async def _all(self, group: asyncio.TaskGroup, open_: list[int], number: int) -> None:
        for each in open_:
            await self._room.acquire()
            group.create_task(self._one(group, each), name=f"run {each}")
        load, due = self._load, time.monotonic()
        while load.total is None or number < load.total:
            if number not in self._journal.acknowledged:
                await self._room.acquire()
                group.create_task(self._one(group, number), name=f"run {number}")
                if load.per_second:
                    due = max(due + 1 / load.per_second, time.monotonic() - 1)
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
            number += 1

    async def _one(self, group: asyncio.TaskGroup, number: int) -> None:
        """Submit a run until it is taken, and wait for its end. One submit in three waits where the fleet is full."""
        name, value = self._load.offered(number)
        pipeline, run_id = self._pipelines[name], self._load.run_id(number)
        when_busy: WhenBusy = "raise" if number % 3 else "wait"
        taken = False
        while True:
            try:
                run = await self._fleet.submit(
                    pipeline, value, run_id=run_id, when_busy=when_busy, **self._load.bounds(name, value)
                )
                if not taken:
                    taken = True
                    if number not in self._journal.acknowledged:
                        self._note("a", number)
                    if name in self._load.answered and number not in self._journal.answered:
                        group.create_task(self._answer(number), name=f"answer {number}")
                ended = await _end_of(run)
            except Busy as busy:
                self._note("b", number)
                await asyncio.sleep(min(busy.retry_after_seconds, _BUSY_SECONDS))
            except Unreachable:
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                break
        self._note("e", number, ended.outcome)
        self._room.release()

    async def _answer(self, number: int) -> None:
        """Answer what the run waits for: one in two before it waits."""
        name, given = self._load.offered(number)
        run = self._fleet.run(self._load.run_id(number))
        while True:
            try:
                await answer(run, name, given, early=number % 4 < _EARLY)
            except Unreachable:
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                break
        self._note("s", number)

    def _note(self, kind: str, number: int, *words: object) -> None:
        self._journal.write(kind, number, *words, _now_ms())


async def _end_of(run: Run[Any]) -> RunEnded:
    while True:
        try:
            return await run.ended()
        except Unreachable:
            await asyncio.sleep(_AGAIN_SECONDS)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def main(load: Load) -> None:
    """Run until all is done or SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    while not stop.is_set():
        try:
            async with Argosy.connect() as fleet:
                load.ready.write_text(f"{os.getpid()}\n", encoding="ascii")
                with suppress(asyncio.CancelledError):
                    await Submitter(load, fleet).run(stop)
                return
        except Unreachable:
            await asyncio.sleep(_AGAIN_SECONDS)


if __name__ == "__main__":
    asyncio.run(main(Load.model_validate_json(Path(sys.argv[1]).read_bytes())))
