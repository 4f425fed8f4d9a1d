"""`argosy runs list|show|cancel`: what runs there are, what became of their tasks."""

import asyncio
import time
from dataclasses import dataclass
from typing import Annotated

import typer

from argosy.client.connection import Argosy
from argosy.console.config import load_settings
from argosy.console.exits import FAILED
from argosy.console.output import note, show, show_table
from argosy.console.process_life import open_services
from argosy.console.run_history import History, history, scan_lane, trace_id
from argosy.console.task_table import COLUMNS, rows
from argosy.console.why import why
from argosy.schemas.errors import NotFound
from argosy.schemas.runlog import RunAccepted, RunEnded
from argosy.schemas.settings import Settings

runs = typer.Typer(help="Look at runs, cancel them.", no_args_is_help=True)


runs.command("why")(why)


@dataclass(slots=True)
class RunLine:
    """One run of the list."""

    run_id: str
    pipeline: str
    state: str
    accepted_ms: int
    seconds: float
    tasks: int
    input_tokens: int = 0
    output_tokens: int = 0


@runs.command("list")
def list_runs(
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 50,
    active: Annotated[bool, typer.Option("--active", help="Only those that have not ended.")] = False,
) -> None:
    """List runs from the run log, newest first."""
    found = asyncio.run(_lines(load_settings()))
    if active:
        found = [line for line in found if line.state == "active"]
    newest = sorted(found, key=lambda line: line.accepted_ms, reverse=True)[:limit]
    columns = ("RUN", "PIPELINE", "STATE", "SECONDS", "TASKS", "TOKENS IN", "TOKENS OUT")
    cells = [
        (
            line.run_id,
            line.pipeline,
            line.state,
            f"{line.seconds:.1f}",
            line.tasks,
            line.input_tokens,
            line.output_tokens,
        )
        for line in newest
    ]
    show_table(columns, cells, {"runs": newest})


@runs.command("show")
def show_run(run_id: Annotated[str, typer.Argument(help="The run's id.")]) -> None:
    """Show a run: outcome, tasks, attempts, times, tokens. Exit code 1 if it ended without success."""
    found = asyncio.run(_history(load_settings(), run_id))
    accepted, ended = found.accepted, found.ended
    if accepted is None:
        raise NotFound(
            f"no run {run_id} in the run log",
            "it was never accepted, or retention has passed",
            "argosy runs list",
        )
    table = rows(found)
    state = ended.outcome if ended else "active"
    show_table(
        COLUMNS,
        [row.cells() for row in table],
        {"run_id": run_id, "state": state, "trace_id": trace_id(found), "tasks": table, "ended": ended},
    )
    if ended is not None and ended.outcome != "succeeded":
        reason = f": {ended.fault.message}" if ended.fault else ""
        note(f"{run_id} {state}{reason}")
        raise typer.Exit(FAILED)


@runs.command("cancel")
def cancel_run(
    run_id: Annotated[str, typer.Argument(help="The run's id.")],
    *,
    reason: Annotated[str, typer.Option("--reason", help="Kept with the run.")] = "",
) -> None:
    """Cancel a run; idempotent, and allowed before the run has been accepted."""
    asyncio.run(_cancel(load_settings(), run_id, reason))
    show({"run_id": run_id, "cancel": "requested"}, f"cancel of {run_id} requested")


async def _cancel(settings: Settings, run_id: str, reason: str) -> None:
    async with Argosy.connect(settings) as fleet:
        await fleet.run(run_id).cancel(reason)


async def _history(settings: Settings, run_id: str) -> History:
    async with open_services(settings, "console") as services:
        return await history(services.cluster, settings, run_id)


async def _lines(settings: Settings) -> list[RunLine]:
    lines: dict[str, RunLine] = {}
    async with open_services(settings, "console") as services:
        for lane in range(settings.fleet.lanes):
            async for logged in scan_lane(services.cluster, settings, lane):
                _note(lines, logged.envelope.subject, logged.time_ms, logged.message)
    return list(lines.values())


def _note(lines: dict[str, RunLine], run_id: str, time_ms: int, message: object) -> None:
    match message:
        case RunAccepted() if run_id not in lines:
            name = f"{message.pipeline.name}@{message.pipeline.version}"
            age = max(0, time.time_ns() // 1_000_000 - time_ms) / 1000
            lines[run_id] = RunLine(run_id, name, "active", time_ms, age, len(message.pipeline.steps))
        case RunEnded() if (line := lines.get(run_id)) is not None and line.state == "active":
            line.state = message.outcome
            line.seconds = max(0, time_ms - line.accepted_ms) / 1000
            line.tasks = message.tasks
            line.input_tokens, line.output_tokens = message.usage.input_tokens, message.usage.output_tokens
        case _:
            pass
