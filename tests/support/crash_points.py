"""Named points of the program's code at which a test has a process die or stand still, and how they are armed.

The program knows nothing of them: `arm` wraps the named function in a process that a test has started, before that
runs the normal command line. At the point's hit the process says so in the ledger and signals itself.
"""

import asyncio
import importlib
import inspect
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final, Literal

from support.crash_loads import Load
from support.crash_when import always
from support.ledger import Ledger

# ruff: noqa: ANN401 - what is wrapped takes and gives anything
Role = Literal["coordinator", "worker", "client", "gateway"]
Provoke = Literal["nothing", "rebuild", "terminate", "stall"]
Side = Literal["before", "after"]
Way = Literal["kill", "stop", "wipe", "tail"]
"""Killed; stopped, and resumed later; killed while Redis loses everything, or the last of what was written."""

SIDES: Final[tuple[Side, ...]] = ("before", "after")
VARIABLE: Final = "ARGOSY_TEST_CRASH"
SIGNALS: Final[dict[Way, signal.Signals]] = {
    "kill": signal.SIGKILL,
    "stop": signal.SIGSTOP,
    "wipe": signal.SIGKILL,
    "tail": signal.SIGKILL,
}
_LOSING: Final = frozenset[Way](("wipe", "tail"))


@dataclass(frozen=True)
class Point:
    """One step of one activity of one kind of process."""

    name: str
    """`<process>.<activity>.<step>`"""
    target: str
    """`module:function` or `module:Class.method`, where it is looked up when it is called."""
    what: str
    """The step, in words."""
    when: Callable[..., bool] = always
    """Which calls count, by their arguments."""
    hit: int = 1
    """At which of these calls it happens."""
    load: Load = "plain"
    provoke: Provoke = "nothing"
    """What else it takes to get there."""
    loses: bool = False
    """Whether Redis loses data there too, in cells of their own."""

    @property
    def role(self) -> Role:
        """Which process has it."""
        match self.name.split(".")[0]:
            case "worker":
                return "worker"
            case "client":
                return "client"
            case "gateway":
                return "gateway"
            case _:
                return "coordinator"

    @property
    def drains(self) -> bool:
        """Whether it takes a worker that is told to stop while it works."""
        return self.role == "worker" and self.provoke == "terminate"

    def owner(self) -> tuple[Any, str]:
        """Find the object that holds the function, and its name there."""
        module, _, path = self.target.partition(":")
        holder: Any = importlib.import_module(module)
        *outer, name = path.split(".")
        for part in outer:
            holder = getattr(holder, part)
        return holder, name


@dataclass(frozen=True)
class Cell:
    """A point, before or after its step's effect, and what happens there."""

    point: Point
    side: Side
    way: Way

    @property
    def id(self) -> str:
        """`worker.settle.after_store-kill`"""
        activity, _, step = self.point.name.rpartition(".")
        return f"{activity}.{self.side}_{step}-{self.way}"


def cells(points: Mapping[str, Point]) -> Iterator[Cell]:
    """Every cell of the matrix."""
    for point in points.values():
        for side in SIDES:
            for way in SIGNALS:
                if point.loses or way not in _LOSING:
                    yield Cell(point, side, way)


def covering(points: Mapping[str, Point]) -> Iterator[Cell]:
    """A few of the cells, the same each time: every point at least once, every side and way of it in turn."""
    for number, point in enumerate(points.values()):
        mine = list(cells({point.name: point}))
        yield mine[number % len(mine)]
        if point.loses:
            yield mine[(number + len(mine) // 2) % len(mine)]


class NotReached(AssertionError):
    """A process never came to its point: nothing was tried."""


def reached(cell: str) -> str:
    """Name the ledger's entry which says that a cell's point was reached."""
    return f"reached {cell}"


def arm(variables: Mapping[str, str]) -> None:
    """Wrap the function of the cell that the variables name, if they name one."""
    wanted = variables.get(VARIABLE)
    if wanted is None:
        return
    signal.signal(signal.SIGUSR1, _tell_tasks)
    from support.crash_table import POINTS  # noqa: PLC0415 - the table is made of this module's classes

    cell = next(cell for cell in cells(POINTS) if cell.id == wanted)
    ledger = Path(variables["ARGOSY_TEST_LEDGER"])
    make = Ledger.make  # it may be what is wrapped

    def strike() -> None:
        make(Ledger(ledger), reached(cell.id), str(os.getpid()))
        # To this very thread: it must not go one step further.
        signal.pthread_kill(threading.get_ident(), SIGNALS[cell.way])

    holder, name = cell.point.owner()
    setattr(holder, name, wrapped(getattr(holder, name), cell, strike))


def _tell_tasks(_signal: int, _frame: object) -> None:
    """Write where each task of the loop stands: of a process that doesn't end, nobody knows it otherwise."""
    with suppress(RuntimeError):  # no loop runs
        for task in asyncio.all_tasks(asyncio.get_running_loop()):
            task.print_stack(file=sys.stderr)


def wrapped(function: Callable[..., Any], cell: Cell, strike: Callable[[], None]) -> Callable[..., Any]:
    """Make a function that strikes once, at the point's hit, before or after its call."""
    hits, due = count(1), cell.point.hit

    def now(side: Side, *, counts: bool) -> None:
        if counts and cell.side == side and next(hits) == due:
            strike()

    if inspect.iscoroutinefunction(function):

        async def awaited(*args: Any, **options: Any) -> Any:
            counts = cell.point.when(*args, **options)
            now("before", counts=counts)
            value = await function(*args, **options)
            now("after", counts=counts)
            return value

        return awaited

    def called(*args: Any, **options: Any) -> Any:
        counts = cell.point.when(*args, **options)
        now("before", counts=counts)
        value = function(*args, **options)
        now("after", counts=counts)
        return value

    return called
