"""Workers that got no turn of a busy machine for a whole lease, and so ended themselves as they must."""

from typing import Final

from argosy.agents.exit import BROKEN

_SAID: Final = "the event loop has not run for"


def is_starved(code: int, said: str) -> bool:
    """Judge by how a process ended, and by what it had logged."""
    return code == BROKEN and _SAID in said
