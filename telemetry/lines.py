"""JSON log lines without the way through a logging library: for what is told several times for each task.

A line costs a few microseconds instead of thirty. It is the same line, masked by the same rules; the lines of one turn
of the event loop are looked through and written at once. Whatever else is told, a warning above all, is written behind
them at once.
"""

import asyncio
import atexit
import io
import os
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Final, TextIO, cast
from weakref import WeakSet

import orjson
from structlog.contextvars import get_contextvars

from argosy.telemetry.redact import is_secret_key, may_hold_secret, redact_fields, written

_PLAIN: Final = frozenset((str, int, float, bool, type(None)))
# A dataclass is written as it was judged: what its `repr` leaves out may be a secret.
_OPTIONS: Final = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z | orjson.OPT_PASSTHROUGH_DATACLASS
_LINE: Final = _OPTIONS | orjson.OPT_APPEND_NEWLINE


Told = tuple[str, str, Mapping[str, object], str | None, datetime]
"""One `info` line: event, logger, its own fields, trace id, when. Nothing but the fields can hold a secret."""


class Lines(io.TextIOBase):
    """The stream of a process's log. `hold` keeps a line until the end of the turn; any write takes it along."""

    def __init__(self, out: TextIO) -> None:
        """Write to `out`. What is held when the process ends in order is written then."""
        self._out = out
        self._held: list[str | Told] = []
        self._lock = threading.Lock()  # a thread's line must not go into a list that was just written
        self._due: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        atexit.register(self.flush)
        _ALL.add(self)

    @property
    def holding(self) -> bool:
        """Whether this turn of the event loop has told a line already."""
        return self._due is not None

    def hold(self, line: Told) -> None:
        """Write a line at the end of this turn of the event loop, outside of one at once.

        What a user's code bound to its context goes along.
        """
        told: str | Told = line
        if context := get_contextvars():
            event, logger, fields, trace_id, at = line
            # Made at once: what a user bound may change until the end of the turn.
            told = "".join(texts_of([(event, logger, {**context, **fields}, trace_id, at)]))
        with self._lock:
            self._held.append(told)
        # Cheaper than to ask for the running loop, which is a system call (`getpid`, up to Python 3.11).
        due = self._due
        if due is not None and self._thread == threading.get_ident() and due.is_running():
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        self._due, self._thread = loop, threading.get_ident()
        loop.call_soon(self.flush)

    def write(self, text: str, /) -> int:
        """Take a text; `flush` writes it, behind what was held."""
        with self._lock:
            self._held.append(text)
        return len(text)

    def flush(self) -> None:
        """Write what is held."""
        self._due = None
        with self._lock:
            held, self._held = self._held, []
        if held:
            self._out.write("".join(texts_of(held)))
            self._out.flush()

    def begin_anew(self) -> None:
        """Hold nothing, in a process that was forked: what was held is its parent's, who tells it."""
        self._held, self._due = [], None
        self._lock = threading.Lock()  # a thread of the parent's may have had it

    def isatty(self) -> bool:
        """Ask the stream."""
        return self._out.isatty()

    def retire(self) -> None:
        """Write what is held; another stream takes over."""
        self.flush()
        atexit.unregister(self.flush)


_ALL: Final[WeakSet[Lines]] = WeakSet()


def _forked() -> None:
    for lines in _ALL:
        lines.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def texts_of(held: Sequence[str | Told]) -> list[str]:
    """Write lines as JSON, masked; texts are written already."""
    suspect = _is_suspect([line[2] for line in held if not isinstance(line, str)])
    return [line if isinstance(line, str) else _text(line, suspect=suspect) for line in held]


def _is_suspect(lines: Sequence[Mapping[str, object]]) -> bool:
    """Say whether any of some lines may have to be masked: one look at each field's name, and at each text, of all."""
    values = list(chain.from_iterable([line.values() for line in lines]))
    return (
        not _PLAIN.issuperset(map(type, values))
        or any(map(is_secret_key, set[str]().union(*lines)))
        or may_hold_secret("\n".join({value for value in values if type(value) is str}))
    )


def _text(line: Told, *, suspect: bool) -> str:
    event, logger, fields, trace_id, at = line
    told = redact_fields(fields) if suspect else dict(fields)
    if trace_id is not None:
        told["trace_id"] = trace_id
    told["event"] = event
    told["level"] = "info"
    told["timestamp"] = at
    told["logger"] = logger
    if suspect:
        return encoded(told).decode() + "\n"
    try:
        return orjson.dumps(told, option=_LINE).decode()
    except (TypeError, ValueError):
        return encoded(told).decode() + "\n"


def encoded(told: Mapping[str, object]) -> bytes:
    """Encode a line that is masked."""
    try:
        return orjson.dumps(told, default=written, option=_OPTIONS)
    except (TypeError, ValueError):
        # A lone surrogate or an integer over 64 bits: a log line must not fail the work that it tells of.
        return orjson.dumps(
            {
                str(key): written(value).encode("ascii", "backslashreplace").decode()
                for key, value in told.items()
            }
        )


def stream(out: TextIO) -> tuple[Lines, TextIO]:
    """Make the stream of a process's log, and the same as what a library takes."""
    lines = Lines(out)
    return lines, cast("TextIO", lines)
