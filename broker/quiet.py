"""Keeps aiokafka's own log readable: while Kafka is away it says the same thing many times a second."""

import logging
import time
from typing import Final

AGAIN_SECONDS: Final = 10.0
_LOGGERS: Final = (
    "aiokafka",
    "aiokafka.conn",
    "aiokafka.cluster",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.producer.sender",
)


class OnceInAWhile(logging.Filter):
    """Lets each kind of message through once in ten seconds; what is below `warning` isn't touched."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        super().__init__()
        self._last: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether this one is told. Its kind is its place and its text before the values are put in."""
        kind, now = (record.name, str(record.msg)), time.monotonic()
        if record.levelno < logging.WARNING:
            return True
        if now - self._last.get(kind, -AGAIN_SECONDS) < AGAIN_SECONDS:
            return False
        self._last[kind] = now
        return True


_FILTER: Final = OnceInAWhile()


def quieten() -> None:
    """Put the filter on; idempotent (a logger takes the same filter once).

    In a program that has set up no logging the library is silent: what it says on stderr then, our errors say too.
    """
    library = logging.getLogger("aiokafka")
    if not library.handlers:
        library.addHandler(logging.NullHandler())
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)
