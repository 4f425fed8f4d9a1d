"""Arm payloads: a worker that hands on values of 1 KB, 64 KB and 1 MB, beside the raw cost of moving their bytes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app import Item, one
from drain import UNTRACED, WIDE, drained, scripted
from figures import Figure, at_most, ratios
from fleet import LIMIT_SECONDS, PerRecord, fleet_on
from submitting import TEXT

from argosy.console.stack import LocalStack


@dataclass(frozen=True, slots=True)
class Size:
    """Values of one size; `share` of all tasks are drained with it, as larger ones take longer.

    The raw moves take `at_once` in a turn: all of few would be seen as one step.
    """

    name: str
    characters: int
    share: float
    at_once: int


SIZES = (Size("1 KB", 1_000, 1, 500), Size("64 KB", 65_536, 1 / 5, 20), Size("1 MB", 2**20, 1 / 25, 2))


async def measure(stack: LocalStack, repeats: int, tasks: int) -> list[Figure]:
    """Measure ours and the raw moves on the very same records, in turn."""
    ours: dict[str, list[PerRecord]] = {size.name: [] for size in SIZES}
    raw: dict[str, list[PerRecord]] = {size.name: [] for size in SIZES}
    try:
        for _ in range(repeats):
            for size in SIZES:
                async with asyncio.timeout(LIMIT_SECONDS):
                    mine, theirs = await _round(stack, size, round(tasks * size.share))
                ours[size.name].append(mine)
                raw[size.name].append(theirs)
    except TimeoutError:
        ours, raw = {size.name: [] for size in SIZES}, {size.name: [] for size in SIZES}
    return [figure for name in ours for figure in _figures(name, ours[name], raw[name])]


async def _round(stack: LocalStack, size: Size, tasks: int) -> tuple[PerRecord, PerRecord]:
    values = _values(size.characters, tasks)
    async with fleet_on(stack, ["noop"], **WIDE, **UNTRACED) as fleet:
        mine = await drained(fleet, "noop", values, one)
        folder = fleet.settings.payloads.removeprefix("file://")
        return mine, await scripted(fleet, "raw_moves", tasks, folder, str(size.at_once))


def _values(characters: int, count: int) -> list[Item]:
    """Make values that differ, so that none is found in a cache."""
    text = TEXT * (characters // len(TEXT) + 1)
    return [Item(text=f"{number:08d} {text}"[:characters]) for number in range(count)]


def _figures(name: str, ours: Sequence[PerRecord], raw: Sequence[PerRecord]) -> list[Figure]:
    mine, theirs = [each.cpu_seconds for each in ours], [each.cpu_seconds for each in raw]
    wall = ratios([each.wall_seconds for each in ours], [each.wall_seconds for each in raw])
    return [
        Figure("payloads", f"{name}, argosy: CPU per task", "us", [value * 1e6 for value in mine]),
        Figure("payloads", f"{name}, raw moves: CPU per task", "us", [value * 1e6 for value in theirs]),
        Figure("payloads", f"{name}, argosy / raw moves, CPU", "x", ratios(mine, theirs), at_most(1.5)),
        Figure("payloads", f"{name}, argosy / raw moves, wall", "x", wall),
    ]
