"""Structured logs: JSON lines, or pretty on a terminal, each with the trace, run and task it belongs to.

Every handoff tells one event: `argosy.telemetry.handoffs` has the table of them and of their fields.
"""

import io
import logging
import sys
import threading
from collections.abc import Callable, Generator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from typing import Final, Literal, TextIO, cast

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from argosy.telemetry.lines import Lines, encoded
from argosy.telemetry.lines import stream as stream_of
from argosy.telemetry.names import Handoff
from argosy.telemetry.propagation import trace_id_of
from argosy.telemetry.redact import redact_fields

Format = Literal["auto", "json", "pretty"]
Level = Literal["debug", "info", "warning", "error"]
_LEVELS: Final[dict[Level, int]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


_HANDOFF: Final = "argosy.handoff"
_Fields = Mapping[str, object]
_BOUND: ContextVar[_Fields | Callable[[], _Fields]] = ContextVar(
    "argosy_bound_fields", default=MappingProxyType({})
)
"""One variable for all fields: structlog's own has one for each, which is ten calls at each attempt."""
_hush = threading.local()


def configure(form: Format = "auto", level: Level = "info", stream: TextIO | None = None) -> None:
    """Set up logging of this process, libraries' own included (from `warning` up), to `stream` (stderr).

    `auto` is pretty on a terminal and JSON elsewhere. May be called again: the last call counts.
    """
    if _Json.lines is not None:
        _Json.lines.retire()
    lines, out = stream_of(stream or _STDERR)
    pretty = form == "pretty" or (form == "auto" and out.isatty())
    structlog.configure(
        processors=[*_SHARED, *_ending(pretty=pretty, colors=pretty and out.isatty())],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    _Json.lines, _Json.processors = lines, None if pretty else structlog.get_config()["processors"]
    _adopt_standard_logging(out, pretty=pretty)


def configure_library() -> None:
    """Tell warnings on stderr, if the program that we are a library of has set up nothing itself."""
    if not structlog.is_configured():
        structlog.configure(
            processors=[*_SHARED, *_ending(pretty=True, colors=False)],
            wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
            logger_factory=structlog.PrintLoggerFactory(_STDERR),
            cache_logger_on_first_use=False,
        )


def get(name: str = "argosy") -> FilteringBoundLogger:
    """Return a logger; `name` is told with each event as `logger`. May be called before `configure`."""
    logger: FilteringBoundLogger = structlog.get_logger(logger_name=name)
    return logger


@contextmanager
def bound(*, traceparent: str | None = None, **fields: str | int) -> Generator[None]:
    """Bind `run_id`, `task_id`, `agent`, `attempt`, … to all events of this asyncio task."""
    trace_id = trace_id_of(traceparent)
    token = _BOUND.set({**_fields(), **fields, **({"trace_id": trace_id} if trace_id else {})})
    try:
        yield
    finally:
        _BOUND.reset(token)


@contextmanager
def hushed() -> Generator[None]:
    """Tell nothing meanwhile, of this thread: what is taken apart has nothing to say."""
    _hush.on = True
    try:
        yield
    finally:
        _hush.on = False


def adopt(fields: Callable[[], _Fields]) -> None:
    """Bind fields, instead of any others, to all events of this asyncio task until it ends; asked for by each event."""
    _BOUND.set(fields)


def handoff(event: Handoff, *, traceparent: str | None = None, **fields: str | float | None) -> None:
    """Tell that work went from one hand to another; `handoffs` says which fields go with which event.

    Silent in a process that has not set up logging: a library must not write on a script's output.
    """
    tell(event, trace_id_of(traceparent), fields)


def tell(event: Handoff, trace_id: str | None, fields: dict[str, str | float | None]) -> None:
    """Tell a handoff; `trace_id` is one that was checked: no secret is looked for in it. `fields` may be changed."""
    lines = _Json.lines
    if lines is None or not lines.holding:
        if not told():
            return
        if structlog.get_config()["processors"] is not _Json.processors:
            lines = None
    if lines is not None:
        bound = _fields()
        lines.hold((event, _HANDOFF, {**bound, **fields} if bound else fields, trace_id, datetime.now(UTC)))
        return
    if trace_id is not None:
        fields["trace_id"] = trace_id
    get(_HANDOFF).info(event, **fields)  # pretty, or as the program that we are a library of has set it up


def told() -> bool:
    """Say whether handoffs are told at all: ask before building the fields of many."""
    if _Json.lines is not None and _Json.lines.holding:  # one of this very turn was: nothing has changed
        return True
    return structlog.is_configured() and _tells(structlog.get_config()["wrapper_class"])


class _Json:
    """How handoffs are told without structlog: `processors` are those of our own JSON form while that is set up."""

    lines: Lines | None = None
    processors: object | None = None


@cache
def _tells(loggers: type) -> bool:
    """Say whether loggers of a class tell handoffs at all: there are several to a task, each worth microseconds."""
    if not issubclass(loggers, structlog.BoundLoggerBase):
        return True
    enabled: Callable[[int], bool] | None = getattr(loggers(None, [], {}), "is_enabled_for", None)
    return enabled is None or enabled(logging.INFO)


def _merged(_logger: object, _method: str, event: MutableMapping[str, object]) -> dict[str, object]:
    return {**_fields(), **event}


def _fields() -> _Fields:
    bound = _BOUND.get()
    return bound() if callable(bound) else bound


def _named(_logger: object, _method: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    # structlog keeps the name `logger` for itself until here.
    if "logger_name" in event:
        event["logger"] = event.pop("logger_name")
    return event


def _masked(_logger: object, _method: str, event: MutableMapping[str, object]) -> dict[str, object]:
    return redact_fields(event)


def _ending(*, pretty: bool, colors: bool) -> list[Processor]:
    if pretty:
        # Plain: the usual one shows every local variable, secrets and whole payloads among them.
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]
    return [_json]


def _json(_logger: object, _method: str, event: MutableMapping[str, object]) -> str:
    return encoded(event).decode()


def _adopt_standard_logging(out: TextIO, *, pretty: bool) -> None:
    """Let libraries that use `logging` come out in the same form."""
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_ending(pretty=pretty, colors=pretty and out.isatty()),
            ],
        )
    )
    handler.set_name("argosy")
    root = logging.getLogger()
    for old in [known for known in root.handlers if known.get_name() == "argosy"]:
        root.removeHandler(old)
    root.addHandler(handler)


class _Stderr(io.TextIOBase):
    """Our stderr as it is at each line; that it is closed, or nobody reads it any more, is no error of the work."""

    def write(self, text: str, /) -> int:
        try:
            return sys.stderr.write(text)
        except (OSError, ValueError):
            return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()


_STDERR: Final = cast("TextIO", _Stderr())


def _unless_hushed(
    _logger: object, _method: str, fields: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    if getattr(_hush, "on", False):
        raise structlog.DropEvent
    return fields


_SHARED: Final[tuple[Processor, ...]] = (
    _unless_hushed,
    structlog.contextvars.merge_contextvars,  # what a user's handlers bind
    _merged,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
    _named,
    _masked,  # last before the form: tracebacks hold secrets too
)
