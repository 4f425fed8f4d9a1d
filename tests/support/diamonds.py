"""A load of diamonds for a fleet that a fault harms, and the judgement of all of them from outside."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from argosy.broker.payloads import ObstorePayloads
from argosy.client.connection import Argosy
from argosy.schemas.errors import Unreachable
from argosy.schemas.ids import new_run_id
from argosy.schemas.runlog import TaskSettled
from support.crash_app import Topic, diamond
from support.crash_judge import committed_too_far, effects, judge, references, runs_in
from support.fault_world import ENDED_SECONDS, FaultWorld

_MOST_UNDER_WAY = 16


@dataclass
class Diamonds:
    """Runs of one world: submitted, acknowledged, judged."""

    world: FaultWorld
    client: Argosy
    acknowledged: dict[str, Topic] = field(default_factory=dict[str, Topic])
    mark: str = field(default_factory=lambda: new_run_id()[-6:])

    async def submit(self, count: int, *, seconds: float = 0.0) -> list[str]:
        """Submit so many; every other one has a branch that fails once. Return their ids."""
        gate = asyncio.Semaphore(_MOST_UNDER_WAY)
        first = len(self.acknowledged)

        async def one(number: int) -> str:
            run_id = f"d{self.mark}-{number}"
            topic = Topic(name=run_id, flaky=number % 2 == 1, seconds=seconds)
            async with gate:
                await self._until_acknowledged(run_id, topic)
            return run_id

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(n), name=f"submit {n}") for n in range(first, first + count)]
        return [task.result() for task in tasks]

    async def keep_on(self, enough: asyncio.Event, *, seconds: float = 0.1) -> None:
        """Submit until it is enough."""
        while not enough.is_set():
            await self.submit(4, seconds=seconds)
            await asyncio.sleep(0.1)

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
        lines = await self.world.witness.read({})
        found = {run_id: run for run_id, run in runs_in(lines).items() if run_id in self.acknowledged}
        values: dict[str, str] = {}
        payloads = ObstorePayloads(self.world.settings.payloads)
        for sha256 in references(found):
            values[sha256] = (await payloads.get(sha256)).decode()
        problems = [f"{run_id} left no trace" for run_id in self.acknowledged if run_id not in found]
        for run_id, run in found.items():
            problems += judge(run, self.acknowledged[run_id].flaky, values)
        problems += effects(self.world.ledger, found, most_again, slept, redis_lost=redis_lost)
        problems += committed_too_far(lines, committed)
        problems += [
            f"a dead letter: {line.body[:500]!r}"
            for line in lines
            if line.topic.endswith(f"{self.world.name}.dead")
        ]
        assert not problems, "\n".join(problems[:20])

    async def deliveries(self) -> dict[str, int]:
        """The most deliveries that a settle of each run tells."""
        most: dict[str, int] = defaultdict(int)
        for line in await self.world.witness.read({}):
            if isinstance(line.message, TaskSettled):
                most[line.envelope.subject] = max(most[line.envelope.subject], line.message.deliveries)
        return most

    async def _until_acknowledged(self, run_id: str, topic: Topic) -> None:
        """As every caller is told to: repeat with the same id what was not acknowledged."""
        while run_id not in self.acknowledged:
            try:
                await self.client.submit(diamond, topic, run_id=run_id)
            except Unreachable:
                continue
            self.acknowledged[run_id] = topic
