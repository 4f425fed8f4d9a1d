"""`argosy history RUN`: all that happened to a run, in the order of cause and effect."""

import asyncio
from typing import Annotated, Final

import typer

from argosy.console.causal_history import causal_history
from argosy.console.config import load_settings
from argosy.console.moments import moment
from argosy.console.output import show_table
from argosy.console.process_life import open_services
from argosy.console.run_history import History, must_be_known
from argosy.console.run_history import history as read
from argosy.schemas.errors import NotFound
from argosy.schemas.settings import Settings

COLUMNS: Final = ("OFFSET", "CAUSE", "ORDINAL", "TIME", "KIND", "TASK", "BY", "WHAT")


def history(
    run_id: Annotated[str, typer.Argument(help="The run's id.")],
    *,
    task: Annotated[
        str, typer.Option("--task", help="Only of this task, and of what lies under it: extract.7, extract.")
    ] = "",
) -> None:
    """Show everything that happened to a run, in the order of cause and effect, whatever the clocks said.

    OFFSET is the run's logical clock, CAUSE the offset that a record answers, ORDINAL the place among what one
    worker did in between. A record in brackets changed nothing: a repeat, or an answer that came too late. What
    followed from a record (orders, retries, timers, holes, waits) stands under it, without an offset.
    """
    found = asyncio.run(_read(load_settings(), run_id))
    entries = causal_history(found, task)
    if task and not entries:
        raise NotFound(
            f"nothing happened to a task {task} of run {run_id}",
            why="it was never ordered, or is called otherwise",
            do=f"argosy runs show {run_id} --shards lists its tasks",
        )
    cells = [
        (
            "" if each.follows else each.offset,
            "" if each.cause is None or each.follows else each.cause,
            each.ordinal or "",
            "" if each.follows else moment(each.time_ms),
            f"→ {each.kind}" if each.follows else each.kind,
            each.task,
            each.source,
            each.what if each.effect else f"({each.what})",
        )
        for each in entries
    ]
    show_table(COLUMNS, cells, {"run_id": run_id, "history": entries, "fold_error": found.broken})


async def _read(settings: Settings, run_id: str) -> History:
    async with open_services(settings, "console") as services:
        found = await read(services.cluster, settings, run_id)
    must_be_known(found)
    return found
