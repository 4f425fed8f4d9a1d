"""One cell of the kill matrix: a process dies or stands still at a point, and the fleet is judged afterwards."""

import asyncio
import json
import signal
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from httpx2 import AsyncClient, HTTPError

from argosy.schemas.ids import lane_of
from support.crash_app import began, diamond, takes_its_time
from support.crash_effects import NOBODY, Loss, Slept, begun_again, effects
from support.crash_history import committed_too_far, runs_in, successes_in
from support.crash_judge import budgeted, judge, letters
from support.crash_plain import plains
from support.crash_points import Cell, NotReached, reached
from support.crash_runs import END_SECONDS, Runs
from support.crash_world import CrashWorld, starved
from support.forks import Process
from support.small_fleet import LEASE_SECONDS, SESSION_SECONDS
from support.waiting import eventually
from support.witness import Where

_SUBMIT_SECONDS: Final = 0.3
"""Between two runs, until the point is reached."""
_MANY: Final = 16
_MANY_SECONDS: Final = 2.0
"""Between two runs when there are so many already: on a slow machine those get no further behind ever more of them."""
_REACH_SECONDS: Final = 240.0
_REBUILD_SECONDS: Final = 15.0
_TAKEN_SECONDS: Final = 20.0
_AFTERWARDS: Final = 2
_IN_HAND: Final = 24
"""Effects that one process may have in hand: the slots of its agents."""


