"""What Ctrl-C leaves behind: a command says beforehand what is so if it is interrupted now, and it is told then."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class _Said:
    text: str = ""


_SAID = _Said()
"""One for the process, which runs one command; a task's own context would be gone when it is asked for."""


def if_interrupted(text: str) -> None:
    """Say what holds if the command is interrupted from here on; empty: nothing that needs to be told."""
    _SAID.text = text


def interrupted() -> str:
    """Return what was said last."""
    return _SAID.text


@contextmanager
def interrupts_noted() -> Generator[threading.Event]:
    """Note Ctrl-C in an event instead of raising KeyboardInterrupt wherever we are; for the main thread only."""
    noted = threading.Event()
    before = signal.signal(signal.SIGINT, lambda _number, _frame: noted.set())
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)
