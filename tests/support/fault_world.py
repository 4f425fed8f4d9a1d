"""A small fleet of forked processes for one fault: its own topics, keys and ledger, on servers that a test may harm."""

import asyncio
import contextlib
import signal
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final, Literal

from aiokafka.errors import KafkaError

from argosy.broker.redis import RedisStore
from argosy.client.connection import Argosy
from argosy.schemas.errors import Unreachable
from argosy.schemas.settings import Settings
from support.fault_app import begun
from support.forks import Forks, Process
from support.ledger import Ledger
from support.leftovers import leftovers
from support.small_fleet import settings_of, variables_of
from support.starvation import is_starved
from support.waiting import eventually
from support.witness import Witness

APP: Final = Path(__file__).with_name("fault_app.py")
ENDED_SECONDS: Final = 240.0
"""A bound for a busy machine, not an expectation."""
STEADY: Final = {"ARGOSY_KAFKA__SESSION_TIMEOUT_SECONDS": "120", "ARGOSY_FLEET__LEASE_SECONDS": "60"}
"""For a fleet that nobody harms: for want of a turn no process loses its groups, so that it repeats what it has said,
or ends itself, so that its handlers run again."""
_VARIABLES: Final = {"ARGOSY_FLEET__UNKNOWN_PIPELINE_SECONDS": "1"}
Role = Literal["coordinator", "worker"]


@dataclass(eq=False)
class Kept:
    """A place in the fleet: whoever dies there is started again, as a supervisor would."""

    process: Process
    codes: list[int] = field(default_factory=list[int])
    """How whoever was here ended, one after the other."""
    deaths: int = 0
    """How often they did, but for who got no turn of a busy machine for a whole lease."""
    keeping: "asyncio.Task[None] | None" = None
    logs: list[Path] = field(default_factory=list[Path])

    def note_end(self, code: int, last: str) -> None:
        """Note how somebody ended, who said this."""
        self.codes.append(code)
        self.deaths += not is_starved(code, last)

    def said(self) -> str:
        """All that anybody has logged here."""
        return "".join(log.read_text("utf-8", errors="replace") for log in self.logs)


