"""The page of what the fleet's processes logged about a run, where their logs are files that can be read here."""

import asyncio
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from argosy.console.dashboard_log_rows import task_link
from argosy.console.dashboard_page import Asked, View
from argosy.console.dashboard_run_page import kept_of
from argosy.console.dashboard_step_page import number_of
from argosy.console.logs_command import read_lines

if TYPE_CHECKING:
    from argosy.console.dashboard_desk import Desk

LINES: Final = 200
"""Of one page."""


async def look_lines(desk: "Desk", asked: Asked) -> View:
    """Show them, a page of them; `task`: only of this task. Raises NotFound where there are none."""
    run_id, task = asked.params["run_id"], asked.query.get("task", "")
    await kept_of(desk, run_id)
    found = await asyncio.to_thread(read_lines, run_id, desk.logs, task)
    pages = max(1, -(-len(found) // LINES))
    page = min(number_of(asked), pages)
    some = found[(page - 1) * LINES : page * LINES]
    rows = [(line, task_link(run_id, line.task) if line.task else "") for line in some]
    facts = {
        "run_id": run_id,
        "task": task,
        "rows": rows,
        "page": page,
        "pages": pages,
        "path_of": f"/runs/{run_id}/lines?" + (f"task={quote(task)}&" if task else ""),
    }
    return View(f"What {run_id} logged", (), facts)
