"""Logging of the test's own process: all that is logged while a test looks, and as if nobody had set it up."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict


@contextmanager
def all_logged() -> Generator[list[EventDict]]:
    """Collect all lines, of every level, whatever a test before has set up; it stays set up."""
    before = structlog.get_config() if structlog.is_configured() else None
    structlog.reset_defaults()
    try:
        with capture_logs() as lines:
            yield lines
    finally:
        structlog.reset_defaults()
        if before is not None:
            structlog.configure(**before)


def forget_logging() -> None:
    """Set up nothing any more: handoffs of who comes later in this process are silent again."""
    structlog.reset_defaults()
    root = logging.getLogger()
    for handler in [known for known in root.handlers if known.get_name() == "argosy"]:
        root.removeHandler(handler)
