"""Loads libraries without what they load only because it is installed, and which a serving process never uses.

That is a tenth of a start. Each of them does without where it isn't installed; whoever imports it later finds it.
"""

import sys
from importlib import import_module
from typing import Final, cast

_SPARED: Final = {
    "structlog": ("rich.console", "rich.pretty", "greenlet"),
    "redis": ("opentelemetry.sdk.metrics",),
}
"""Tracebacks in colours, which our log lines never show; greenlets' locals; a name in an annotation (redis-py asks for
the global meter provider by OpenTelemetry's API)."""


def load() -> None:
    """Load them, but those that are there already, or with a part of what is spared."""
    for library, spared in _SPARED.items():
        _load(library, spared)


def _load(library: str, spared: tuple[str, ...]) -> None:
    modules = cast("dict[str, object]", sys.modules)
    if library in modules or any(name in modules for name in spared):
        return
    for name in spared:
        modules[name] = None  # as if it weren't installed
    try:
        import_module(library)
    finally:
        for name in spared:
            del modules[name]
