"""Argosy's public face: names are loaded from their rooms at first use."""

from importlib import import_module
from typing import Final

__all__: list[str] = []

_ROOM_OF: Final[dict[str, str]] = {}


def __getattr__(name: str) -> object:
    """Load a public name from its room, once."""
    if name not in _ROOM_OF:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value = globals()[name] = getattr(import_module(_ROOM_OF[name]), name)
    return value


def __dir__() -> list[str]:
    """Show the public names before they are loaded."""
    return sorted({*globals(), *__all__})
