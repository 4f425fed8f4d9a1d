"""`argosy top`: the fleet on a terminal page that renews itself."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.live import Live

from argosy.console.config import load_settings
from argosy.console.foreground import run_in_foreground
from argosy.console.lag_measure import LagReport, Watch, measure
from argosy.console.lag_text import COLUMNS, group_rows
from argosy.console.options import options
from argosy.console.output import show_json, show_table
from argosy.console.process_life import open_services
from argosy.console.top_page import ORDERS, View, page
from argosy.schemas.settings import Settings

EVERY_SECONDS: Final = 2.0


def top(
    *,
    every: Annotated[
        float, typer.Option("--every", min=0.5, help="Seconds between measures.")
    ] = EVERY_SECONDS,
    partitions: Annotated[
        bool, typer.Option("--partitions", help="With the partitions in which anything lies.")
    ] = False,
) -> None:
    """Show the fleet at a glance, until q or Ctrl-C: agents, what they have to do, how old, how fast, until when.

    A bar is what an agent has to do: in flight, parked, waiting; ↑ ↓ → say whether that grows, shrinks or stays. Where
    it isn't a terminal, it prints a table each time; with --json a line.
    """
    raise typer.Exit(run_in_foreground(_top(load_settings(), every, by_partition=partitions)))


async def _top(settings: Settings, every: float, *, by_partition: bool) -> None:
    async with open_services(settings, "top") as services:
        kept = Watch()
        if options().json or not sys.stdout.isatty():
            while True:
                report = await measure(services, kept)
                if options().json:
                    show_json(report)
                else:
                    show_table(COLUMNS, group_rows(report), report)
                await asyncio.sleep(every)
        screen = _Screen(View(by_partition=by_partition))
        console = Console(highlight=False, markup=False)
        with _keys(screen), Live(console=console, auto_refresh=False, screen=True) as live:
            measuring = asyncio.create_task(measure(services, kept), name="measure")
            try:
                while not screen.left:
                    report = await measuring
                    until = asyncio.get_running_loop().time() + every
                    await screen.show(live, report, until)
                    measuring = asyncio.create_task(measure(services, kept), name="measure")
            finally:
                measuring.cancel()
                await asyncio.wait({measuring})


@dataclass(slots=True)
class _Screen:
    """What is shown, and what keys make of it."""

    view: View
    left: bool = False
    pressed: asyncio.Event = field(default_factory=asyncio.Event)

    def press(self, key: str) -> None:
        """Do what a key asks for; others do nothing."""
        match key:
            case "q":
                self.left = True
            case "p":
                self.view = replace(self.view, by_partition=not self.view.by_partition)
            case "s":
                following = ORDERS[(ORDERS.index(self.view.order) + 1) % len(ORDERS)]
                self.view = replace(self.view, order=following)
            case _:
                return
        self.pressed.set()

    async def show(self, live: Live, report: LagReport, until: float) -> None:
        """Show a measure until it is time for the next one; a key shows it again at once."""
        while not self.left:
            live.update(page(report, self.view, live.console.width, live.console.height), refresh=True)
            self.pressed.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self.pressed.wait()
            except TimeoutError:
                return


@contextlib.contextmanager
def _keys(screen: _Screen) -> Generator[None]:
    """Take keys as they are pressed, where the terminal lets us; it is left as it was."""
    if sys.platform == "win32" or not sys.stdin.isatty():
        screen.view = replace(screen.view, keys=False)
        yield
        return
    import termios  # noqa: PLC0415 - not there on Windows
    import tty  # noqa: PLC0415 - as above

    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    loop = asyncio.get_running_loop()

    def read() -> None:
        for key in os.read(number, 64).decode(errors="replace"):
            screen.press(key)

    tty.setcbreak(number)
    loop.add_reader(number, read)
    try:
        yield
    finally:
        loop.remove_reader(number)
        termios.tcsetattr(number, termios.TCSADRAIN, before)
