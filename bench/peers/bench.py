"""What an arm is given, and what it is: a way to do one round of some work."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from argosy.console.child import ChildSpec, Restart
from argosy.console.stack import LocalStack
from argosy.schemas.errors import ArgosyError
from peers.arms.tally import Tally
from peers.environments import CannotInstall, Environments
from peers.outcomes import Arm, Done, Missed
from peers.watching import DidNotWork, Used, Watch, reason

ARMS = Path(__file__).parent / "arms"
LIMIT_SECONDS = 120.0
"""A round that takes longer did not finish."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much work a round of each is."""

    drained: int = 5_000
    graphs: int = 300
    waves: int = 10
    """How often each slot waits."""


SMALL = Sizes(drained=1_000, graphs=40, waves=3)


@dataclass(frozen=True, slots=True)
class Bench:
    """Kafka and Valkey that run, environments, and sizes."""

    stack: LocalStack
    environments: Environments
    sizes: Sizes

    @property
    def redis(self) -> str:
        """Give the address of Valkey, without a database."""
        return urlunsplit(urlsplit(self.stack.redis_url)._replace(path=""))

    def watch(self, *servers: str) -> Watch:
        """Watch processes, and these servers under them."""
        return Watch(self.stack, servers)

    def tally(self, tasks: int) -> Tally:
        """Make the marks of one round anew."""
        return Tally.make(self._tally_file, tasks)

    def variables(self, **more: str) -> dict[str, str]:
        """Give what scripts and workers of peers are told."""
        return {
            "PEER_TALLY": str(self._tally_file),
            "PEER_REDIS": self.redis,
            "PEER_KAFKA": self.stack.bootstrap_servers,
            "PYTHONDONTWRITEBYTECODE": "1",
            **more,
        }

    def log(self, name: str) -> Path:
        """Give the file for what a process says."""
        return self.stack.folder / "logs" / f"{name}.log"

    @asynccontextmanager
    async def child(
        self,
        name: str,
        argv: Sequence[str],
        variables: Mapping[str, str],
        ready: Callable[[], Awaitable[bool]] | None = None,
    ) -> AsyncGenerator[None]:
        """Run a process of a peer, its scripts beside it, as long as the context is entered."""
        spec = ChildSpec(
            name,
            tuple(argv),
            self.log(name),
            env={**variables, "PYTHONPATH": str(ARMS), "PYTHONSAFEPATH": ""},
            cwd=ARMS,
            restart=Restart.NEVER,
            ready=ready,
            stage=2,
        )
        await self.stack.supervisor.start(spec)
        try:
            yield
        finally:
            await self.stack.supervisor.stop(name)

    @property
    def _tally_file(self) -> Path:
        return self.stack.folder / "tally"


Measure = Callable[[Bench], Awaitable["Round"]]


@dataclass(frozen=True, slots=True)
class Round:
    """What a round took in all, for how many tasks, and what rate that was in its work's unit."""

    used: Used
    tasks: int
    rate: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """An arm that can be measured; `needs` names its environments."""

    arm: Arm
    needs: tuple[str, ...]
    measure: Measure


async def attempt(bench: Bench, entry: Entry, number: int) -> Done | Missed:
    """Do one round of an arm; what it doesn't do within the limit, or can't, is told as its outcome."""
    try:
        for name in entry.needs:
            await bench.environments.make(name)
        async with asyncio.timeout(LIMIT_SECONDS):
            found = await entry.measure(bench)
    except TimeoutError:
        return Missed(round=number, because=f"did not finish within {LIMIT_SECONDS:.0f} s")
    except CannotInstall as missing:
        return Missed(round=number, because=f"could not be installed: {missing}")
    except (DidNotWork, ArgosyError) as failure:
        return Missed(round=number, because=f"did not do its work: {reason(failure)}")
    own, servers = (seconds / found.tasks * 1e6 for seconds in (found.used.own, found.used.servers))
    return Done(round=number, rate=found.rate, cpu_us=own, servers_us=servers, note=found.note)


def check(tally: Tally) -> str:
    """Raise `DidNotWork` if a task was not done; say how many were done more than once."""
    if tally.missing:
        raise DidNotWork(f"{tally.missing} tasks have no effect")
    return f"{tally.repeated} tasks twice" if tally.repeated else ""
