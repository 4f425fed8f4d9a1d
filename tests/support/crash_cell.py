"""One cell of the kill matrix: a process dies or stands still at a point, and the fleet is judged afterwards."""

import asyncio
import json
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from argosy.broker.payloads import ObstorePayloads
from argosy.schemas.errors import ArgosyError
from argosy.schemas.ids import lane_of
from support.crash_app import Topic, began, diamond
from support.crash_judge import STEPS, committed_too_far, effects, judge, references, runs_in
from support.crash_points import Cell, Load, reached
from support.crash_world import LEASE_SECONDS, CrashWorld
from support.forks import Process
from support.waiting import eventually

_LOADS: Final[Mapping[Load, Mapping[str, Any]]] = {
    "plain": {},
    "slow": {"seconds": 1.5},
    "large": {"bulk": 70_000, "padding": "y" * 70_000},
    "spilling": {"bulk": 40_000},
}
_SUBMIT_SECONDS: Final = 0.3
"""Between two runs, until the point is reached."""
_REACH_SECONDS: Final = 60.0
_REBUILD_SECONDS: Final = 15.0
_END_SECONDS: Final = 45.0
_AFTERWARDS: Final = 2
_IN_HAND: Final = 8
"""Effects that one process may have in hand: the slots of its two agents."""


