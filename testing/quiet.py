"""Lets argosy log nothing for a while: under faults there is much to say."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

import structlog


@contextmanager
def quietly() -> Generator[None]:
    """Log nothing meanwhile."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)
