"""What the demo says at its end: each briefing, a table of tasks, where the traces are, what to try next."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from argosy.agents.researcher import OUTPUT_TOKENS
from argosy.console.exits import FAILED
from argosy.console.options import options
from argosy.console.output import note, printable, show_json, show_table
from argosy.console.own_name import as_called
from argosy.console.process_life import open_services
from argosy.console.run_history import History, history, trace_id
from argosy.console.task_table import COLUMNS, TaskRow, rows
from argosy.schemas.errors import ContextRefused, RunError
from argosy.schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Told:
    """How one document's run ended."""

    run_id: str
    title: str
    briefing: str | None
    error: RunError | None


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run of the report, as --json shows it."""

    run_id: str
    title: str
    outcome: str
    refused: bool
    trace_id: str | None
    briefing: str | None
    reason: str
    tasks: list[TaskRow]


async def report(settings: Settings, told: Sequence[Told], traces: Path) -> int:
    """Print it. Exit code 1 if a run failed; one that its contract refused is shown, and is no failure of the demo."""
    async with open_services(settings, "demo") as services:
        reports = [_report(each, await history(services.cluster, settings, each.run_id)) for each in told]
    if options().json:
        show_json({"runs": reports, "traces": traces})
    else:
        for run in reports:
            _print(run)
        note(f"traces  {traces} (OTLP-JSON, one line per batch)")
        argosy = as_called()
        note(
            f"next    {argosy} demo --chaos\n        {argosy} demo YOUR.txt\n        {argosy} dev examples/hello.py"
        )
    failed = [run for run in reports if run.outcome != "succeeded" and not run.refused]
    return FAILED if failed else 0


def _report(told: Told, found: History) -> RunReport:
    ended = found.ended
    fault = ended.fault if ended else None
    return RunReport(
        run_id=told.run_id,
        title=told.title,
        outcome=ended.outcome if ended else "active",
        refused=fault is not None and fault.code == ContextRefused.code,
        trace_id=trace_id(found),
        briefing=told.briefing,
        reason=_figures(fault.message, fault.figures) if fault else "",
        tasks=rows(found),
    )


def _figures(message: str, figures: dict[str, int]) -> str:
    told = ", ".join(f"{name} {value}" for name, value in figures.items())
    return f"{message} ({told})" if told else message


def _print(run: RunReport) -> None:
    console = Console()
    head = f"{run.title} · {run.run_id}"
    if run.briefing is not None:
        # A small model rarely comes to an end by itself: a text that just stops would look like a mistake of ours.
        cut = run.tasks[-1].output_tokens >= OUTPUT_TOKENS if run.tasks else False
        below = f"cut at {OUTPUT_TOKENS} tokens, the most that an agent may say here" if cut else None
        text = Text(printable(run.briefing) + (" …" if cut else ""))
        console.print(Panel(text, title=head, subtitle=below, border_style="green"))
    else:
        word = "refused" if run.refused else run.outcome
        console.print(Panel(Text(printable(f"{word}: {run.reason}")), title=head, border_style="red"))
    sys.stdout.flush()
    show_table(COLUMNS, [row.cells() for row in run.tasks], run)
    sys.stdout.write(f"trace {run.trace_id}\n\n")
