"""What pages look at: the services, the index of runs, and measures of the fleet that all who look share."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from argosy.broker.presence import Present, present
from argosy.broker.topics import TopicNames
from argosy.client.awaited import Awaited, of_fleet
from argosy.console.dashboard_histories import Kept
from argosy.console.dashboard_index import Index
from argosy.console.dashboard_letters import Grave, Letters
from argosy.console.dashboard_page import Item, Region
from argosy.console.lag_measure import LagReport, Watch, measure
from argosy.console.lane_lines import LaneLine, Queues, lane_lines, lane_queues
from argosy.console.moments import length
from argosy.console.process_life import Services
from argosy.console.published import Published, contracts_of, published
from argosy.console.run_lines import logs_folder
from argosy.schemas.contract import AgentContract
from argosy.schemas.errors import ArgosyError, Unreachable
from argosy.schemas.settings import Settings

T = TypeVar("T")

MEASURE_SECONDS: Final = 2.0
WAIT_SECONDS: Final = 2.0
"""How long a page waits for a measure: who looks while a server hangs sees what was known, and who is away."""
LATE_SECONDS: Final = 10.0
"""A measure that takes longer is told: what pages show meanwhile is of before."""
CONTRACTS_SECONDS: Final = 15.0
SHOWN_TIMERS: Final = 50
"""Of each lane."""


class Shared(Generic[T]):
    """A measure that is made at most every so many seconds, however many ask. An error is remembered as long.

    Nobody waits long for it: while whoever is asked doesn't answer, what was measured before is given.
    """

    def __init__(self, make: Callable[[], Awaitable[T]], seconds: float = MEASURE_SECONDS) -> None:
        """`make` asks the services; one is made at a time, and made to its end whoever leaves."""
        self._make, self._seconds = make, seconds
        self._making: asyncio.Task[T | ArgosyError] | None = None
        self._began = 0.0
        self._made: tuple[float, T | ArgosyError] | None = None

    async def get(self) -> T:
        """Return it. Raises what making it raised, Unreachable if the first one takes too long."""
        if self._made is None or time.monotonic() - self._made[0] > self._seconds:
            making = self._begin()
            left = max(0.0, self._began + WAIT_SECONDS - time.monotonic())
            done, _ = await asyncio.wait({making}, timeout=left)
            if done and not making.cancelled():
                making.result()  # a defect is told to whoever asked
        if self._made is None:
            message = (
                f"Kafka or Redis didn't tell within {WAIT_SECONDS:g} s how the fleet stands; asking goes on"
            )
            raise Unreachable(message)
        found = self._made[1]
        if isinstance(found, ArgosyError):
            raise found
        return found

    @property
    def old_seconds(self) -> float:
        """How old it is, where measuring it anew takes too long; 0: it doesn't, or nothing was measured yet."""
        if self._made is None or self._making is None or self._making.done():
            return 0.0
        now = time.monotonic()
        return now - self._made[0] if now - self._began > LATE_SECONDS else 0.0

    def close(self) -> None:
        """Leave what is being made."""
        if self._making is not None:
            self._making.cancel()

    def _begin(self) -> asyncio.Task[T | ArgosyError]:
        if self._making is None or self._making.done():
            self._began = time.monotonic()
            self._making = asyncio.create_task(self._asked(), name="measure")
        return self._making

    async def _asked(self) -> T | ArgosyError:
        made: T | ArgosyError
        try:
            made = await self._make()
        except ArgosyError as error:
            made = error
        # Its age counts from its end: one that took long would be old already, and all who wait would make it again.
        self._made = (time.monotonic(), made)
        return made


@dataclass(slots=True)
class Desk:
    """One for the process."""

    services: Services
    index: Index
    stop: asyncio.Event
    key_file: Path | None = None
    """Holds the key for actions, where the settings have no token."""
    logs: Path = field(default_factory=logs_folder)
    """Where the fleet's processes write their logs to, if they do so on this machine."""
    lag: Shared[LagReport] = field(init=False)
    present: Shared[Present] = field(init=False)
    contracts: Shared[dict[str, AgentContract]] = field(init=False)
    lanes: Shared[tuple[list[LaneLine], list[Queues]]] = field(init=False)
    letters: Shared[tuple[Grave, ...]] = field(init=False)
    awaited: Shared[list[Awaited]] = field(init=False)
    pipelines: Shared[list[Published]] = field(init=False)

    def __post_init__(self) -> None:
        """Make the shared measures."""
        watch = Watch()
        self.lag = Shared(lambda: measure(self.services, watch))
        self.present = Shared(lambda: present(self.services.store, self.settings.redis.key_prefix))
        self.contracts = Shared(self._contracts, CONTRACTS_SECONDS)
        self.lanes = Shared(self._lanes)
        self.awaited = Shared(self._awaited)
        self.pipelines = Shared(self._pipelines, CONTRACTS_SECONDS)
        letters, dead = Letters(), TopicNames(self.settings.kafka.topic_prefix).dead
        self.letters = Shared(lambda: letters.read(self.services.cluster, dead))

    @property
    def settings(self) -> Settings:
        """Of the fleet, and ours."""
        return self.services.settings

    async def _contracts(self) -> dict[str, AgentContract]:
        return contracts_of(await self.pipelines.get())

    async def _awaited(self) -> list[Awaited]:
        if self.index.reading.done and not any(line.waits for line in self.index.active()):
            return []  # else all timers of the fleet would be read to find nothing
        return await of_fleet(self.services)

    async def _pipelines(self) -> list[Published]:
        return await published(self.services.cluster, TopicNames(self.settings.kafka.topic_prefix))

    async def _lanes(self) -> tuple[list[LaneLine], list[Queues]]:
        lines = await lane_lines(self.services)
        queues = await asyncio.gather(
            *(lane_queues(self.services, line.lane, SHOWN_TIMERS) for line in lines)
        )
        return lines, list(queues)

    async def history(self, run_id: str) -> Kept:
        """Give a run's whole history as of now. Empty: the log doesn't know it. Raises Unreachable."""
        line = self.index.run(run_id)
        start = None if line is None else line.offset
        return await self.index.histories.of(self.services.cluster, self.settings, run_id, start)

    def close(self) -> None:
        """Leave all measures that are being made."""
        for each in self._shared:
            each.close()

    @property
    def _shared(self) -> tuple[Shared[Any], ...]:
        return (
            self.lag,
            self.present,
            self.contracts,
            self.lanes,
            self.letters,
            self.awaited,
            self.pipelines,
        )

    def notes(self) -> Region:
        """Say what holds for all pages now: how far old records are read, and who is away."""
        old = max(each.old_seconds for each in self._shared)
        late = (
            (f"what is shown of the fleet is {length(old)} old: measuring it goes on since",) if old else ()
        )
        said = (*self.index.notes(), *late)
        return Region("notes", "base_items.html:note", tuple(Item(text, text) for text in said))
