"""What a fleet's processes wrote to their logs about a run: handoffs, what handlers logged, and their tracebacks."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from argosy.schemas.local_stack import stack_folder

_LOGS: Final = "logs"
MOST_BYTES: Final = 16 * 1024 * 1024
"""Of the end of each log."""
_MOST_VALUE: Final = 200
_TOLD: Final = frozenset(
    ("run_id", "task_id", "trace_id", "span_id", "event", "level", "timestamp", "logger", "exception")
)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a log."""

    time: str
    """As the process told it: its own clock, ISO 8601 in UTC."""
    by: str
    """The log's name: the agent's, or the kind of process."""
    level: str
    task: str
    """By its name in the run; empty: of the run itself."""
    what: str
    logger: str
    fields: tuple[tuple[str, str], ...]
    exception: str
    """A traceback; empty: none."""


def logs_folder(given: Path | None = None) -> Path:
    """Return the folder that was given, else the one where the processes of a local stack write their logs."""
    return stack_folder() / _LOGS if given is None else given


def lines_about(run_id: str, folder: Path, task: str = "") -> list[LogLine]:
    """Read a folder's logs for a run, or one task of it and what lies under it, in the order of their clocks.

    Only the last 16 MiB of each. Raises OSError if the folder can't be read.
    """
    wanted = b'"%s"' % run_id.encode(), b'"%s/' % run_id.encode()
    found: list[LogLine] = []
    for file in sorted(folder.iterdir()):
        if file.suffix != ".log" and not file.name.endswith(".log.1"):
            continue
        found += _of_file(_end_of(file), wanted, run_id, file.name.partition(".")[0])
    mine = (line for line in found if not task or line.task == task or line.task.startswith(f"{task}."))
    return sorted(mine, key=lambda line: line.time)


def _end_of(file: Path) -> bytes:
    with file.open("rb") as log:
        log.seek(max(0, file.stat().st_size - MOST_BYTES))
        return log.read()


def _of_file(data: bytes, wanted: tuple[bytes, ...], run_id: str, by: str) -> Iterable[LogLine]:
    if not any(needle in data for needle in wanted):  # most logs say nothing of most runs
        return
    for raw in data.splitlines():
        if not any(needle in raw for needle in wanted):
            continue
        try:
            fields: object = json.loads(raw)
        except ValueError:  # what a library printed, or a line that is cut
            continue
        if isinstance(fields, dict) and _is_about(run_id, found := cast("dict[str, object]", fields)):
            yield _line(found, by)


def _is_about(run_id: str, fields: Mapping[str, object]) -> bool:
    return fields.get("run_id") == run_id or str(fields.get("task_id", "")).startswith(f"{run_id}/")


def _line(fields: Mapping[str, object], by: str) -> LogLine:
    def text(name: str) -> str:
        value = fields.get(name)
        return "" if value is None else str(value)

    more = tuple(
        (name, _short(value)) for name, value in fields.items() if name not in _TOLD and value is not None
    )
    task = text("task_id").partition("/")[2]
    return LogLine(
        text("timestamp"), by, text("level"), task, text("event"), text("logger"), more, text("exception")
    )


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _MOST_VALUE else f"{text[:_MOST_VALUE]}… ({len(text)} characters)"
