"""Who gets how much of a window that can't hold all inputs of a task. Only whole numbers."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

from argosy.schemas.errors import ContextRefused

LEAST_PER_MILLE: Final = 125
"""Of the room: what must be left for the input that is cut beside those that go whole; less makes too many pages."""
_NAMED: Final = 4


class Part(NamedTuple):
    """One input of a task."""

    name: str
    tokens: int
    """As we count them."""
    weight: int = 1
    """Beside the others: of twice the weight, twice the room."""
    whole: bool = False
    """It can't be cut: a constant, a hole, a value without texts or lists."""


def shares(parts: Sequence[Part], room: int) -> tuple[int, ...] | None:
    """Give each input its tokens of the room, by weight; None if those that can't be cut leave too little.

    An input that is under its share stays whole, and what it leaves goes to the others: the largest is cut first,
    none below what it would get if all were as large. Where something is cut, no token of the room is left over.
    """
    left = room - sum(part.tokens for part in parts if part.whole)
    cut = [index for index, part in enumerate(parts) if not part.whole]
    needed = sum(parts[index].tokens for index in cut)
    if left < 0 or (needed > left and left * 1000 < room * LEAST_PER_MILLE):
        return None
    given = [part.tokens for part in parts]
    weights = sum(parts[index].weight for index in cut)
    for index in sorted(cut, key=lambda index: Fraction(parts[index].tokens, parts[index].weight)):
        part = parts[index]
        given[index] = min(part.tokens, left * part.weight // weights)
        left, weights = left - given[index], weights - part.weight
    return tuple(given)


def refused(parts: Sequence[Part], room: int, why: str) -> ContextRefused:
    """Say why a task's inputs can be made to fit in no way: with the figures of all of them."""
    tokens = sum(part.tokens for part in parts)
    text = (
        f"its inputs are {tokens} tokens ({', '.join(_largest(parts))}), and there is room for {room}; {why}"
    )
    return ContextRefused(text, tokens=tokens, room=room)


def _largest(parts: Sequence[Part]) -> Iterator[str]:
    ranked = sorted(parts, key=lambda part: -part.tokens)
    for part in ranked[:_NAMED]:
        yield f"{part.name}: {part.tokens}"
    if len(ranked) > _NAMED:
        yield f"{len(ranked) - _NAMED} more: {sum(part.tokens for part in ranked[_NAMED:])}"