@dataclass
class Play:
    """A cell under way in a world."""

    world: CrashWorld
    cell: Cell
    recorded: set[str] = field(default_factory=set[str])
    """Tasks whose memo Redis had when the process was gone."""
    done: set[str] = field(default_factory=set[str])
    """Tasks whose success the log had then."""
    gone_at: float = 0.0
    slept: Slept = NOBODY
    """The process, where it only stood still."""
    runs: Runs = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is submitted yet."""
        self.runs = Runs(self.world, self.cell)

    async def run(self) -> None:
        """Raises AssertionError that says what is wrong."""
        try:
            await self._run()
        finally:
            await self.runs.leave()

    async def _run(self) -> None:
        since = await self.world.witness.ends()
        await self.runs.save()
        match self.cell.point.role:
            case "client":
                victim = await self._client()
            case "gateway":
                victim = await self._gateway()
            case _:
                victim = await self._server()
        problems = await self._look(since, victim)
        await self._lose()
        if self.cell.point.provoke == "stall":
            await self._taken_over(since)  # with nobody to ask
            self.world.processes[0].signal(signal.SIGCONT)
        await self.runs.submit(_AFTERWARDS)
        await self.runs.all_ended()
        if self.cell.way == "stop":
            await self._resume(victim, since)
        await self.world.until_quiet(END_SECONDS)
        problems += await self._judged(since)
        assert not problems, "\n".join(problems)

    # -- to the point

    async def _server(self) -> Process:
        point = self.cell.point
        await self.runs.submit(1)
        victim = await self.world.start(point.role, cell=self.cell.id)
        provoking = asyncio.create_task(self._provoke(victim), name="provoke")
        until = time.monotonic() + _REACH_SECONDS
        try:
            while not self._reached():
                idle = point.drains and victim.ended.done() and victim.ended.result() == 0
                if (idle or starved(victim)) and time.monotonic() < until:
                    provoking.cancel()
                    victim = await self.world.start(point.role, cell=self.cell.id)
                    provoking = asyncio.create_task(self._provoke(victim), name="provoke")
                if victim.ended.done() or time.monotonic() > until:
                    raise self._not_reached(victim)
                assert not provoking.done() or provoking.exception() is None, provoking.exception()
                await self.runs.submit(1)
                await asyncio.sleep(_SUBMIT_SECONDS if len(self.runs.acknowledged) < _MANY else _MANY_SECONDS)
        finally:
            provoking.cancel()
            await asyncio.wait([provoking])
        return victim

    async def _client(self) -> Process:
        """A client by itself; whoever started it repeats the submit, as it is told to."""
        run_id, about, becomes = self.runs.next()
        words = ["--run-id", run_id, "--input", json.dumps(about.model_dump())]
        victim = await self.world.start("client", words, cell=self.cell.id)
        await self._until_reached(victim)
        await self.runs.submit_one(run_id, about, becomes)
        return victim

    async def _gateway(self) -> Process:
        """A gateway that is asked over HTTP; whoever asked repeats the submit elsewhere."""
        url = self.world.folder / f"{self.cell.id}.url"
        victim = await self.world.start("gateway", ["--ready-file", str(url)], cell=self.cell.id)
        await eventually(lambda: asyncio.to_thread(url.exists), "a gateway listens", seconds=_REACH_SECONDS)
        run_id, about, becomes = self.runs.next()
        body = {
            "pipeline": diamond.compile().model_dump(mode="json", exclude_defaults=True),
            "input": about.model_dump(),
            "run_id": run_id,
        }

        async def post() -> None:
            async with AsyncClient(timeout=_REACH_SECONDS, trust_env=False) as http:
                with suppress(HTTPError):  # it dies under us
                    await http.post(f"{url.read_text().strip()}/runs", json=body)

        posting = asyncio.create_task(post(), name="post")
        try:
            await self._until_reached(victim)
        finally:
            posting.cancel()
            await asyncio.wait([posting])
        await self.runs.submit_one(run_id, about, becomes)
        return victim

    async def _until_reached(self, victim: Process) -> None:
        async def so() -> bool:
            return self._reached() or victim.ended.done()

        await eventually(so, f"{self.cell.id} is reached", seconds=_REACH_SECONDS)
        if not self._reached():
            raise self._not_reached(victim)

    def _not_reached(self, victim: Process) -> NotReached:
        how = "ended before" if victim.ended.done() else "didn't come to"
        return NotReached(f"the process {how} {self.cell.id}: {victim.said()[-2000:]}")

    async def _provoke(self, victim: Process) -> None:
        match self.cell.point.provoke:
            case "rebuild":
                await self._until_said(victim, "lane is live")
                while True:
                    await self.world.rebuild()
                    await asyncio.sleep(_REBUILD_SECONDS)  # long enough for one to be finished
            case "terminate":
                if self.cell.point.drains:
                    # A short task would end before the time to drain is over.
                    long = takes_its_time(victim.pid)
                    await eventually(lambda: self._has(long), "the victim has long work")
                else:
                    await self._until_said(victim, "lane is live")
                victim.signal(signal.SIGTERM)
            case "stall":
                await eventually(lambda: self._has(began(victim.pid)), "the victim has work")
                self.world.processes[0].signal(signal.SIGSTOP)
            case "nothing":
                pass

    @staticmethod
    async def _until_said(victim: Process, words: str) -> None:
        async def so() -> bool:
            return words in victim.said()

        await eventually(so, f"{words!r} is logged")

    async def _has(self, key: str) -> bool:
        return self.world.ledger.times(key) > 0

    def _reached(self) -> bool:
        return self.world.ledger.times(reached(self.cell.id)) > 0

    # -- at the point

    async def _look(self, since: Mapping[Where, int], victim: Process) -> list[str]:
        """Look at what must hold at this very moment: nothing was committed too early."""

        async def so() -> bool:
            return victim.stopped if self.cell.way == "stop" else victim.ended.done()

        await eventually(so, f"the process of {self.cell.id} is gone")
        if self.cell.way != "stop":
            assert victim.ended.result() == -signal.SIGKILL, victim.ended.result()
        committed = await self.world.witness.committed()
        for run_id, becomes in self.runs.acknowledged.items():
            keys = self.world.lanes[lane_of(run_id, len(self.world.lanes))]
            for task in (f"{run_id}/{name}" for name in becomes.shape.given):
                if await self.world.redis.hexists(keys.task(task), "m:effect"):
                    self.recorded.add(task)
        lines = await self.world.witness.read(since)
        records = plains(lines)
        self.done = set(successes_in(records))
        self.gone_at = time.monotonic()
        if self.cell.way == "stop":
            # On a slow machine this look took as long as a lease lasts, and others have settled meanwhile.
            struck = self.world.ledger.first(reached(self.cell.id)) or self.gone_at
            struck_ms = (time.time() - (time.monotonic() - struck)) * 1000
            before = successes_in(plains([line for line in lines if line.time_ms < struck_ms]))
            self.slept = Slept(victim.pid, struck, frozenset(before))
        return committed_too_far(records, committed)

    async def _taken_over(self, since: Mapping[Where, int]) -> None:
        """Wait until others have come to what the log has already, and have published it again or begun anew.

        It may be that there is nothing such; so this is no condition of the cell, only of its moment.
        """
        until = time.monotonic() + (_TAKEN_SECONDS if self.done else SESSION_SECONDS + LEASE_SECONDS)
        while time.monotonic() < until:
            records = plains(await self.world.witness.read(since))
            successes = Counter(successes_in(records))
            again = {task for task in self.done if successes[task] > 1}
            if again | (self.world.ledger.noted(began(), self.gone_at) & self.done):
                return
            await asyncio.sleep(0.3)

    async def _lose(self) -> None:
        match self.cell.way:
            case "wipe":
                await self.world.lose_all()
            case "tail":
                await self.world.lose_tail()
            case _:
                pass

    async def _resume(self, victim: Process, since: Mapping[Where, int]) -> None:
        """Let it go on when its leases are over and others have done its work; it must find its way and leave."""
        await asyncio.sleep(max(0.0, self.gone_at + LEASE_SECONDS + 0.5 - time.monotonic()))
        settled = frozenset(successes_in(plains(await self.world.witness.read(since))))
        self.slept = replace(self.slept, meanwhile=settled - self.slept.before)
        victim.signal(signal.SIGCONT)
        await self.runs.submit(_AFTERWARDS)
        await self.runs.all_ended()
        if self.cell.point.role != "client" and self.cell.point.provoke != "terminate":
            victim.signal(signal.SIGTERM)  # a second one would end it at once
        try:
            async with asyncio.timeout(END_SECONDS):
                code = await asyncio.shield(victim.ended)
        except TimeoutError:
            victim.signal(signal.SIGUSR1)
            with suppress(AssertionError):
                await self._until_said(victim, "Stack for <Task")
            said = victim.said()[-12_000:]
            raise AssertionError(f"the process of {self.cell.id} woke and never ended: {said}") from None
        assert code == 0 or starved(victim), f"the process ended with {code}: {victim.said()[-3000:]}"

    # -- afterwards

    async def _ledger(self, run_id: str) -> int:
        """Tokens that a run has spent of its budget, as Redis has it."""
        keys = self.world.lanes[lane_of(run_id, len(self.world.lanes))]
        return int(await self.world.redis.hget(keys.budget(run_id), "tokens") or 0)

    async def _judged(self, since: Mapping[Where, int]) -> list[str]:
        lost = self.cell.way in {"wipe", "tail"}
        records = plains(await self.world.witness.read(since))
        runs, stored = runs_in(records), self.world.stored
        found = {run_id: runs[run_id] for run_id in self.runs.acknowledged if run_id in runs}
        problems = [f"{run_id} left no trace" for run_id in self.runs.acknowledged if run_id not in found]
        for run_id, run in found.items():
            problems += judge(run, self.runs.acknowledged[run_id], stored)
            problems += budgeted(run, self.runs.acknowledged[run_id], await self._ledger(run_id), lost=lost)
        loss = Loss(most_again=None if lost else _IN_HAND * (1 + self.world.starved), slept=self.slept)
        problems += effects(self.world.ledger, found, self.runs.acknowledged, loss)
        if not lost:
            again = {key.split("|", 1)[0] for key in self.world.ledger.made(self.gone_at) if "|" in key}
            problems += [f"{task} had its memo, and made its effect again" for task in again & self.recorded]
            problems += begun_again(self.world.ledger, self.gone_at, self.done, self.slept)
        problems += letters(records, self.runs.garbage, self.world.unreadable)
        answered = {one.id for run in runs.values() for one in run.refused}
        problems += [
            f"nobody was told that {topic}/{part}/{offset} can't be read"
            for topic, part, offset in self.runs.garbage
            if topic.endswith(".inbox") and f"{part}/{offset}" not in answered
        ]
        return problems
