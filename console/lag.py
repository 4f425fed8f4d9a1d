"""`argosy lag`: how far each group is behind: what waits, runs, is parked, is dead, in messages, seconds and tokens."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from argosy.console import table
from argosy.console.config import load_settings
from argosy.console.folding import fold
from argosy.console.foreground import run_in_foreground
from argosy.console.lag_listen import Served, address_of, listen
from argosy.console.lag_measure import LagReport, Watch, measure, must_be_whole
from argosy.console.lag_scale import GOAL_SECONDS, SLOTS, scale
from argosy.console.lag_text import BY_PARTITION, COLUMNS, group_rows, notes, partition_rows
from argosy.console.options import options
from argosy.console.output import note, printable, show, show_json, show_table
from argosy.console.process_life import open_services, serve
from argosy.schemas.errors import ConfigurationError, NotFound
from argosy.schemas.settings import Settings

WATCH_SECONDS: Final = 2.0


def lag(  # noqa: PLR0913 - one for each option
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Again every two seconds, until Ctrl-C.")] = False,
    partitions: Annotated[bool, typer.Option("--partitions", help="A line for each partition.")] = False,
    agent: Annotated[str | None, typer.Option("--agent", help="Of this agent alone.")] = None,
    scaling: Annotated[
        bool, typer.Option("--scale", help="Print one number: how many workers the agent needs now.")
    ] = False,
    goal: Annotated[
        float,
        typer.Option(
            "--goal", min=1.0, help="With --scale, --listen: seconds in which all should be finished."
        ),
    ] = GOAL_SECONDS,
    slots: Annotated[
        int,
        typer.Option("--slots", min=1, help="With --scale, --listen: tasks a worker runs, if none is there."),
    ] = SLOTS,
    listening: Annotated[
        str | None,
        typer.Option(
            "--listen", metavar="HOST:PORT", help="Serve /lag, /scale/AGENT and /metrics over HTTP."
        ),
    ] = None,
    ready_file: Annotated[
        Path | None, typer.Option("--ready-file", help="Takes the URL once it listens.", hidden=True)
    ] = None,
) -> None:
    """Show receivers, lanes and each agent's workers: what waits, for how long, and who works on it.

    WAITING, IN FLIGHT, PARKED and DEAD are messages, the age of the oldest, and the tokens of their inputs, where
    these are known; ~ is an estimate, ≤ an upper bound: of a long queue only the oldest messages are read. RETRY are
    tasks that failed and are tried again, and when the first of them is. OLDEST is the age of the oldest message that
    isn't finished, DRAIN how long all of them take at the pace of the last minute, TREND what that minute did. What
    workers have in hand is as of some seconds ago.
    """
    settings = load_settings()
    if scaling:
        if agent is None or watch or partitions:
            raise ConfigurationError(
                "--scale needs --agent NAME, and is told once", do="argosy lag --scale --agent NAME"
            )
        raise typer.Exit(run_in_foreground(_scale(settings, agent, goal, slots)))
    if listening is not None:
        served = Served(address_of(listening), goal, slots, ready_file)
        serve(settings, "lag", lambda services, stop: listen(services, served, stop))
        return
    raise typer.Exit(run_in_foreground(_lag(settings, agent, watch=watch, by_partition=partitions)))


async def _scale(settings: Settings, agent: str, goal: float, slots: int) -> None:
    async with open_services(settings, "lag") as services:
        report = of_agent(await measure(services), agent)
        must_be_whole(report)
        (found,) = report.groups
        told = scale(found, goal_seconds=goal, slots=slots)
        show(told, str(told.replicas))


async def _lag(settings: Settings, agent: str | None, *, watch: bool, by_partition: bool) -> None:
    async with open_services(settings, "lag") as services:
        if not watch:
            _tell(of_agent(await measure(services), agent), by_partition=by_partition)
            return
        kept = Watch()
        if options().json or not sys.stdout.isatty():
            while True:
                report = of_agent(await measure(services, kept), agent)
                if options().json:
                    show_json(report)
                else:
                    _tell(report, by_partition=by_partition)
                await asyncio.sleep(WATCH_SECONDS)
        console = Console(highlight=False, markup=False)
        with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
            while True:
                report = of_agent(await measure(services, kept), agent)
                live.update(_page(report, console.width, by_partition=by_partition), refresh=True)
                await asyncio.sleep(WATCH_SECONDS)


def of_agent(report: LagReport, agent: str | None) -> LagReport:
    """Keep one agent's group alone. Raises NotFound."""
    if agent is None:
        return report
    found = report.of(agent)
    if found is None:
        known = ", ".join(group.agent for group in report.groups if group.agent) or "none"
        raise NotFound(f"no agent {agent}", f"agents with a topic: {known}", "argosy lag")
    return LagReport(
        (found,),
        found.dead.messages,
        report.hands_known,
        measured_ms=report.measured_ms,
        limits=report.limits,
    )


def _tell(report: LagReport, *, by_partition: bool) -> None:
    if by_partition:
        show_table(BY_PARTITION, partition_rows(report), report)
    else:
        show_table(COLUMNS, group_rows(report), report)
    for line in notes(report):
        note(line, folded=True)


def _page(report: LagReport, width: int, *, by_partition: bool) -> Text:
    """Lay a measure out for a terminal, to be shown in place of the one before."""
    columns, rows = (BY_PARTITION, partition_rows(report)) if by_partition else (COLUMNS, group_rows(report))
    made = table.lines(columns, [[printable(str(cell)) for cell in row] for row in rows], width)
    page = Text("\n".join(made.head) + "\n", style="bold")
    page.append("\n".join(made.body), style="not bold")
    for line in notes(report):
        page.append("\n" + fold(printable(line), width), style="not bold dim")
    return page
