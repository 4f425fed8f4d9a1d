"""Runs as they go, in lines that fit a terminal: names stay whole as long as anything else can give way. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from argosy.console.output import printable
from argosy.console.run_view import RunView, TaskView

_STYLES: Final = {
    "succeeded": "green",
    "failed": "red",
    "running": "yellow",
    "backing_off": "magenta",
    "asking": "magenta",
    "skipped": "dim",
    "cancelled": "dim",
    "expired": "red",
}
_NOTE_CELLS: Final = 16
"""With less room than this for what a task says, the run's name takes a line of its own."""
_INDENT: Final = "  "
_GAP: Final = 2


@dataclass(frozen=True, slots=True)
class _Line:
    run: str
    task: str
    state: str
    time: str
    note: str
    style: str = ""


def progress_lines(views: Sequence[RunView], now: float, width: int) -> Text:
    """Lay out runs for a terminal of so many cells: a line for each task, and none is longer than the terminal."""
    lines = [line for view in views for line in _of(view, now)]
    heads = _Line("RUN", "TASK", "STATE", "TIME", "")
    run, task, state, time = (
        max(cell_len(each) for each in column)
        for column in zip(*((one.run, one.task, one.state, one.time) for one in (heads, *lines)), strict=True)
    )
    rest = state + time + 3 * _GAP
    if run + _GAP + task + rest + _NOTE_CELLS <= width:
        table = [
            Text(
                _cells((heads.run, run), (heads.task, task), (heads.state, state), (heads.time, time)), "bold"
            )
        ]
        table += [_row(one, ((one.run, run), (one.task, task)), state, time, width) for one in lines]
        return Text("\n").join(table)
    # The runs' names on lines of their own, and what the tasks say gives way; then the ends of the tasks' names.
    task = max(1, min(task, width - len(_INDENT) - rest))
    table = [
        Text(
            _cells((_INDENT + heads.task, task + len(_INDENT)), (heads.state, state), (heads.time, time)),
            "bold",
        )
    ]
    for one in lines:
        if one.run:
            table.append(Text(_fit(one.run if one.task else f"{one.run}  {one.state}", width)))
        if one.task:
            table.append(
                _row(one, ((_INDENT + _fit(one.task, task), task + len(_INDENT)),), state, time, width)
            )
    return Text("\n").join(table)


def _of(view: RunView, now: float) -> list[_Line]:
    title = printable(view.title)
    if not view.tasks:
        return [_Line(title, "", view.state, "", "")]
    found: list[_Line] = []
    for local, task in view.tasks.items():
        note = printable(" ".join(task.note.split()))
        style = _STYLES.get(task.state, "")
        found.append(_Line(title, printable(local), _words(task), f"{task.elapsed(now):.1f} s", note, style))
        title = ""
    return found


def _row(one: _Line, names: Sequence[tuple[str, int]], state: int, time: int, width: int) -> Text:
    lead = _cells(*names)
    line = Text(f"{lead}{' ' * _GAP}").append(set_cell_size(one.state, state), one.style)
    line.append(f"{' ' * _GAP}{set_cell_size(one.time, time)}{' ' * _GAP}")
    return line.append(_fit(one.note, max(0, width - line.cell_len)))


def _cells(*cells: tuple[str, int]) -> str:
    return (" " * _GAP).join(set_cell_size(text, size) for text, size in cells)


def _fit(text: str, size: int) -> str:
    if cell_len(text) <= size:
        return text
    return set_cell_size(text, size - 1) + "…" if size > 1 else ""


def _words(task: TaskView) -> str:
    again = f" #{task.attempt}" if task.attempt > 1 else ""
    return task.state.replace("_", " ") + again
