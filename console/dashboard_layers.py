"""Where the boxes of a DAG stand: layers from left to right, few crossings, lines that go around boxes. Pure.

As Sugiyama's: each box one layer after its last parent; a line over several layers passes through a place of its own
in each; places are put in the order of the middle of their neighbours, a few times to and fro.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

GAP: Final = 18
"""Between boxes of a layer, in pixels."""
REACH: Final = 44
"""Between layers: room for the lines."""
_LINE: Final = 10
"""Height of the place of a line that passes through a layer."""
_SWEEPS: Final = 4

Size = tuple[int, int]
Point = tuple[int, int]


@dataclass(slots=True)
class _Place:
    """A box, or a line that passes; `size` in pixels."""

    name: str
    size: Size
    layer: int
    before: list["_Place"] = field(default_factory=list["_Place"])
    after: list["_Place"] = field(default_factory=list["_Place"])
    x: int = 0
    y: int = 0
    pass_x: int = 0
    """Where its layer ends: a line that passes stays level up to there."""

    @property
    def middle(self) -> float:
        return self.y + self.size[1] / 2


@dataclass(frozen=True, slots=True)
class Arranged:
    """Where boxes begin (left, top), how lines run (from the right of a box to the left of another), and the whole."""

    boxes: Mapping[str, Point]
    lines: Mapping[tuple[str, str], tuple[Point, ...]]
    width: int
    height: int


def arrange(sizes: Mapping[str, Size], parents: Mapping[str, Sequence[str]]) -> Arranged:
    """Arrange boxes, given parents first, each with its width and height. The same for the same input, always."""
    places = _places(sizes, parents)
    ways = _ways(places, parents)
    layers = _ordered(places, ways)
    _put(layers)
    width = max((place.x + place.size[0] for layer in layers for place in layer), default=0)
    height = max((place.y + place.size[1] for layer in layers for place in layer), default=0)
    return Arranged(
        boxes={name: (place.x, place.y) for name, place in places.items()},
        lines={ends: _line(way) for ends, way in ways.items()},
        width=width,
        height=height,
    )


def _places(sizes: Mapping[str, Size], parents: Mapping[str, Sequence[str]]) -> dict[str, _Place]:
    places: dict[str, _Place] = {}
    for name, size in sizes.items():
        layer = max((places[parent].layer + 1 for parent in parents.get(name, ())), default=0)
        places[name] = _Place(name, size, layer)
    return places


def _ways(
    places: Mapping[str, _Place], parents: Mapping[str, Sequence[str]]
) -> dict[tuple[str, str], list[_Place]]:
    """Lead each line through every layer between its ends."""
    ways: dict[tuple[str, str], list[_Place]] = {}
    for name, place in places.items():
        for parent in parents.get(name, ()):
            between = range(places[parent].layer + 1, place.layer)
            way = [places[parent], *(_Place("", (0, _LINE), layer) for layer in between), place]
            for one, next_one in pairwise(way):
                one.after.append(next_one)
                next_one.before.append(one)
            ways[parent, name] = way
    return ways


def _ordered(
    places: Mapping[str, _Place], ways: Mapping[tuple[str, str], list[_Place]]
) -> list[list[_Place]]:
    layers: list[list[_Place]] = [
        [] for _ in range(max((each.layer for each in places.values()), default=-1) + 1)
    ]
    for place in places.values():
        layers[place.layer].append(place)
    for way in ways.values():
        for place in way[1:-1]:
            layers[place.layer].append(place)
    _number(layers)
    for sweep in range(_SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            _by_neighbours(layer, forward=sweep % 2 == 0)
    return layers


def _number(layers: Sequence[Sequence[_Place]]) -> None:
    for layer in layers:
        for number, place in enumerate(layer):
            place.y = number


def _by_neighbours(layer: list[_Place], *, forward: bool) -> None:
    """Sort a layer by where the neighbours are; `y` is the place in the layer meanwhile."""

    def key(place: _Place) -> float:
        near = place.before if forward else place.after
        return sum(each.y for each in near) / len(near) if near else place.y

    layer.sort(key=key)
    for number, place in enumerate(layer):
        place.y = number


def _put(layers: Sequence[Sequence[_Place]]) -> None:
    """Give each place its pixels: as near to the middle of its neighbours as those above it let it."""
    x = 0
    for layer in layers:
        width, y = max(place.size[0] for place in layer), 0
        for place in layer:
            place.x, place.y = x, y
            y += place.size[1] + GAP
        for place in layer:
            place.pass_x = x + width
        x += width + REACH
    for sweep in range(_SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            _pull(layer, forward=sweep % 2 == 0)
    top = min((place.y for layer in layers for place in layer), default=0)
    for layer in layers:
        for place in layer:
            place.y -= top


def _pull(layer: Sequence[_Place], *, forward: bool) -> None:
    wanted = [_wanted(place, place.before if forward else place.after) for place in layer]
    y = -(1 << 30)
    for place, want in zip(layer, wanted, strict=True):
        place.y = max(y, want)
        y = place.y + place.size[1] + GAP
    # What was pushed down goes half of its way back up, with all of the layer.
    over = sum(place.y - want for place, want in zip(layer, wanted, strict=True)) // max(1, len(layer))
    for place in layer:
        place.y -= over


def _wanted(place: _Place, near: Sequence[_Place]) -> int:
    if not near:
        return place.y
    return round(sum(each.middle for each in near) / len(near) - place.size[1] / 2)


def _line(way: Sequence[_Place]) -> tuple[Point, ...]:
    first, last = way[0], way[-1]
    passes = [(x, round(place.middle)) for place in way[1:-1] for x in (place.x, place.pass_x)]
    begin = (first.x + first.size[0], round(first.middle))
    return (begin, *passes, (last.x, round(last.middle)))
