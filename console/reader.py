"""A reader that has gone away, as `head` does: the command ends quietly, as tools do that SIGPIPE ends.

SIGPIPE itself stays ignored, as Python has it: a socket whose other end is closed would raise it too.
"""

import os
import select
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TextIO, cast

from argosy.console.exits import FAILED, READER_GONE


@contextmanager
def quiet_without_reader() -> Generator[None]:
    """End the process with 141 and without a word if nobody reads what it writes to stdout or stderr any more."""
    try:
        try:
            yield
        finally:
            _flush()  # here, not when Python ends: there an error can't be caught
    except BaseException as error:
        if not _said_to_nobody(error):
            raise
        _let_go()
        sys.exit(READER_GONE)


def _flush() -> None:
    out = cast("TextIO | None", sys.stdout)  # None: the process was started without one
    if out is not None:
        out.flush()


def _said_to_nobody(error: BaseException) -> bool:
    if isinstance(error, SystemExit):  # typer and rich make this of it, and rich has let go of stdout
        return error.code == FAILED and isinstance(error.__context__, BrokenPipeError)
    group = BaseExceptionGroup("", [error])  # it may be one itself
    # A socket's error that nobody caught has this type too, and is a defect to be seen.
    return group.subgroup(BrokenPipeError) is not None and any(map(_unread, (1, 2)))


def _unread(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(found & (select.POLLERR | select.POLLHUP) for _, found in poll.poll(0))


def _let_go() -> None:
    """Let what is still buffered, and what Python says at its end, go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        if _unread(descriptor):
            os.dup2(nowhere, descriptor)
