"""States of tasks and runs as pages show them: a word, a letter in a shape, a class for the colour. One table.

Colour never stands alone: who can't tell two of them apart has the shape and the letter, a screen reader the word.
"""

from dataclasses import dataclass
from typing import Final, Literal

Shape = Literal["circle", "square", "diamond", "triangle", "hexagon", "ring"]


@dataclass(frozen=True, slots=True)
class Shown:
    """How a state looks. `css` is a class of the style sheet."""

    word: str
    letter: str
    shape: Shape
    css: str


_TABLE: Final = (
    Shown("waiting", "W", "ring", "st-wait"),
    Shown("out", "O", "hexagon", "st-run"),
    Shown("running", "R", "hexagon", "st-run"),
    Shown("active", "R", "hexagon", "st-run"),
    Shown("backing off", "B", "triangle", "st-warn"),
    Shown("in pages", "P", "hexagon", "st-run"),
    Shown("waits for approval", "A", "diamond", "st-ask"),
    Shown("waits for a signal", "N", "diamond", "st-ask"),
    Shown("waits for budget", "M", "diamond", "st-ask"),
    Shown("asleep", "Z", "diamond", "st-wait"),
    Shown("succeeded", "S", "circle", "st-ok"),
    Shown("failed", "F", "square", "st-bad"),
    Shown("skipped", "K", "ring", "st-off"),
    Shown("cancelled", "X", "square", "st-off"),
    Shown("expired", "E", "square", "st-bad"),
)
STATES: Final = {each.word: each for each in _TABLE}
_UNKNOWN: Final = Shown("unknown", "?", "ring", "st-off")


def shown(word: str) -> Shown:
    """Find how a state looks; one that the table lacks looks unknown, and is named all the same."""
    found = STATES.get(word)
    return found if found is not None else Shown(word, _UNKNOWN.letter, _UNKNOWN.shape, _UNKNOWN.css)


def corners(shape: Shape) -> str:
    """Give the corners of a shape with corners, in a square of 16, as an SVG polygon has them; else nothing."""
    full, half, quarter = 16, 8, 4
    found: dict[str, tuple[tuple[float, float], ...]] = {
        "square": ((1, 1), (full - 1, 1), (full - 1, full - 1), (1, full - 1)),
        "diamond": ((half, 0), (full, half), (half, full), (0, half)),
        "triangle": ((half, 0), (full, full - 1), (0, full - 1)),
        "hexagon": (
            (quarter, 1),
            (full - quarter, 1),
            (full, half),
            (full - quarter, full - 1),
            (quarter, full - 1),
            (0, half),
        ),
    }
    return " ".join(f"{x:g},{y:g}" for x, y in found.get(shape, ()))
