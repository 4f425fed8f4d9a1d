"""The runs of one cell of the kill matrix: submitted one after another, told what they are to be told, waited for."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from argosy.client.run import Run
from argosy.schemas.errors import Unreachable
from support.crash_app import Topic
from support.crash_history import Place
from support.crash_judge import answer_id
from support.crash_loads import BUDGET_TOKENS, DENIED, SILENT_SECONDS, Expected, expected, topic
from support.crash_points import Cell
from support.crash_world import CrashWorld

END_SECONDS: Final = 240.0
_TIMES: Final = 2
"""How often an answer is acknowledged."""
_CANCEL_SECONDS: Final = 0.5
"""Between a submit and its cancel: its tasks run then."""
_AGAIN_SECONDS: Final = 0.5
_ASK_SECONDS: Final = 0.2


@dataclass
class Runs:
    """Those that were acknowledged, and what must become of each."""

    world: CrashWorld
    cell: Cell
    acknowledged: dict[str, Expected] = field(default_factory=dict[str, Expected])
    garbage: dict[Place, bytes] = field(default_factory=dict[Place, bytes])
    _answers: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    def next(self) -> tuple[str, Topic, Expected]:
        """Name the next run, what it is about, and what must become of it."""
        number, load = len(self.acknowledged), self.cell.point.load
        run_id = f"{self.cell.id}-{number}"
        return run_id, topic(load, run_id, number), expected(load, run_id, number)

    async def submit(self, many: int) -> None:
        """Submit so many more."""
        for _ in range(many):
            await self.submit_one(*self.next())

    async def submit_one(self, run_id: str, about: Topic, becomes: Expected) -> None:
        """Submit a run, and do to it what it takes to become that."""
        assert self.world.client is not None
        number = len(self.acknowledged)
        run = await self.world.client.submit(
            becomes.shape.pipeline,
            about,
            run_id=run_id,
            budget=becomes.budget,
            on_spent="fail" if becomes.answer is None else "ask",
            ask_seconds=SILENT_SECONDS if becomes.answer == "silence" else None,
        )
        self.acknowledged[run_id] = becomes
        if becomes.signal:
            await run.signal("word", {"of": run_id}, signal_id=becomes.signal)
        if becomes.answer is not None:
            self._answers.append(asyncio.create_task(_answer(run, becomes), name=f"answer {run_id}"))
        if "cancelled" in becomes.outcomes:
            await asyncio.sleep(_CANCEL_SECONDS)  # so that there is something to stop
            await run.cancel("no longer wanted")
        if self.cell.point.load == "garbled":
            self.garbage |= await self.world.garbage(run_id, number)
        await self.save()

    async def save(self) -> None:
        """Have Redis write down what it has, where it is to lose what comes after."""
        if self.cell.way == "tail":
            await self.world.save()

    async def all_ended(self) -> None:
        """Wait until all have ended; AssertionError if they don't."""
        assert self.world.client is not None
        client = self.world.client
        try:
            async with asyncio.timeout(END_SECONDS), asyncio.TaskGroup() as group:
                for run_id in self.acknowledged:
                    group.create_task(_ended(client.run(run_id)), name=run_id)
        except TimeoutError:
            told = [
                f"{task.get_name()}: {task.exception() if task.done() else 'it was not asked for'}"
                for task in self._answers
                if not task.done() or task.exception()
            ]
            raise AssertionError("\n".join((f"runs of {self.cell.id} never ended", *told))) from None
        for answer in self._answers:
            await answer

    async def leave(self) -> None:
        """Tell nobody anything any more."""
        for answer in self._answers:
            answer.cancel()
        await asyncio.gather(*self._answers, return_exceptions=True)


async def _ended(run: Run[Any]) -> None:
    """Wait for a run's end: of many who ask at once, a busy Kafka may not answer one in time."""
    while True:
        with suppress(Unreachable):
            await run.ended()
            return
        await asyncio.sleep(_AGAIN_SECONDS)


async def _answer(run: Run[Any], becomes: Expected) -> None:
    """Tell a run what it is to be told about its budget; twice, as whoever isn't sure would."""

    async def asks() -> bool:
        with suppress(Unreachable):
            return any(one.kind == "budget" for one in await run.waiting())
        return False

    # For as long as the runs are waited for: on a busy machine it takes minutes until the point is reached.
    while becomes.answer in ("raise", "deny") and not await asks():  # noqa: ASYNC110 - it is others who make it so
        await asyncio.sleep(_ASK_SECONDS)
    acknowledged = 0
    while becomes.answer != "silence" and acknowledged < _TIMES:
        with suppress(Unreachable):  # a busy Kafka: nobody knows whether it has the answer
            if becomes.answer == "deny":
                await run.deny_budget(reason=DENIED, answer_id=answer_id(run.run_id))
            else:
                await run.raise_budget(BUDGET_TOKENS, answer_id=answer_id(run.run_id))
            acknowledged += 1
