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
from rich.table import Table

from argosy.client.run import Run
from argosy.console.options import options
from argosy.console.output import note, printable
from argosy.console.run_view import RunView, TaskView
from argosy.schemas.watch import WatchMessage

_STYLES: Final = {
    "succeeded": "green",
    "failed": "red",
    "running": "yellow",
    "backing_off": "magenta",
    "skipped": "dim",
    "cancelled": "dim",
    "expired": "red",
}


class Progress:
    """Shows runs while it is entered. `say` prints a line above the table."""

    def __init__(self, views: Sequence[RunView]) -> None:
        """Show `views` in this order; a view may change at any time."""
        self._views = views
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Start to show."""
        if sys.stderr.isatty() and not options().quiet and not options().json:
            console = Console(stderr=True)
            self._live = Live(
                get_renderable=self._table, console=console, refresh_per_second=8, transient=True
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop to show; the table goes away."""
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

    def _table(self) -> Table:
        now = time.monotonic()
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("RUN", "TASK", "STATE", "TIME", ""):
            table.add_column(column)
        for view in self._views:
            title = escape(view.title)
            for local, task in view.tasks.items():
                table.add_row(
                    title,
                    escape(local),
                    _state(task),
                    f"{task.elapsed(now):.1f} s",
                    escape(printable(task.note[:60])),
                )
                title = ""
            if title:
                table.add_row(title, "", view.state, "", "")
        return table


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


def _state(task: TaskView) -> str:
    again = f" #{task.attempt}" if task.attempt > 1 else ""
    style = _STYLES.get(task.state, "")
    words = task.state.replace("_", " ") + again
    return f"[{style}]{words}[/]" if style else words
