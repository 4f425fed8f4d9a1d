"""Who is there: every serving process says so in Redis every few seconds, and what it has in hand.

For people who look: nothing correct depends on it. A process that fell silent counts as gone within `TTL_SECONDS`, and
is remembered a while longer as one that did not leave: it was killed, is cut off, or its event loop stands still.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from argosy.broker.keys import FleetKeys
from argosy.broker.store import Script, Store
from argosy.schemas.errors import Refused, Unreachable
from argosy.telemetry import logs
from argosy.telemetry.served import metrics_url

BEAT_SECONDS: Final = 3.0
TTL_SECONDS: Final = 12.0
"""Four beats: one that is late makes nobody disappear."""
SILENT_SECONDS: Final = 60.0
MOST: Final = 10_000
_LEAVE_SECONDS: Final = 1.0

_TELL: Final = Script(__file__, "presence")
_READ: Final = Script(__file__, "present")

Role = Literal["worker", "coordinator", "gateway"]
LaneWord = Literal["live", "reloading", "paused"]


class Held(BaseModel):
    """Work messages that a worker has in hand, by partition; `since_ms` is when the oldest was appended.

    `tokens` are those of their inputs, by partition too.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    partitions: dict[int, int] = {}
    tokens: dict[int, int] = {}
    since_ms: int | None = None

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.partitions.values())


class PartSaid(BaseModel):
    """How far a worker is in a partition of its own."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    next: int = -1
    """The position after all that it was given; -1: it was given nothing."""
    open: int = 0
    """How many of these are unfinished."""
    done: int = 0
    """How many it finished in its last `Progress.seconds`."""


class Progress(BaseModel):
    """What a worker did lately, by partition: each that is assigned to it is here."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    parts: dict[int, PartSaid] = {}
    seconds: float = 0.0
    """How far back it goes: a minute at most."""
    busy_seconds: float = 0.0
    """So long of it there was something to do."""

    @property
    def done(self) -> int:
        """How many messages it finished."""
        return sum(part.done for part in self.parts.values())


class InHand(BaseModel):
    """What a worker has of one agent: what runs or settles, what is parked, and how many may run at once."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    running: Held = Held()
    parked: Held = Held()
    slots: int = 0
    progress: Progress | None = None
    """None: a release that doesn't say."""


class LaneSaid(BaseModel):
    """What a coordinator says of a lane that is its own."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    word: LaneWord
    why: str = ""


class Presence(BaseModel):
    """A process, as it described itself `at_ms` by its own clock."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    role: Role
    name: str
    """`<host>-<process id>`, as in `ce_source` and in a claim's fence."""
    version: str
    started_ms: int
    at_ms: int
    agents: dict[str, InHand] = {}
    lanes: dict[int, LaneSaid] = {}
    metrics: str = ""
    """Where it serves `/metrics`; empty if it doesn't."""


@dataclass(frozen=True, slots=True)
class Silent:
    """A process that was there and neither beats nor left; `seconds` since its last beat."""

    process: Presence
    seconds: float


@dataclass(frozen=True, slots=True)
class Present:
    """All that are there, and the server's clock when it was asked. `silent` are those that fell silent lately."""

    server_ms: int
    processes: tuple[Presence, ...]
    silent: tuple[Silent, ...] = ()

    def named(self, name: str) -> Presence | None:
        """Find a process."""
        return next((each for each in self.processes if each.name == name), None)

    def workers(self, agent: str) -> tuple[Presence, ...]:
        """Those that serve an agent."""
        return tuple(each for each in self.processes if agent in each.agents)


async def present(store: Store, key_prefix: str) -> Present:
    """Ask who is there; what can't be read (a newer release's word) is left out. Raises Unreachable and Refused."""
    keys = FleetKeys(key_prefix)
    match await store.run(_READ, [keys.until, keys.present], [MOST, round(SILENT_SECONDS * 1000)]):
        case [int(server_ms), *told]:
            pairs = zip(told[::2], told[1::2], strict=True)
            found = [
                (until, known)
                for until, said in pairs
                if isinstance(until, int) and isinstance(said, bytes) and (known := _read(said)) is not None
            ]
            found.sort(key=lambda each: (each[1].role, each[1].name))
            silent = [
                Silent(known, TTL_SECONDS + (server_ms - until) / 1000)
                for until, known in found
                if until <= server_ms
            ]
            there = (known for until, known in found if until > server_ms)
            return Present(server_ms, tuple(there), tuple(silent))
        case reply:
            message = f"present.lua gave {reply!r}"
            raise TypeError(message)


def _read(said: bytes) -> Presence | None:
    try:
        return Presence.model_validate_json(said)
    except ValidationError:
        return None


@cache
def _release() -> str:
    return version("argosy")  # reads a file


@dataclass(slots=True)
class Beat:
    """Says for one process that it is there. `look` gives what it has in hand now."""

    store: Store
    key_prefix: str
    role: Role
    name: str
    look: Callable[[], tuple[dict[str, InHand], dict[int, LaneSaid]]]

    async def run(self) -> None:
        """Tell until cancelled, then that we leave. A Redis that is away is no matter: the next beat says it again."""
        started_ms = time.time_ns() // 1_000_000
        try:
            while True:
                await self._tell(self._say(started_ms))
                await asyncio.sleep(BEAT_SECONDS)
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LEAVE_SECONDS):
                    await self._tell("")

    def _say(self, started_ms: int) -> str:
        agents, lanes = self.look()
        return Presence(
            role=self.role,
            name=self.name,
            version=_release(),
            started_ms=started_ms,
            at_ms=time.time_ns() // 1_000_000,
            agents=agents,
            lanes=lanes,
            metrics=metrics_url(),
        ).model_dump_json(exclude_defaults=True)

    async def _tell(self, said: str) -> None:
        keys = FleetKeys(self.key_prefix)
        try:
            # A process has one name, whatever its role: two roles in one process are two entries.
            name = f"{self.role}/{self.name}"
            counts_ms, remembered_ms = round(TTL_SECONDS * 1000), round(SILENT_SECONDS * 1000)
            await self.store.run(_TELL, [keys.until, keys.present], [name, said, counts_ms, remembered_ms])
        except (Unreachable, Refused) as error:
            logs.get("argosy.presence").debug("presence wasn't told", error=str(error))