@dataclass
class Play:
    """A cell under way in a world."""

    world: CrashWorld
    cell: Cell
    acknowledged: dict[str, Topic] = field(default_factory=dict[str, Topic])
    recorded: set[str] = field(default_factory=set[str])
    """Tasks whose memo Redis had when the process was gone."""
    gone_at: float = 0.0

    async def run(self) -> None:
        """Raises AssertionError that says what is wrong."""
        since = await self.world.witness.ends()
        if self.cell.point.role == "client":
            victim = await self._client()
        else:
            victim = await self._server()
        problems = await self._look(since, victim)
        await self._submit(_AFTERWARDS)
        await self._all_ended()
        if self.cell.way == "stop":
            await self._resume(victim)
        await self.world.until_quiet(_END_SECONDS)
        problems += await self._judged(since, victim.pid if self.cell.way == "stop" else 0)
        assert not problems, "\n".join(problems)

    # -- to the point

    async def _server(self) -> Process:
        point = self.cell.point
        await self._submit(1)
        victim = await self.world.start(point.role, cell=self.cell.id)
        provoking = asyncio.create_task(self._provoke(victim), name="provoke")
        until = time.monotonic() + _REACH_SECONDS
        try:
            while not self._reached():
                assert not victim.ended.done(), f"ended before its point: {victim.said()[-2000:]}"
                assert time.monotonic() < until, f"{self.cell.id} was not reached"
                assert not provoking.done() or provoking.exception() is None, provoking.exception()
                await self._submit(1)
                await asyncio.sleep(_SUBMIT_SECONDS)
        finally:
            provoking.cancel()
            await asyncio.wait([provoking])
        return victim

    async def _client(self) -> Process:
        """A client by itself; whoever started it repeats the submit, as it is told to."""
        run_id, topic = self._next()
        words = ["--run-id", run_id, "--input", json.dumps(topic.model_dump())]
        victim = await self.world.start("client", words, cell=self.cell.id)

        async def so() -> bool:
            return self._reached() or victim.ended.done()

        await eventually(so, f"{self.cell.id} is reached", seconds=_REACH_SECONDS)
        assert self._reached(), f"ended before its point: {victim.said()[-2000:]}"
        await self._submit_one(run_id, topic)
        return victim

    async def _provoke(self, victim: Process) -> None:
        match self.cell.point.provoke:
            case "rebuild":
                await self._until_said(victim, "lane is live")
                while True:
                    await self.world.rebuild()
                    await asyncio.sleep(_REBUILD_SECONDS)  # long enough for one to be finished
            case "terminate":
                if self.cell.point.role == "worker":
                    await eventually(lambda: self._has(began(victim.pid)), "the victim has work")
                else:
                    await self._until_said(victim, "lane is live")
                victim.signal(signal.SIGTERM)
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

    async def _look(self, since: Mapping[tuple[str, int], int], victim: Process) -> list[str]:
        """Look at what must hold at this very moment: nothing was committed too early."""

        async def so() -> bool:
            return victim.ended.done() if self.cell.way == "kill" else victim.stopped

        await eventually(so, f"the process of {self.cell.id} is gone")
        if self.cell.way == "kill":
            assert victim.ended.result() == -signal.SIGKILL, victim.ended.result()
        committed = await self.world.witness.committed()
        for run_id in self.acknowledged:
            keys = self.world.lanes[lane_of(run_id, len(self.world.lanes))]
            for task in (f"{run_id}/{step}" for step in STEPS):
                if (await self.world.store.hmget(keys.task(task), ["m:effect"]))[0] is not None:
                    self.recorded.add(task)
        self.gone_at = time.monotonic()
        return committed_too_far(await self.world.witness.read(since), committed)

    async def _resume(self, victim: Process) -> None:
        """Let it go on when its leases are over and others have done its work; it must find its way and leave."""
        await asyncio.sleep(max(0.0, self.gone_at + LEASE_SECONDS + 0.5 - time.monotonic()))
        victim.signal(signal.SIGCONT)
        await self._submit(_AFTERWARDS)
        await self._all_ended()
        if self.cell.point.role != "client" and self.cell.point.provoke != "terminate":
            victim.signal(signal.SIGTERM)  # a second one would end it at once
        async with asyncio.timeout(_END_SECONDS):
            code = await asyncio.shield(victim.ended)
        assert code == 0, f"the process ended with {code}: {victim.said()[-3000:]}"

    # -- load

    def _next(self) -> tuple[str, Topic]:
        number = len(self.acknowledged)
        run_id = f"{self.cell.id}-{number}"
        return run_id, Topic(name=run_id, flaky=number % 2 == 1, **_LOADS[self.cell.point.load])

    async def _submit(self, many: int) -> None:
        for _ in range(many):
            await self._submit_one(*self._next())

    async def _submit_one(self, run_id: str, topic: Topic) -> None:
        assert self.world.client is not None
        await self.world.client.submit(diamond, topic, run_id=run_id)
        self.acknowledged[run_id] = topic

    async def _all_ended(self) -> None:
        assert self.world.client is not None
        client = self.world.client
        try:
            async with asyncio.timeout(_END_SECONDS), asyncio.TaskGroup() as group:
                for run_id in self.acknowledged:
                    group.create_task(client.run(run_id).ended(), name=run_id)
        except TimeoutError:
            raise AssertionError(f"runs of {self.cell.id} never ended") from None

    # -- afterwards

    async def _judged(self, since: Mapping[tuple[str, int], int], slept: int) -> list[str]:
        lines = await self.world.witness.read(since)
        found = {run_id: run for run_id, run in runs_in(lines).items() if run_id in self.acknowledged}
        payloads = ObstorePayloads(self.world.settings.payloads)
        values: dict[str, str] = {}
        for sha256 in references(found):
            try:
                values[sha256] = (await payloads.get(sha256)).decode()
            except ArgosyError as error:
                return [f"payload {sha256} is gone: {error}"]
        problems = [f"{run_id} left no trace" for run_id in self.acknowledged if run_id not in found]
        for run_id, run in found.items():
            problems += judge(run, self.acknowledged[run_id].flaky, values)
        problems += effects(self.world.ledger, found, _IN_HAND, slept)
        again = {key.split("|", 1)[0] for key in self.world.ledger.made(self.gone_at) if "|" in key}
        problems += [f"{task} had its memo, and made its effect again" for task in again & self.recorded]
        problems += [f"a dead letter: {line.body[:500]!r}" for line in lines if line.topic.endswith(".dead")]
        return problems
