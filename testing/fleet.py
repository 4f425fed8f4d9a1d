"""A whole fleet in one process, for tests: real coordinators and workers, virtual time, faults on order."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from argosy.agents.model_client import ModelClient
from argosy.broker.log import Outgoing
from argosy.pipelines.agent import Agent
from argosy.pipelines.pipeline import Pipeline
from argosy.schemas.errors import ConfigurationError, SimulationBroken
from argosy.schemas.settings import Settings
from argosy.telemetry import logs
from argosy.testing.fleet_run import FleetRun
from argosy.testing.history import History, history_of
from argosy.testing.process import Process
from argosy.testing.stage import Stage, agents_of, plain_settings
from argosy.testing.trace import add_story
from argosy.testing.traps import At, never_happened
from argosy.testing.world import World

In = TypeVar("In")
Out = TypeVar("Out")
T = TypeVar("T")

Who = Agent[..., Any] | str
"""An agent, by itself or by name: its workers; or `"coordinator"`; or one process by its name, `"research-1"`."""
START_SECONDS: Final = 120.0
__tracebackhide__ = True  # pytest shows the frames of who uses it


class Fleet:
    """`async with Fleet(pipeline, model=FakeModel(...)) as fleet:` in a test of any framework that runs coroutines.

    The fleet lives in a thread and an event loop of its own. Its time stands still but inside `await fleet...`,
    where it jumps from one thing that happens to the next. The same seed and calls give the same history.
    """

    def __init__(
        self,
        *pipelines: Pipeline[Any, Any],
        model: ModelClient | None = None,
        seed: int = 0,
        workers: int = 1,
        coordinators: int = 1,
        settings: Settings | None = None,
    ) -> None:
        """`workers` processes for each agent of the pipelines; `settings` absent: defaults, read from nowhere."""
        if not pipelines:
            raise ConfigurationError(
                "a fleet of no pipeline",
                why="its agents are those of its pipelines",
                do="pass the pipelines that are to be run",
            )
        self._pipelines, self._model, self._seed = pipelines, model, seed
        self._workers, self._coordinators, self._settings = workers, coordinators, settings
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="argosy-simulation")
        self._opened: Stage | None = None

    async def __aenter__(self) -> Self:
        """Start it: when this returns, everybody serves."""
        logs.configure_library()
        await self._in_thread(self._start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it at once. Raises SimulationBroken if a process had ended of a defect, and nothing else was raised.

        Then ConfigurationError if a crash that was ordered (`crash(..., at=)`) never happened.
        What else is raised, such as an assertion's error, carries the last lines of the story.
        """
        stage, self._opened = self._stage, None
        if isinstance(error, Exception):
            add_story(error, str(stage.world.trace))
        try:
            await self._in_thread(stage.world.close)
        finally:
            self._thread.shutdown(wait=True)
        if error is None and stage.supervisor.defects:
            raise SimulationBroken("; ".join(stage.supervisor.defects))
        if error is None and (missed := never_happened(stage.world.observer.traps.left)) is not None:
            raise missed

    def _start(self) -> None:
        agents = agents_of(self._pipelines)
        world = World(self._settings or plain_settings(), seed=self._seed)
        stage = Stage(agents, world, model=self._model)
        names = {f"{agent}-{n}": [agent] for agent in agents for n in range(1, self._workers + 1)}
        world.loop.run_until_complete(asyncio.wait_for(stage.start(self._coordinators, names), START_SECONDS))
        self._opened = stage

    # -- runs

    async def submit(
        self,
        pipeline: Pipeline[In, Out],
        value: In,
        *,
        run_id: str | None = None,
        **options: Any,  # noqa: ANN401
    ) -> FleetRun[Out]:
        """Submit a run, as `Argosy.submit` does, with its options."""
        client = self._stage.client
        run = await self.drive(lambda: client.submit(pipeline, value, run_id=run_id, **options))
        return FleetRun(run, self.drive, lambda: self.story)

    async def settle(self) -> None:
        """Let happen what happens without time: stop where only time would help."""
        stage = self._stage
        await self._in_thread(lambda: stage.world.loop.run_until_idle(stage.busy))

    async def advance(self, seconds: float) -> None:
        """Let virtual seconds pass, and happen what happens in them."""
        _check("seconds", seconds, least=0, why="virtual time goes on only")
        await self.drive(lambda: asyncio.sleep(seconds))

    async def history(self, run: FleetRun[Any] | str) -> History:
        """Tell what has happened to a run so far."""
        stage, run_id = self._stage, run if isinstance(run, str) else run.run_id
        world = stage.world
        return await self._in_thread(lambda: history_of(world.broker, world.names, stage.deliveries, run_id))

    # -- faults

    def crash(self, who: Who, *, at: At | None = None, step: str = "", times: int = 1) -> None:
        """Kill as -9 does, now; or the next `times` workers of the agent that come to `at`. Who dies is started again.

        `before_claim`, `in_handler`, `after_effect` (a step has made its effect, and its memo is not yet recorded: any
        step, or the one that `step` names), `after_store` (the result is stored, not yet published), `after_publish`.
        One that nobody has come to when the fleet ends is an error.
        """
        stage, name = self._stage, _name(who)
        _check("times", times, least=1, why="it would crash nobody")
        if at is None and step:
            at = "after_effect"
        if at is None:
            self._each(who, stage.supervisor.crash)
        elif name not in stage.agents:
            raise ConfigurationError(
                f"{name!r} is no agent of this fleet",
                why=f"only agents come to {at!r}; this fleet's are {', '.join(sorted(stage.agents))}",
                do="name one of these; anybody else can be crashed now, without `at`",
            )
        else:
            stage.world.observer.traps.set(name, at, times, step)

    def pause(self, who: Who, seconds: float) -> None:
        """Stop processes as SIGSTOP does, for virtual seconds: over a lease (15 s) they wake as zombies."""
        _check("seconds", seconds, least=0, why="virtual time goes on only")
        self._each(who, lambda process: self._stage.supervisor.pause(process, seconds))

    def duplicate(self, agent: Who, times: int = 1) -> None:
        """Write the next `times` dispatches of an agent twice."""
        _check("times", times, least=1, why="nothing would be written twice")
        stage, left = self._stage, [times]
        topic = stage.world.names.tasks(_name(agent))

        def again(_who: str, record: Outgoing, partition: int, _offset: int) -> None:
            if record.topic == topic and left[0] > 0:
                left[0] -= 1
                stage.world.trace.note("FAULT", f"{topic}/{partition} gets {record.key.decode()} twice")
                stage.world.broker.append(record)

        stage.world.observer.on_append.append(again)

    def rebalance(self, who: Who | None = None) -> None:
        """Make a consumer group join again: an agent's, the `"coordinator"`'s (both of theirs), or all."""
        world = self._stage.world
        names = world.names
        if who is None:
            groups = [names.lanes, names.receivers, *(names.group(agent) for agent in self._stage.agents)]
        elif _name(who) == "coordinator":
            groups = [names.lanes, names.receivers]
        else:
            groups = [names.group(_name(who))]
        for group in groups:
            self._at_once(partial(world.broker.rebalance, group))

    def lose_redis(self, writes: int | None = None) -> None:
        """Let Redis lose everything, and keep its identity (FLUSHALL); or its last writes, by a restart."""
        _check("writes", 1 if writes is None else writes, least=1, why="nothing would be lost")
        server = self._stage.world.server
        self._at_once(server.wipe if writes is None else partial(server.restart, writes))
        self._stage.world.trace.note("FAULT", f"Redis loses {'everything' if writes is None else writes}")

    def lose_answers(self, who: Who, count: int = 1, *, of: str = "redis") -> None:
        """Let the next calls of processes to a service (`kafka`, `redis`, `payloads`) take effect unanswered."""
        _check("count", count, least=1, why="every call would be answered")
        for name in self._names(who):
            doors = self._stage.supervisor.doors(name)
            if doors is not None and of not in doors.wires:
                raise ConfigurationError(
                    f"no process calls {of!r}",
                    why=f"the services are {', '.join(sorted(doors.wires))}",
                    do="name one of them as `of`",
                )
            if doors is not None:
                doors.wires[of].fates.extend("reply lost" for _ in range(count))

    # -- looking

    @property
    def now(self) -> float:
        """Virtual seconds since the fleet began."""
        return self._stage.world.loop.time()

    @property
    def story(self) -> str:
        """All that has happened so far, a line for each thing, with virtual seconds."""
        return str(self._stage.world.trace)

    # -- inside

    @property
    def _stage(self) -> Stage:
        if self._opened is None:
            raise ConfigurationError(
                "the fleet isn't open",
                why="its processes serve between entering and leaving it",
                do="use `async with Fleet(...) as fleet:`",
            )
        return self._opened

    def _names(self, who: Who) -> list[str]:
        name = _name(who)
        return self._stage.serving.get(name, [name])

    def _each(self, who: Who, do: Callable[[Process], object]) -> None:
        for name in self._names(who):
            process = self._stage.supervisor.find(name)
            if process is not None:
                self._at_once(partial(do, process))

    def _at_once(self, do: Callable[[], object]) -> None:
        """Do something inside the simulation that waits for nothing."""

        async def doing() -> None:
            do()

        stage = self._stage
        self._thread.submit(lambda: stage.world.loop.run_until_complete(doing())).result()

    async def drive(self, begin: Callable[[], Coroutine[Any, Any, T] | Awaitable[T]]) -> T:
        """Run a coroutine inside the simulation until it is done, however much virtual time it takes."""
        stage = self._stage

        async def driven() -> T:
            return await begin()

        return await self._in_thread(lambda: stage.world.loop.run_until_complete(driven()))

    async def _in_thread(self, do: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._thread.submit(do))


def _name(who: Who) -> str:
    return who if isinstance(who, str) else who.name


def _check(name: str, value: float, *, least: int, why: str) -> None:
    """Raise ConfigurationError for a number that can't be, or would do nothing: a test of no fault proves nothing."""
    if not least <= value < math.inf:
        raise ConfigurationError(f"{name}={value:g} can't be", why=why, do=f"pass a number from {least} on")
