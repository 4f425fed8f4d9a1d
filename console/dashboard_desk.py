"""What pages look at: the services, the index of runs, and measures of the fleet that all who look share."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from argosy.console.dashboard_histories import Kept
from argosy.console.dashboard_index import Index
from argosy.console.dashboard_page import Item, Region
from argosy.console.lag_measure import LagReport, Watch, measure
from argosy.console.process_life import Services
from argosy.schemas.errors import ArgosyError
from argosy.schemas.settings import Settings

T = TypeVar("T")

MEASURE_SECONDS = 2.0


class Shared(Generic[T]):
    """A measure that is made at most every so many seconds, however many ask. An error is remembered as long."""

    def __init__(self, make: Callable[[], Awaitable[T]], seconds: float = MEASURE_SECONDS) -> None:
        """`make` asks the services; only one does at a time."""
        self._make, self._seconds = make, seconds
        self._lock = asyncio.Lock()
        self._made: tuple[float, T | ArgosyError] | None = None

    async def get(self) -> T:
        """Return it. Raises what making it raised."""
        async with self._lock:
            if self._made is None or time.monotonic() - self._made[0] > self._seconds:
                self._made = (time.monotonic(), await self._asked())
            found = self._made[1]
        if isinstance(found, ArgosyError):
            raise found
        return found

    async def _asked(self) -> T | ArgosyError:
        try:
            return await self._make()
        except ArgosyError as error:
            return error


@dataclass(slots=True)
class Desk:
    """One for the process."""

    services: Services
    index: Index
    stop: asyncio.Event
    key_file: Path | None = None
    """Holds the key for actions, where the settings have no token."""
    lag: Shared[LagReport] = field(init=False)

    def __post_init__(self) -> None:
        """Make the shared measures."""
        watch = Watch()
        self.lag = Shared(lambda: measure(self.services, watch))

    @property
    def settings(self) -> Settings:
        """Of the fleet, and ours."""
        return self.services.settings

    async def history(self, run_id: str) -> Kept:
        """Give a run's whole history as of now. Empty: the log doesn't know it. Raises Unreachable."""
        line = self.index.run(run_id)
        start = None if line is None else line.offset
        return await self.index.histories.of(self.services.cluster, self.settings, run_id, start)

    def notes(self) -> Region:
        """Say what holds for all pages now: how far old records are read, and who is away."""
        return Region("notes", "base_items.html:note", tuple(Item(text, text) for text in self.index.notes()))
