"""The page of `argosy top`: the fleet at a glance, laid out for a terminal of some width. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from argosy.console.lag_measure import LagReport
from argosy.console.lag_standing import Standing
from argosy.console.lag_status import Status
from argosy.console.lag_text import amount, drain, notes, who
from argosy.console.moments import length, moment
from argosy.console.numbers import counted, short
from argosy.console.output import printable

STYLES: Final[dict[Status, str]] = {
    "ok": "green",
    "behind": "yellow",
    "stalled": "bold red",
    "nobody there": "bold red",
    "stopped": "dim",
}
ARROWS: Final = {"growing": "↑", "shrinking": "↓", "steady": "→", None: " "}
KEYS: Final = "q quit · p partitions · s sort"
LEAST_BAR: Final = 8
MOST_BAR: Final = 40
STATUS_CELLS: Final = 12
LEAST_COLUMNS: Final = 3
"""What there is to do, how old, how long it takes: without these it says nothing."""


@dataclass(frozen=True, slots=True)
class Order:
    """A way to sort the agents."""

    name: str
    key: Callable[[Standing], tuple[float, str]]


ORDERS: Final = (
    Order("name", lambda group: (0.0, group.agent or "")),
    Order("messages", lambda group: (-messages(group), group.agent or "")),
    Order("oldest", lambda group: (-(group.unfinished.seconds or 0.0), group.agent or "")),
    Order("tokens", lambda group: (-float(group.unfinished.tokens or 0), group.agent or "")),
    Order("drain", lambda group: (-_drain_rank(group), group.agent or "")),
)


@dataclass(frozen=True, slots=True)
class View:
    """What is shown of a measure."""

    order: Order = ORDERS[0]
    by_partition: bool = False
    keys: bool = True


def messages(group: Standing) -> int:
    """Count all that an agent has to do: in its topic, and held back."""
    return group.unfinished.messages + group.held.messages


def page(report: LagReport, view: View, width: int, height: int) -> Text:
    """Lay it out; what doesn't fit below is said to be there."""
    lines = [*_head(report, view, width), Text(), *_body(report, view, width)]
    foot = [Text(printable(line)[:width], style="dim") for line in notes(report)]
    room = max(3, height - 1)
    if len(lines) + len(foot) > room:
        foot = foot[: max(0, room - len(lines))]
    if len(lines) > room:
        more = len(lines) - room + 1
        lines = [
            *lines[: room - 1],
            Text(f"… {counted(more, 'line')} more: a higher window shows them", style="dim"),
        ]
    for line in (*lines, *foot):
        line.truncate(width)
    return Text("\n").join([*lines, *foot])


def _head(report: LagReport, view: View, width: int) -> list[Text]:
    agents = [group for group in report.groups if group.agent]
    workers = {name for group in agents for name in group.workers}
    runs = "" if report.fullness is None else f"{counted(report.fullness.runs, 'run')} under way · "
    first = Text(f"argosy top  {moment(report.measured_ms)}", style="bold")
    if view.keys:
        keys = f"{KEYS} ({view.order.name})"
        first.append(" " * max(2, width - first.cell_len - cell_len(keys)) + keys, style="not bold dim")
    done, came = sum(group.finishing or 0.0 for group in agents), sum(group.arriving for group in agents)
    second = Text(
        f"{runs}{counted(len(workers), 'worker')} · {counted(sum(map(messages, agents)), 'task')} to do, "
        f"{sum(group.in_flight.messages for group in agents)} in flight · {came:.1f}/s in, {done:.1f}/s out · "
    )
    second.append(counted(report.dead, "dead letter"), style="red" if report.dead else "")
    return [first, second]


@dataclass(frozen=True, slots=True)
class _Column:
    head: str
    cells: int
    of: Callable[[Standing], str]
    style: str = ""
    """Where the cell isn't 0."""
    weight: int = 0
    """The least goes first where the window is narrow."""

    def cell(self, group: Standing) -> Text:
        told = self.of(group)
        return Text(f" {told:>{self.cells}}", style=self.style if told != "0" else "")


def _tokens(group: Standing) -> str:
    return "" if group.unfinished.tokens is None else short(group.unfinished.tokens)


