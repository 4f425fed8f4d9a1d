"""What the team's demo says at its end: what was built, what the tests said, who committed what, where to look."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from argosy.agents.repository import Logged, Repository
from argosy.agents.suite import Suite
from argosy.agents.team_work import Assignment, Delivery
from argosy.console.exits import FAILED
from argosy.console.options import options
from argosy.console.output import note, printable, show_json, show_table
from argosy.console.own_name import as_called
from argosy.console.process_life import open_services
from argosy.console.run_history import history, trace_id
from argosy.console.task_table import COLUMNS, TaskRow, rows
from argosy.schemas.settings import Settings

_COMMITS = ("COMMIT", "BY", "WHAT", "TASK")


@dataclass(frozen=True, slots=True)
class Ended:
    """How the run ended; without a delivery `reason` says why."""

    run_id: str
    assignment: Assignment
    delivery: Delivery | None
    reason: str


@dataclass(frozen=True, slots=True)
class TeamReport:
    """All of it, as --json shows it."""

    run_id: str
    trace_id: str | None
    green: bool
    """The suite passes, the reviewer approved, `main` is there, and no task committed twice."""
    delivery: Delivery | None
    reason: str
    commits: list[Logged]
    committed_twice: list[str]
    """Tasks with more than one commit: none, ever."""
    tested: list[str]
    """The tree of each test run, in their order."""
    tested_twice: list[str]
    """Trees that were tested more than once: none, unless a process died between a run's end and its record."""
    model_calls: int | None
    tasks: list[TaskRow]
    repository: Path
    checkout: Path
    traces: Path


def _twice(names: list[str]) -> list[str]:
    return sorted(name for name, times in Counter(names).items() if times > 1)


async def report(  # noqa: PLR0913, PLR0917 - all that there is to tell of
    settings: Settings,
    ended: Ended,
    repository: Repository,
    checkout: Path,
    traces: Path,
    model_calls: int | None,
) -> int:
    """Print it. Exit code 1 unless it is green."""
    async with open_services(settings, "demo") as services:
        found = await history(services.cluster, settings, ended.run_id)
    commits = await asyncio.to_thread(repository.log)
    await asyncio.to_thread(repository.export, repository.head().commit, checkout)
    twice = _twice([each.task for each in commits])
    tested = await asyncio.to_thread(Suite(repository, (), settings.sandbox).runs)
    told = TeamReport(
        run_id=ended.run_id,
        trace_id=trace_id(found),
        green=ended.delivery is not None and ended.delivery.released and not twice,
        delivery=ended.delivery,
        reason=ended.reason,
        commits=commits,
        committed_twice=twice,
        tested=tested,
        tested_twice=_twice(tested),
        model_calls=model_calls,
        tasks=rows(found),
        repository=repository.git.folder,
        checkout=checkout,
        traces=traces,
    )
    if options().json:
        show_json(told)
    else:
        _print(
            told, await asyncio.to_thread(repository.changed, ended.assignment.base, repository.head().commit)
        )
    return 0 if told.green else FAILED


def _print(told: TeamReport, changed: str) -> None:
    console = Console()
    delivery = told.delivery
    if delivery is None:
        console.print(
            Panel(Text(printable(told.reason)), title=f"failed · {told.run_id}", border_style="red")
        )
    else:
        word = "released" if delivery.released else "not released"
        head = f"{word} after {delivery.rounds} rounds · tests in: {delivery.isolation or 'not run'}"
        text = Text(printable(f"{changed}\n\n{delivery.output}"))
        console.print(Panel(text, title=head, border_style="green" if told.green else "red"))
    show_table(COLUMNS, [row.cells() for row in told.tasks], told)
    console.print()
    lines = [(each.commit[:10], each.author, each.subject, each.task) for each in told.commits]
    show_table(_COMMITS, lines, told)
    twice = len(told.committed_twice), len(told.tested_twice)
    note(f"commits {len(told.commits)}; tasks that made two: {twice[0]}")
    note(f"tests   {len(told.tested)} runs; trees that were run twice: {twice[1]}")
    note(f"built   {told.checkout}")
    note(f"log     git -C {told.repository} log --graph --stat main")
    note(f"traces  {told.traces} (trace {told.trace_id})")
    note(f"next    {as_called()} demo --team --chaos\n        {as_called()} demo --team --model MODEL")
