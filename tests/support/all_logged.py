"""What is logged while a test looks, in whatever way a test before it has set up logging in this process."""

from collections.abc import Generator
from contextlib import contextmanager

import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict


@contextmanager
def all_logged() -> Generator[list[EventDict]]:
    """Collect all lines, of every level: a program that has set up nothing is told warnings only, as a library does."""
    structlog.reset_defaults()
    with capture_logs() as lines:
        yield lines
