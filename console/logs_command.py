"""`argosy runs logs RUN`: what the processes of the fleet logged about a run."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from argosy.console.output import printable, show
from argosy.console.run_lines import LogLine, lines_about, logs_folder
from argosy.schemas.errors import NotFound


def logs(
    run_id: Annotated[str, typer.Argument(help="The run's id.")],
    *,
    task: Annotated[
        str, typer.Option("--task", help="Only of this task, and of what lies under it: extract.7, extract.")
    ] = "",
    folder: Annotated[
        Path | None, typer.Option("--logs", help="The folder of the logs; absent: the local stack's.")
    ] = None,
) -> None:
    """Show what the fleet's processes logged about a run: handoffs, what handlers said, tracebacks of what they raised.

    It reads files (JSON lines, `*.log`), the last 16 MiB of each, sorted by the clocks of those who wrote them; the
    order of cause and effect is that of `argosy runs history`.
    """
    found = read_lines(run_id, logs_folder(folder), task)
    show({"run_id": run_id, "lines": found}, "\n".join(map(printable, _told(found))))


def read_lines(run_id: str, folder: Path, task: str = "") -> list[LogLine]:
    """Read them. Raises NotFound where there are no logs, or none of this run."""
    try:
        found = lines_about(run_id, folder, task)
    except OSError as error:
        raise NotFound(
            f"there are no logs in {folder}",
            why=error.strerror or str(error),
            do="argosy dev and argosy demo write some; of processes of your own, --logs FOLDER names where they are",
        ) from None
    if not found:
        raise NotFound(
            f"no log in {folder} says anything of {'task ' + task + ' of ' if task else ''}run {run_id}",
            why="it ran elsewhere or long ago, or is called otherwise; lines that are not JSON are not read",
            do=f"argosy runs history {run_id} has all that the run's own log says",
        )
    return found


def _told(lines: Sequence[LogLine]) -> Iterator[str]:
    for line in lines:
        fields = " ".join(f"{name}={value}" for name, value in line.fields)
        yield "  ".join(
            part for part in (line.time, line.level, line.by, line.task, line.what, fields) if part
        )
        if line.exception:
            yield "\n".join(f"    {part}" for part in line.exception.splitlines())
