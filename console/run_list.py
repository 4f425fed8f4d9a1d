"""`argosy runs list`: all runs of the run log, one line each."""

import asyncio
import time
from dataclasses import dataclass
from typing import Annotated

import typer

from argosy.console.config import load_settings
from argosy.console.output import note, show_table
from argosy.console.process_life import open_services
from argosy.console.run_history import scan_lane
from argosy.schemas.runlog import RunAccepted, RunEnded, TaskSettled
from argosy.schemas.settings import Settings

_Counted = dict[str, dict[str, set[int]]]
"""Of runs under way: the attempts of each task that have settled."""


@dataclass(slots=True)
class RunLine:
    """One run of the list."""

    run_id: str
    pipeline: str
    state: str
    accepted_ms: int
    seconds: float
    tasks: int
    """Of a run under way those that settled, with the tokens that they took; of one that ended all."""
    input_tokens: int = 0
    output_tokens: int = 0


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
    if not newest:
        note("no active run" if active else "no run in the run log")
    elif len(newest) < len(found):
        note(f"{len(found) - len(newest)} older ones; --limit shows more")


async def _lines(settings: Settings) -> list[RunLine]:
    lines: dict[str, RunLine] = {}
    counted: _Counted = {}
    async with open_services(settings, "console") as services:
        for lane in range(settings.fleet.lanes):
            async for logged in scan_lane(services.cluster, settings, lane):
                take(lines, counted, logged.envelope.subject, logged.time_ms, logged.message)
    return list(lines.values())


def take(lines: dict[str, RunLine], counted: _Counted, run_id: str, time_ms: int, message: object) -> None:
    """Bring the list up to date with one record: of a run under way it tells what has settled so far."""
    match message:
        case RunAccepted() if run_id not in lines:
            name = f"{message.pipeline.name}@{message.pipeline.version}"
            age = max(0, time.time_ns() // 1_000_000 - time_ms) / 1000
            lines[run_id] = RunLine(run_id, name, "active", time_ms, age, tasks=0)
        case TaskSettled() if (line := lines.get(run_id)) is not None and line.state == "active":
            told = counted.setdefault(run_id, {}).setdefault(message.task_id, set())
            if message.attempt not in told:  # what an attempt took counts at its first settle only
                told.add(message.attempt)
                line.tasks = len(counted[run_id])
                line.input_tokens += message.usage.input_tokens
                line.output_tokens += message.usage.output_tokens
        case RunEnded() if (line := lines.get(run_id)) is not None and line.state == "active":
            line.state = message.outcome
            line.seconds = max(0, time_ms - line.accepted_ms) / 1000
            counted.pop(run_id, None)
            line.tasks = message.tasks
            line.input_tokens, line.output_tokens = message.usage.input_tokens, message.usage.output_tokens
        case _:
            pass
