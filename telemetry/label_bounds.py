"""How many series a metric may have: whoever can name things (pipelines, models, tools) must not fill the memory.

A label takes the first values that come, and `_other` for all that come later; so does a metric with its series. Asked
only where a set of labels is met for the first time by a metric, so what is known costs nothing.
"""

import threading
from typing import Final

Labels = tuple[tuple[str, str], ...]

OTHER: Final = "_other"
"""The value of all values above the bound."""
MOST_VALUES: Final = 200
"""Of one label, in one process."""
MOST_SERIES: Final = 1_000
"""Of one metric, in one process; the SDK's own bound is 2,000."""
MOST_CHARACTERS: Final = 128
"""Of one value: no name of ours is longer, but a model's or an error's may be."""

_seen: Final[dict[str, set[str]]] = {}
_lock: Final = threading.Lock()


def bounded(labels: Labels, series: int) -> Labels:
    """Return the labels to count under; `series` is how many the metric has already."""
    if series >= MOST_SERIES:
        return tuple((key, OTHER) for key, _ in labels)
    return tuple((key, _value(key, value)) for key, value in labels)


def _value(key: str, value: str) -> str:
    if not value.isascii():
        value = value.encode(
            errors="replace"
        ).decode()  # a lone surrogate would fail whoever tells it, each time
    if len(value) > MOST_CHARACTERS:
        value = f"{value[: MOST_CHARACTERS - 1]}…"
    with _lock:
        seen = _seen.setdefault(key, set())
        if value not in seen:
            if len(seen) >= MOST_VALUES:
                return OTHER
            seen.add(value)
    return value


def forget() -> None:
    """Begin anew: for tests."""
    with _lock:
        _seen.clear()
