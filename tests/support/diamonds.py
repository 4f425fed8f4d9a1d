"""A load of diamonds for a fleet that a fault harms, and the judgement of all of them from outside."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from argosy.client.connection import Argosy
from argosy.schemas.errors import Unreachable
from argosy.schemas.ids import new_run_id
from support.crash_app import Topic, diamond
from support.crash_effects import Loss, Slept, effects
from support.crash_history import committed_too_far, letters_in, runs_in
from support.crash_judge import judge
from support.crash_loads import DIAMOND, Expected
from support.crash_plain import Stored, plains
from support.fault_world import ENDED_SECONDS, FaultWorld

_MOST_UNDER_WAY = 16


@dataclass
class Diamonds:
    """Runs of one world: submitted, acknowledged, judged."""

    world: FaultWorld
    client: Argosy
    acknowledged: dict[str, Topic] = field(default_factory=dict[str, Topic])
    asked: int = 0
    mark: str = field(default_factory=lambda: new_run_id()[-6:])

    async def submit(self, count: int, *, seconds: float = 0.0) -> list[str]:
        """Submit so many; every other one has a branch that fails once. Return their ids."""
        gate = asyncio.Semaphore(_MOST_UNDER_WAY)
        first, self.asked = self.asked, self.asked + count

        async def one(number: int) -> str:
            run_id = f"d{self.mark}-{number}"
            topic = Topic(name=run_id, flaky=number % 2 == 1, seconds=seconds)
            async with gate:
                await self._until_acknowledged(run_id, topic)
            return run_id

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(n), name=f"submit {n}") for n in range(first, first + count)]
        return [task.result() for task in tasks]

    async def keep_on(self, enough: asyncio.Event, *, seconds: float = 0.05, under_way: int = 4) -> None:
        """Keep so many under way until it is enough: no more than a small fleet can do."""
        gate = asyncio.Semaphore(under_way)

        async def one() -> None:
            try:
                (run_id,) = await self.submit(1, seconds=seconds)
                ending = asyncio.create_task(self.client.run(run_id).ended(), name=f"end of {run_id}")
                stopping = asyncio.create_task(enough.wait(), name="enough")
                await asyncio.wait({ending, stopping}, return_when=asyncio.FIRST_COMPLETED)
                ending.cancel()
                stopping.cancel()
            finally:
                gate.release()

        async with asyncio.TaskGroup() as group:
            while not enough.is_set():
                await gate.acquire()
                group.create_task(one(), name="a run of the load")

    async def ended(self, *, seconds: float = ENDED_SECONDS) -> None:
        """Wait for the ends of all; AssertionError with those that have none."""
        waiting = {
            asyncio.create_task(self.client.run(run_id).ended(), name=run_id) for run_id in self.acknowledged
        }
        if not waiting:
            return
        done, late = await asyncio.wait(waiting, timeout=seconds)
        for task in late:
            task.cancel()
        assert not late, (
            f"{len(late)} of {len(waiting)} never ended: {sorted(t.get_name() for t in late)[:5]}"
        )
        for task in done:
            task.result()

    async def judged(self, *, redis_lost: bool = False, most_again: int = 0, slept: int = 0) -> None:
        """Wait for rest, then hold every promise against raw topics and the ledger."""
        await self.world.until_quiet()
        committed = await self.world.witness.committed()
        records = plains(await self.world.witness.read({}))
        found = {run_id: run for run_id, run in runs_in(records).items() if run_id in self.acknowledged}
        expected = {run_id: _expected(topic) for run_id, topic in self.acknowledged.items()}
        stored = Stored(Path(self.world.settings.payloads.removeprefix("file://")))
        problems = [f"{run_id} left no trace" for run_id in self.acknowledged if run_id not in found]
        for run_id, run in found.items():
            problems += judge(run, expected[run_id], stored)
        loss = Loss(most_again=None if redis_lost else most_again, slept=Slept(slept))
        problems += effects(self.world.ledger, found, expected, loss)
        problems += committed_too_far(records, committed)
        problems += [f"a dead letter: {letter}" for _, letter in letters_in(records)]
        assert not problems, "\n".join(problems[:20])

    async def _until_acknowledged(self, run_id: str, topic: Topic) -> None:
        """As every caller is told to: repeat with the same id what was not acknowledged."""
        while run_id not in self.acknowledged:
            try:
                await self.client.submit(diamond, topic, run_id=run_id)
            except Unreachable:
                continue
            self.acknowledged[run_id] = topic


def _expected(topic: Topic) -> Expected:
    return Expected(DIAMOND, attempts={"right": 2} if topic.flaky else {})
