"""`argosy runs …`: what runs there are, what became of their tasks, what they wait for."""

import asyncio
import time
from contextlib import aclosing, suppress
from dataclasses import asdict
from typing import Annotated, Final

import typer
from pydantic import JsonValue

from argosy.client.connection import Argosy
from argosy.client.run import Run, RunStatus
from argosy.console.answer import approve, signal, waiting
from argosy.console.budget_command import budget
from argosy.console.config import load_settings
from argosy.console.context_view import context_of, drawn
from argosy.console.exits import FAILED
from argosy.console.foreground import run_in_foreground
from argosy.console.history_command import history as show_history
from argosy.console.interruption import if_interrupted
from argosy.console.live import Progress, watching
from argosy.console.logs_command import logs
from argosy.console.options import options
from argosy.console.output import note, printable, show, show_folded, show_json
from argosy.console.process_life import open_services
from argosy.console.replay_command import fork, redrive, replay
from argosy.console.run_history import History, history, must_be_known, trace_id
from argosy.console.run_list import list_runs
from argosy.console.run_tree import holes, tree
from argosy.console.run_view import RunView, TaskView
from argosy.console.task_table import rows
from argosy.console.why import why
from argosy.schemas.errors import Refused, Unreachable
from argosy.schemas.runlog import RunEnded
from argosy.schemas.settings import Settings

LAST_SECONDS = 5.0
"""For the last events of a run that has ended."""
_ENDED: Final = frozenset({"succeeded", "failed", "cancelled", "expired"})

runs = typer.Typer(help="Look at runs, cancel them, answer what they ask.", no_args_is_help=True)


runs.command("why")(why)
runs.command("replay")(replay)
runs.command("fork")(fork)
runs.command("redrive")(redrive)
runs.command("waiting")(waiting)
runs.command("signal")(signal)
runs.command("approve")(approve)
runs.command("budget")(budget)
runs.command("list")(list_runs)
runs.command("history")(show_history)
runs.command("logs")(logs)


