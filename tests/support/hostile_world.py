"""A fleet with hostile handlers, a client beside it, and what tests ask of both."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from argosy import Pipeline
from argosy.client.connection import Argosy
from argosy.client.run import Run
from argosy.schemas.fault import Fault
from argosy.schemas.runlog import RunEnded, TaskSettled
from support.fleet import RealFleet, real_fleet
from support.hostile import HARD_RESULT_BYTES, Act, Answer, began, hasty, peaceful
from support.oracle import stories, until_quiet
from support.waiting import eventually

APP: Final = Path(__file__).with_name("hostile.py")
AGENTS: Final = ("misbehave", "hurried", "neighbour")
ENDED_SECONDS: Final = 180.0
"""A bound for a busy machine, not an expectation."""
VARIABLES: Final = {
    "ARGOSY_FLEET__RENEW_SECONDS": "1",  # of six: a process that gets no turn for a while loses nothing
    "ARGOSY_FLEET__UNKNOWN_PIPELINE_SECONDS": "1",
    "ARGOSY_FLEET__HARD_RESULT_BYTES": str(HARD_RESULT_BYTES),
    "ARGOSY_WORKER__GRACE_SECONDS": "1",
    "ARGOSY_WORKER__DRAIN_SECONDS": "10",  # what is let go then is to be done in them
}


@dataclass
class HostileWorld:
    """One fleet for all tests of a module."""

    fleet: RealFleet
    client: Argosy

    async def submit(self, pipeline: Pipeline[Act, Answer], kind: str = "", **act: object) -> Run[Answer]:
        """Submit one run; keyword arguments are the act's."""
        return await self.client.submit(pipeline, Act.model_validate({"kind": kind, **act}))

    async def ended(self, run: Run[Answer]) -> RunEnded:
        """Wait for a run's end."""
        return await run.ended(timeout_seconds=ENDED_SECONDS)

    async def fault(self, run: Run[Answer]) -> Fault:
        """Wait for a run's end, which is a failure."""
        ended = await self.ended(run)
        assert ended.outcome == "failed", ended
        assert ended.fault is not None
        return ended.fault

    async def answer(self, run: Run[Answer]) -> Answer:
        """Wait for a run's result."""
        return await run.result(timeout_seconds=ENDED_SECONDS)

    @asynccontextmanager
    async def neighbours(self, name: str, count: int = 4) -> AsyncGenerator[None]:
        """Have neighbours at work inside, which go on at its end, or at `release`; see that they succeed."""
        runs = [await self.submit(peaceful, "wait", text=name) for _ in range(count)]
        try:
            for run in runs:
                await self.until_began(f"{run.run_id}/neighbour")
            yield
        finally:
            self.release(name)
        await self.unharmed(runs)

    def release(self, name: str) -> None:
        """Let the neighbours of that name go."""
        self.fleet.ledger.make(name, "")

    async def begun_before(self, deadline_seconds: float) -> Run[Answer]:
        """Have a handler at work that waits until its run expires, that soon or, on a busy machine, later."""
        act = Act(kind="wait", text="never")
        run = await self.client.submit(peaceful, act, deadline_seconds=deadline_seconds)
        task_id = f"{run.run_id}/neighbour"

        async def so() -> bool:
            return self.fleet.ledger.times(began(task_id)) > 0 or await run.state() == "expired"

        await eventually(so, f"{task_id} has begun, or its run expired")
        if self.fleet.ledger.times(began(task_id)):
            return run
        return await self.begun_before(2 * deadline_seconds)

    async def until_began(self, task_id: str, times: int = 1) -> None:
        """Wait until a handler has begun so many times."""
        await self.until_noted(began(task_id), times)

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait for anything."""
        await eventually(condition, what)

    async def until_noted(self, key: str, times: int = 1) -> None:
        """Wait for an entry of the ledger."""

        async def so() -> bool:
            return self.fleet.ledger.times(key) >= times

        await eventually(so, f"{key} is noted {times} times")

    async def unharmed(self, runs: list[Run[Answer]]) -> None:
        """See that neighbours succeed."""
        for run in runs:
            assert (await self.ended(run)).outcome == "succeeded", run.run_id

    def restarts(self, *names: str) -> int:
        """How often children were started again."""
        return sum(self.fleet.stack.supervisor.children[name].restarts for name in names or self.workers)

    @property
    def workers(self) -> list[str]:
        """Names of all workers."""
        return [name for name in self.fleet.stack.supervisor.children if name.startswith("worker")]

    async def until_restarted(self, restarts: int) -> None:
        """Wait until workers were started again so often, and serve."""

        async def so() -> bool:
            return self.restarts() >= restarts

        await eventually(so, f"workers were started again {restarts} times")
        await self.until_ready()
        assert self.restarts() == restarts

    def log(self, *names: str) -> str:
        """All that these children have logged."""
        folder = self.fleet.stack.folder / "logs"
        logs = [folder / f"{name}.log" for name in names or self.workers]
        return "".join(
            log.read_text("utf-8", errors="replace") for log in logs
        )  # a character may be half there

    async def until_logged(self, text: str, *names: str) -> None:
        """Wait for words in a log."""

        async def so() -> bool:
            return text in self.log(*names)

        await eventually(so, f"{text!r} in the log of {names or self.workers}")

    def pid(self, name: str) -> int:
        """A child's process id now."""
        process = self.fleet.stack.supervisor.children[name].process
        assert process is not None, f"{name} is not running"
        return process.pid

    async def settled(self, run: Run[Answer]) -> list[TaskSettled]:
        """Every settle of a run, from the log."""
        return (await stories(self.fleet.settings))[run.run_id].settled

    async def until_ready(self) -> None:
        """Wait until every child serves."""
        for name in list(self.fleet.stack.supervisor.children):
            await self.fleet.stack.supervisor.until_ready(name)

    async def quiet(self) -> None:
        """See that nothing is left over."""
        await until_quiet(self.fleet.settings, seconds=ENDED_SECONDS)


async def warm(world: HostileWorld) -> None:
    """Let each agent do something, so that its group has its partitions."""
    runs = [await world.submit(pipeline, "warm") for pipeline in (peaceful, hasty)]
    await world.unharmed(runs)


@asynccontextmanager
async def hostile_world(
    folder: Path, *, coordinators: int, workers: int, variables: Mapping[str, str] | None = None
) -> AsyncGenerator[HostileWorld]:
    """Run it, its processes with more variables.

    In a task of its own: a fixture's two halves run in different ones, which no task group stands.
    """
    opened: asyncio.Future[HostileWorld] = asyncio.get_running_loop().create_future()
    leave = asyncio.Event()

    async def hold() -> None:
        async with (
            real_fleet(
                folder,
                coordinators=coordinators,
                workers=[AGENTS] * workers,
                app=APP,
                variables={**VARIABLES, **(variables or {})},
            ) as fleet,
            Argosy.connect(fleet.settings) as client,
        ):
            opened.set_result(HostileWorld(fleet, client))
            await leave.wait()

    holding = asyncio.create_task(hold(), name="hostile world")
    holding.add_done_callback(lambda _: opened.cancel())
    try:
        world = await opened
    except asyncio.CancelledError:
        await holding  # it says why
        raise
    try:
        await warm(world)
        yield world
    finally:
        leave.set()
        await holding
