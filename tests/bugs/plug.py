"""Has a planted bug in a process that was forked, from its beginning to its end."""

import os
from contextlib import ExitStack
from typing import Final

from bugs.table import BUGS
from support.forks import PLUG

_BUG: Final = "ARGOSY_TEST_BUG"
_PLANTED: Final = ExitStack()
"""Never left: a plant goes with its process."""


def with_bug(name: str) -> dict[str, str]:
    """Return the variables of a process that has this bug."""
    return {PLUG: f"{__name__}:plant", _BUG: name}


def plant() -> None:
    """Plant the bug that the variables name."""
    _PLANTED.enter_context(BUGS[os.environ[_BUG]].plant())
