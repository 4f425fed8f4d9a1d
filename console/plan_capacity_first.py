"""What limits a fleet first while its load grows: some of what it needs is one process more, or none at all. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from argosy.console.plan_capacity_walls import Wall

_MOST_TIMES: Final = 2.0**40
_STEPS: Final = 40
"""Halvings: the times are then exact to more figures than are told."""


@dataclass(frozen=True, slots=True)
class First:
    """The limit that is met first, at so many times the load (1: at this load)."""

    wall: Wall
    times: float


def first_met(walls_at: Callable[[float], Sequence[Wall]]) -> First | None:
    """Find it. `walls_at` lists the limits, the nearest first, at so many times the load. None: nothing that grows."""
    over = next((wall for wall in walls_at(1.0) if wall.share > 1), None)
    if over is not None:
        return First(over, 1.0)
    high = 2.0
    while walls_at(high)[0].share <= 1:
        high *= 2
        if high > _MOST_TIMES:
            return None
    low = high / 2
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if walls_at(middle)[0].share > 1:
            high = middle
        else:
            low = middle
    return First(walls_at(high)[0], low)