@runs.command("show")
def show_run(
    run_id: Annotated[str, typer.Argument(help="The run's id.")] = "",
    *,
    context: Annotated[
        str,
        typer.Option(
            "--context", help="What this task got of its inputs, against its agent's context window."
        ),
    ] = "",
    shards: Annotated[
        bool, typer.Option("--shards", help="All shards of maps, not only the failed ones.")
    ] = False,
) -> None:
    """Show a run as a tree: states, attempts, times, tokens, holes. Exit code 1 if it ended without success.

    With --context a task's inputs as bars: whole, a page of, a summary of; TASK is its id, or its name in the run.
    """
    if context:
        asyncio.run(_show_context(load_settings(), run_id, context))
        return
    if not run_id:
        raise typer.BadParameter("name a run, or a task: argosy runs show --context RUN/TASK")
    found = asyncio.run(_known(load_settings(), run_id))
    ended = found.ended
    state = ended.outcome if ended else "active"
    data = {
        "run_id": run_id,
        "state": state,
        "trace_id": trace_id(found),
        "replay_of": found.accepted.replay_of if found.accepted is not None else None,
        "tasks": rows(found),
        "holes": holes(found),
        "ended": ended,
        "fold_error": found.broken,
    }
    show_folded(data, printable(tree(found, time.time_ns() // 1_000_000, shards=shards)))
    if ended is not None and ended.outcome != "succeeded":
        note(_how(run_id, ended), folded=True)
        raise typer.Exit(FAILED)
    if ended is None:
        note(f"argosy why {run_id} says what it waits for")


@runs.command("watch")
def watch_run(
    run_id: Annotated[str, typer.Argument(help="The run's id.")],
    *,
    timeout_seconds: Annotated[
        float | None, typer.Option("--timeout-seconds", help="Stop watching; the run goes on. Exit code 124.")
    ] = None,
) -> None:
    """Watch a run until it ends; with --json one object per event. Exit code 1 if it didn't succeed."""
    raise typer.Exit(run_in_foreground(_watch(load_settings(), run_id, timeout_seconds)))


async def _watch(settings: Settings, run_id: str, timeout_seconds: float | None) -> int:
    if_interrupted("the run goes on")
    found = await _known(settings, run_id)
    steps = found.accepted.pipeline.steps if found.accepted is not None else ()
    view = RunView(run_id, run_id, tasks={step.name: TaskView() for step in steps})
    async with Argosy.connect(settings) as fleet:
        run = fleet.run(run_id)
        if options().json:
            telling = asyncio.create_task(_tell(run), name=f"tell {run_id}")
            try:
                ended = await run.ended(timeout_seconds=timeout_seconds)
                await asyncio.wait({telling}, timeout=LAST_SECONDS)
            finally:
                telling.cancel()
                await asyncio.wait({telling})
        else:
            with Progress([view]) as progress:
                async with watching(run, view, progress):
                    ended = await run.ended(timeout_seconds=timeout_seconds)
    show({"run_id": run_id, "state": ended.outcome, "ended": ended}, printable(_how(run_id, ended)))
    return 0 if ended.outcome == "succeeded" else FAILED


async def _show_context(settings: Settings, run_id: str, task: str) -> None:
    first, _, rest = task.partition("/")
    local = task if run_id and first != run_id else rest
    run_id = run_id or first
    async with open_services(settings, "console") as services:
        found = await history(services.cluster, settings, run_id)
        must_be_known(found)
        shown, room = await context_of(found, local, services.payloads, counted=True)
    left = None if room is None else shown.left(room)
    data = {**asdict(shown), "room": room, "used": shown.used, "left": left}
    show(data, printable("\n".join(drawn(shown, room))))


def _how(run_id: str, ended: RunEnded) -> str:
    """Say how a run ended, and why."""
    why = ended.fault.beside(ended.outcome) if ended.fault else ""
    return f"{run_id} {ended.outcome}: {why}" if why else f"{run_id} {ended.outcome}"


async def _tell(run: Run[JsonValue]) -> None:
    async with aclosing(run.events()) as events:
        async for event in events:
            show_json({"run_id": run.run_id, "kind": event.kind, "event": event.message})


async def _known(settings: Settings, run_id: str) -> History:
    found = await _history(settings, run_id)
    must_be_known(found)
    return found


@runs.command("cancel")
def cancel_run(
    run_id: Annotated[str, typer.Argument(help="The run's id.")],
    *,
    reason: Annotated[str, typer.Option("--reason", help="Kept with the run.")] = "",
) -> None:
    """Cancel a run; idempotent, and allowed before the run has been accepted.

    Exit code 1 if it has ended already, and not as cancelled.
    """
    if_interrupted("the cancel may have been sent; it is safe to repeat")
    ended = asyncio.run(_cancel(load_settings(), run_id, reason))
    if ended is None:
        show(
            {"run_id": run_id, "cancel": "requested", "state": None},
            f"cancel of {run_id} requested: argosy runs watch {run_id} says when it has ended",
        )
        return
    text = f"{run_id} has ended already: {ended}; nothing was cancelled"
    show({"run_id": run_id, "cancel": "too_late", "state": ended}, text)
    if ended != "cancelled":
        raise typer.Exit(FAILED)


async def _cancel(settings: Settings, run_id: str, reason: str) -> RunStatus | None:
    """Ask for the end of a run; return how it ended, if it has."""
    async with Argosy.connect(settings) as fleet:
        run, state = fleet.run(run_id), None
        with suppress(Unreachable, Refused):  # Redis away: the request is safe in Kafka all the same
            state = await run.state()
        if state in _ENDED:
            return state
        await run.cancel(reason)
        return None


async def _history(settings: Settings, run_id: str) -> History:
    async with open_services(settings, "console") as services:
        return await history(services.cluster, settings, run_id)
