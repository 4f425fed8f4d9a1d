"""Progress on stderr: a table that renews itself on a terminal, one line per change elsewhere."""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from argosy.client.run import Run
from argosy.console.options import options
from argosy.console.output import note, printable
from argosy.console.progress_table import progress_lines
from argosy.console.run_view import RunView
from argosy.schemas.watch import WatchMessage

_AGAIN_SECONDS: Final = 0.125


class Progress:
    """Shows runs while it is entered, in a running event loop. `say` prints a line above the table.

    The loop renews the table, not a thread of rich's: its refresh beside a print of ours erased what was printed.
    """

    def __init__(self, views: Sequence[RunView]) -> None:
        """Show `views` in this order; a view may change at any time."""
        self._views = views
        self._live: Live | None = None
        self._again: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        """Start to show."""
        if sys.stderr.isatty() and not options().quiet and not options().json:
            console = Console(stderr=True)
            self._live = Live(get_renderable=self._table, console=console, auto_refresh=False, transient=True)
            self._live.start()
            self._renew(self._live)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop to show; the table goes away."""
        if self._again is not None:
            self._again.cancel()
        if self._live is not None:
            self._live.stop()

    def take(self, view: RunView, message: WatchMessage) -> None:
        """Take a watch message of a run."""
        line = view.take(message)
        if line is not None and self._live is None:
            note(f"{view.title}  {line}")

    def say(self, line: str) -> None:
        """Print a line for good."""
        if self._live is not None:
            self._live.console.print(escape(printable(line)))
        else:
            note(line)

    def _renew(self, live: Live) -> None:
        live.refresh()
        self._again = asyncio.get_running_loop().call_later(_AGAIN_SECONDS, self._renew, live)

    def _table(self) -> Text:
        width = self._live.console.width if self._live is not None else 80
        return progress_lines(self._views, time.monotonic(), width)


@asynccontextmanager
async def watching(run: Run[Any], view: RunView, progress: Progress) -> AsyncGenerator[None]:
    """Feed a view from a run's events while entered; their reader is closed when left."""

    async def follow() -> None:
        async for event in run.events():
            progress.take(view, event.message)

    task = asyncio.create_task(follow(), name=f"watch {run.run_id}")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