@dataclass
class FaultWorld:
    """Made by `fault_world`."""

    name: str
    folder: Path
    settings: Settings
    forks: Forks
    variables: dict[str, str]
    ledger: Ledger
    store: RedisStore
    witness: Witness
    app: Path = APP
    places: list[Kept] = field(default_factory=list[Kept])
    numbers: "count[int]" = field(default_factory=count)

    async def start(
        self, role: Role, *, agents: str = "", variables: Mapping[str, str] | None = None
    ) -> Kept:
        """Start a coordinator, or a worker of these agents (all, if none are named), in a place of its own."""
        target = f"{self.app}:{agents}" if agents else str(self.app)
        number = next(self.numbers)
        ready = self.folder / f"ready-{number}"
        words = [role, *([target] if role == "worker" else []), "--ready-file", str(ready)]
        given = {**self.variables, **(variables or {})}
        log = self.folder / f"{number}-{role}.log"
        process = await self.forks.start(words, given, log)
        place = Kept(process, logs=[log])
        self.places.append(place)
        await self._until_ready(place, ready)
        place.keeping = asyncio.create_task(self._keep(place, words, given), name=f"keep {role} {number}")
        return place

    async def end(self, place: Kept, number: signal.Signals = signal.SIGTERM) -> int:
        """End whoever is there, for good; return its exit code."""
        if place.keeping is not None:
            place.keeping.cancel()
            await asyncio.wait({place.keeping})  # it may be starting somebody right now
        place.process.signal(number)
        async with asyncio.timeout(ENDED_SECONDS):
            return await asyncio.shield(place.process.ended)

    async def end_all(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End everybody, at once."""
        await asyncio.gather(*(self.end(place, number) for place in self.places))
        self.places.clear()

    @property
    def restarts(self) -> int:
        """How often somebody was started again, but for who got no turn of a busy machine for a whole lease."""
        return sum(place.deaths for place in self.places)

    def said(self) -> str:
        """All logs."""
        return "".join(place.said() for place in self.places)

    async def until_said(self, words: str, places: Sequence[Kept] = (), *, times: int = 1) -> None:
        """Wait for words in the logs of these places (all, if none are named), so many times."""

        async def so() -> bool:
            return sum(place.said().count(words) for place in places or self.places) >= times

        await eventually(so, f"somebody says {words!r}")

    async def trouble(self) -> str:
        """What keeps this fleet from being at rest, or from being asked."""
        try:
            lag, left = await self.witness.lag(), await leftovers(self.store, self.settings.redis.key_prefix)
        except (KafkaError, Unreachable, OSError) as error:  # a server that a test has harmed comes back
            return f"it can't be asked: {error!r}"
        return f"unread {lag}, left over {left[:10]}" if lag or left else ""

    async def until_quiet(self, seconds: float = ENDED_SECONDS) -> None:
        """Wait until nothing is unread and nothing left over."""
        told = "it was not looked at"
        try:
            async with asyncio.timeout(seconds):
                while told := await self.trouble():  # noqa: ASYNC110 - it is other processes that come to rest
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"not quiet: {told}") from None

    async def _keep(self, place: Kept, words: Sequence[str], variables: Mapping[str, str]) -> None:
        while True:
            began = len(place.said())
            code = await asyncio.shield(place.process.ended)
            place.note_end(code, place.said()[began:])
            starting = asyncio.ensure_future(self.forks.start(words, variables, place.logs[0]))
            try:
                place.process = await asyncio.shield(starting)
            except asyncio.CancelledError:
                place.process = await starting  # whoever cancels ends it
                raise

    @staticmethod
    async def _until_ready(place: Kept, ready: Path) -> None:
        async def so() -> bool:
            assert not place.process.ended.done(), place.process.said()[-3000:]
            return await asyncio.to_thread(ready.exists)

        await eventually(so, f"{place.process.log.stem} serves")


@dataclass(frozen=True)
class Ground:
    """What a fleet stands on."""

    folder: Path
    forks: Forks
    servers: str
    redis_url: str


@asynccontextmanager
async def fault_world(
    ground: Ground,
    *,
    coordinators: int = 1,
    workers: int = 1,
    variables: Mapping[str, str] | None = None,
    app: Path = APP,
) -> AsyncGenerator[FaultWorld]:
    """Make a fleet of its own there, with workers of all agents of an app; all gone when left."""
    name = f"faults{uuid.uuid4().hex[:8]}"
    folder = ground.folder / name
    folder.mkdir()
    settings = settings_of(name, folder, ground.servers, ground.redis_url)
    ledger = folder / "ledger.sqlite"
    given = {**variables_of(settings, folder, ledger), **_VARIABLES, **(variables or {})}
    store = RedisStore(settings.redis)
    opened = Ledger(ledger)
    async with contextlib.AsyncExitStack() as leave:
        leave.callback(opened.close)
        leave.push_async_callback(store.close)
        witness = await leave.enter_async_context(Witness(ground.servers, name))
        world = FaultWorld(name, folder, settings, ground.forks, given, opened, store, witness, app)
        leave.push_async_callback(world.end_all, signal.SIGKILL)
        for _ in range(coordinators):
            await world.start("coordinator")
        for _ in range(workers):
            await world.start("worker")
        yield world


@asynccontextmanager
async def client_of(world: FaultWorld) -> AsyncGenerator[Argosy]:
    """Connect a client."""
    async with Argosy.connect(world.settings) as client:
        yield client


async def until_begun(world: FaultWorld, task_id: str, times: int = 1) -> None:
    """Wait until a handler of `fault_app` has begun so many times."""

    async def so() -> bool:
        return world.ledger.times(begun(task_id)) >= times

    await eventually(so, f"{task_id} has begun {times} times")