def _oldest(group: Standing) -> str:
    return length(group.unfinished.seconds or 0.0) if group.unfinished.messages else ""


_COLUMNS: Final[tuple[_Column, ...]] = (
    _Column(
        "TO DO",
        8,
        lambda group: f"{short(messages(group))} {ARROWS[group.trend] if messages(group) else ARROWS[None]}",
        weight=9,
    ),
    _Column("RUN", 5, lambda group: str(group.in_flight.messages), weight=6),
    _Column("PARK", 5, lambda group: str(group.parked.messages), weight=1),
    _Column("RETRY", 5, lambda group: str(group.retry.messages), style="yellow", weight=4),
    _Column("DEAD", 5, lambda group: str(group.dead.messages), style="red", weight=3),
    _Column("TOKENS", 6, _tokens, weight=2),
    _Column("OUT/S", 6, lambda group: "?" if group.finishing is None else f"{group.finishing:.1f}", weight=5),
    _Column("OLDEST", 10, _oldest, weight=8),
    _Column("DRAIN", 10, lambda group: drain(group.drain_seconds, messages(group)), weight=7),
)


def _columns(names: int, width: int) -> tuple[tuple[_Column, ...], int]:
    """Choose what fits, and the cells of the bar: it gives way to nothing but a bar of some cells."""
    columns, rest = list(_COLUMNS), width - names - STATUS_CELLS - 2
    rest -= sum(column.cells + 1 for column in columns)
    while rest < LEAST_BAR and len(columns) > LEAST_COLUMNS:
        least = min(columns, key=lambda column: column.weight)
        columns.remove(least)
        rest += least.cells + 1
    return tuple(columns), max(0, min(MOST_BAR, rest))


def _body(report: LagReport, view: View, width: int) -> list[Text]:
    agents = sorted((group for group in report.groups if group.agent), key=view.order.key)
    others = [group for group in report.groups if not group.agent]
    names = max((cell_len(who(group)) for group in report.groups), default=5)
    columns, bar = _columns(names, width)
    most = max((messages(group) for group in agents), default=0)
    heads = "".join(f" {column.head:>{column.cells}}" for column in columns)
    lines = [Text(f"{'AGENT':<{names}} {'STATUS':<{STATUS_CELLS}} {'':<{bar}}{heads}", style="bold")]
    for group in (*agents, *others):
        line = Text(f"{who(group):<{names}} ")
        line.append(f"{group.status:<{STATUS_CELLS}} ", style=STYLES[group.status])
        line.append_text(_bar(group, bar, most))
        for column in columns:
            line.append_text(column.cell(group))
        lines.append(line)
        if view.by_partition:
            lines += _parts(group, names)
    return lines


def _bar(group: Standing, cells: int, most: int) -> Text:
    """Draw in flight, then parked, then what waits; the longest queue fills the bar."""
    bar = Text()
    if group.agent is None or not most:
        return bar.append(" " * cells)
    used = 0
    waiting = group.waiting.messages + group.held.messages
    for number, char, style in (
        (group.in_flight.messages, "█", "green"),
        (group.parked.messages, "▓", "blue"),
        (waiting, "░", "yellow"),
    ):
        share = min(cells - used, max(1, round(number * cells / most))) if number else 0
        bar.append(char * share, style=style)
        used += share
    return bar.append(" " * (cells - used))


def _parts(group: Standing, names: int) -> list[Text]:
    """Tell the partitions in which anything lies."""
    told: list[Text] = []
    for part in group.partitions:
        if not part.unfinished.messages and part.status in {"ok", "stopped"}:
            continue
        line = Text(f"{'':<{names}} ")
        line.append(f"{part.status:<{STATUS_CELLS}} ", style=STYLES[part.status])
        owner = printable(part.owner) if part.owner else "nobody says it is theirs"
        line.append(
            f"partition {part.partition}: waiting {amount(part.waiting)}, in flight {part.in_flight.messages}, "
            f"drain {drain(part.drain_seconds, part.unfinished.messages) or '-'}, {owner}",
            style="dim",
        )
        told.append(line)
    return told


def _drain_rank(group: Standing) -> float:
    if not messages(group):
        return 0.0
    return float("inf") if group.drain_seconds is None else group.drain_seconds
