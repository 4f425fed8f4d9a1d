"""A measure of lag in words and cells: what `argosy lag` and `argosy top` show. Pure."""

from collections.abc import Sequence
from typing import Final

from argosy.broker.fullness import Fullness
from argosy.console.lag_amount import Amount
from argosy.console.lag_measure import LagReport
from argosy.console.lag_standing import PartitionStanding, Standing
from argosy.console.limits_report import limit_notes
from argosy.console.moments import length
from argosy.console.numbers import counted, short

COLUMNS: Final = (
    "WHO",
    "STATUS",
    "TREND",
    "MEMBERS",
    "WAITING",
    "IN FLIGHT",
    "PARKED",
    "RETRY",
    "DEAD",
    "OLDEST",
    "DRAIN",
)
BY_PARTITION: Final = (
    "WHO",
    "PARTITION",
    "STATUS",
    "TREND",
    "START",
    "COMMITTED",
    "END",
    "WAITING",
    "IN FLIGHT",
    "PARKED",
    "DEAD",
    "OLDEST",
    "DRAIN",
)
UNKNOWN: Final = "?"


def group_rows(report: LagReport) -> list[Sequence[object]]:
    """Give a row for each group, and one for all dead letters."""
    status_of_all = "argosy dead list" if report.dead else "ok"
    dead = ("dead letters", status_of_all, "", "", "", "", "", "", report.dead, "", "")
    return [*(_group(group) for group in report.groups), dead]


def partition_rows(report: LagReport) -> list[Sequence[object]]:
    """Give a row for each partition of each group."""
    return [_partition(group, part) for group in report.groups for part in group.partitions]


def notes(report: LagReport) -> list[str]:
    """Say what the table has no room for."""
    said = [*_silence(report), *_oddities(report)]
    if report.fullness is not None:
        said.append(_under_way(report.fullness))
    said += [*_windows(report), *limit_notes(report.limits)]
    if report.retry_of_nobody:
        said.append(f"{report.retry_of_nobody} more tasks are in retry, of agents that could not be told")
    if not report.hands_known:
        said.append("Redis can't be asked: what is in flight or parked counts as waiting")
    return said


def who(group: Standing) -> str:
    """Name a group as people do."""
    return group.agent or group.group.rpartition(".")[2]


def drain(seconds: float | None, messages: int) -> str:
    """Say how long it takes to drain; empty where nothing is to drain, ? where nothing was finished lately."""
    if not messages:
        return ""
    return UNKNOWN if seconds is None else length(seconds)


def amount(given: Amount) -> str:
    """Say how many, how old, how many tokens."""
    if not given.messages:
        return "0"
    told = [f"{'≤' if given.at_most else ''}{given.messages}"]
    if given.seconds is not None:
        told.append(length(given.seconds))
    if given.tokens is not None:
        told.append(f"{'~' if given.estimated else ''}{short(given.tokens)} tok")
    return " / ".join(told)


def _group(group: Standing) -> Sequence[object]:
    waiting = amount(group.waiting)
    if group.held.messages:
        least = "≥" if group.held.estimated else ""
        waiting = f"{waiting} + {least}{group.held.messages} held back"
    members = f"{group.members} (balancing)" if group.balancing else group.members
    retry = str(group.retry.messages)
    if group.retry.messages and group.retry_due_seconds is not None:
        retry = f"{retry} / in {length(group.retry_due_seconds)}"
    return (
        who(group),
        group.status,
        group.trend or "",
        members,
        waiting,
        amount(group.in_flight),
        amount(group.parked),
        retry,
        amount(group.dead),
        _oldest(group.unfinished),
        drain(group.drain_seconds, group.unfinished.messages + group.held.messages),
    )


def _partition(group: Standing, part: PartitionStanding) -> Sequence[object]:
    committed = "-" if part.committed is None else part.committed
    amounts = (amount(part.waiting), amount(part.in_flight), amount(part.parked), amount(part.dead))
    return (
        who(group),
        part.partition,
        part.status,
        part.trend or "",
        part.start,
        committed,
        part.end,
        *amounts,
        _oldest(part.unfinished),
        drain(part.drain_seconds, part.unfinished.messages),
    )


def _oldest(unfinished: Amount) -> str:
    return length(unfinished.seconds or 0.0) if unfinished.messages else ""


def _silence(report: LagReport) -> list[str]:
    return [
        f"{each.name} of {who(group)} has been silent for {length(each.seconds)}: it was killed, is cut off from"
        " Redis, or a handler blocks its event loop; argosy why RUN says what it holds"
        for group in report.groups
        for each in group.silent
    ]


def _oddities(report: LagReport) -> list[str]:
    """Say where offsets are not what they seem."""
    said: list[str] = []
    for group in report.groups:
        lost = sum(part.lost for part in group.partitions)
        beyond = [part.partition for part in group.partitions if part.beyond]
        if lost:
            said.append(f"{who(group)}: {lost} offsets were taken by retention before the group came to them")
        if beyond:
            told = ", ".join(map(str, beyond))
            said.append(
                f"{who(group)}: the group's commit lies behind the end of partition {told}: the log lost its end,"
                " or is another one; it begins again at the log's start"
            )
    return said


def _windows(report: LagReport) -> list[str]:
    """Say how many tasks of each agent may be out, where that holds some back or is not the same everywhere."""
    told: list[str] = []
    for group in report.groups:
        window = group.window
        if window is None or not (group.held.messages or window.smallest != window.largest):
            continue
        each = (
            f"{window.smallest}"
            if window.smallest == window.largest
            else f"{window.smallest} to {window.largest}"
        )
        told.append(f"{window.tasks} of {who(group)} ({counted(window.lanes, 'lane')} of {each})")
    return [f"dispatch windows let out at most {', '.join(told)}; docs/running.md says why"] if told else []


def _under_way(found: Fullness) -> str:
    """Say how many runs are under way, against all bounds."""
    of = "".join(f", {count} of {most} of {name}" for name, (count, most) in found.pipelines.items())
    waiting = f"; {found.waiting} submits wait for room" if found.waiting else ""
    megabytes, most_megabytes = found.bytes // 1_000_000, found.most_bytes // 1_000_000
    return (
        f"{found.runs} of {found.most_runs} runs under way{of}, "
        f"with {megabytes} of {most_megabytes} MB of state{waiting}"
    )
