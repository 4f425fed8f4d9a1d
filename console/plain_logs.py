"""Loads structlog without rich, whose tracebacks our log lines never show, and which takes a tenth of a start."""

import sys
from importlib import import_module
from typing import Final, cast

_OF_RICH: Final = ("rich.console", "rich.pretty")


def load() -> None:
    """Load it, unless that is done; whoever imports rich later finds it."""
    modules = cast("dict[str, object]", sys.modules)
    if "structlog" in modules or any(name in modules for name in _OF_RICH):
        return
    for name in _OF_RICH:
        modules[name] = None  # as if it weren't installed
    try:
        import_module("structlog")
    finally:
        for name in _OF_RICH:
            del modules[name]
