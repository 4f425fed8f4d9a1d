"""Lets argosy log nothing for a while: under faults there is much to say."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

import structlog


@contextmanager
def quietly() -> Generator[None]:
    """Log nothing meanwhile."""
    before = structlog.get_config() if structlog.is_configured() else None
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        if before is None:  # the defaults, set, would count as somebody's wish, and go to stdout
            structlog.reset_defaults()
        else:
            structlog.configure(**before)
