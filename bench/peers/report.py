"""The table and the JSON file of what was measured."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path

from pydantic import BaseModel, JsonValue
from rich.console import Console
from rich.table import Table

from peers.outcomes import Compared, Missed, Standing

NO_FIGURE = "-"


class Report(BaseModel):
    """What the JSON file holds."""

    at: datetime
    machine: dict[str, JsonValue]
    versions: dict[str, dict[str, str]]
    """Of each environment's packages that matter, as its lock pins them."""
    sizes: dict[str, int]
    arms: list[Compared]


class Earlier(BaseModel):
    """What is read again of a file: rounds. All the rest of it is made from them."""

    arms: list[Standing] = []


def read(file: Path) -> list[Standing]:
    """Read the rounds of an earlier run; none, if there is no such file."""
    return Earlier.model_validate_json(file.read_bytes()).arms if file.exists() else []


def write(file: Path, report: Report) -> None:
    """Write all of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")


def show(arms: Sequence[Compared], titles: Mapping[str, str], machine: Mapping[str, object]) -> None:
    """Print a table for each work, median first, and below it what each arm promises."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    for work, of_work in groupby(sorted(arms, key=_place(arms)), key=lambda arm: arm.work):
        together = list(of_work)
        table = Table(
            "who",
            together[0].unit,
            "CPU a task",
            "servers' CPU",
            "argosy / it",
            "goal",
            title=titles.get(work, work),
            title_justify="left",
        )
        for arm in together:
            table.add_row(arm.peer, *cells(arm))
        console.print(table)
        for arm in together:
            console.print(f"  [bold]{arm.peer}[/bold]: {arm.settings}. {arm.guarantees}.", highlight=False)
        console.print()
    told = (f"{name} {value}" for name, value in machine.items() if name != "packages")
    console.print(", ".join(told), highlight=False)


def cells(arm: Compared) -> tuple[str, str, str, str, str]:
    """Give an arm's row: rate, CPU, servers' CPU, ratio, goal. Rounds that gave no figure stand in the first."""
    missed = [each.because for each in arm.outcomes if isinstance(each, Missed)]
    words = [arm.rate.shown] if arm.rate else []
    words += [f"{missed.count(because)} times: {because}" for because in dict.fromkeys(missed)]
    words += sorted({each.note for each in arm.done.values() if each.note})
    goal = "" if arm.goal is None else f"≥ {arm.goal:g}: {_JUDGED[arm.met]}"
    return (
        "; ".join(words) or NO_FIGURE,
        f"{arm.cpu_us.median:,.0f} µs" if arm.cpu_us else NO_FIGURE,
        f"{arm.servers_us.median:,.0f} µs" if arm.servers_us else NO_FIGURE,
        arm.ratio.shown if arm.ratio else "",
        goal,
    )


_JUDGED = {True: "met", False: "missed", None: "not known"}


def _place(arms: Sequence[Compared]) -> "_Place":
    return _Place([arm.work for arm in arms])


class _Place:
    def __init__(self, works: Sequence[str]) -> None:
        self._order = {work: number for number, work in reversed(list(enumerate(works)))}

    def __call__(self, arm: Compared) -> int:
        return self._order[arm.work]
