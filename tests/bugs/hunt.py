"""`make bugs`: plants each bug into the real code in turn, and tells which layer of the tests sees it, and how soon.

`python -m bugs.hunt [NAME …] [--first] [--json] [--keep]`. Exit code 1: a bug that nobody
sees, or that is no longer seen by who is known to see it.
"""

# ruff: noqa: T201 - a command

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace

from bugs.cells import played
from bugs.layers import LAYERS, QUICK, Caught, Layer, known, look
from bugs.measured import keep
from bugs.table import BUGS
from support.seeds import quietly


@dataclass(frozen=True)
class Hunted:
    """What became of one bug."""

    bug: str
    caught: tuple[Caught, ...]
    missed: tuple[str, ...]
    """Witnesses that are known to see it, and didn't."""
    seconds: float

    @property
    def is_well(self) -> bool:
        """Whether it was seen by all that were asked."""
        return bool(self.caught) and not self.missed


def hunt(name: str, layers: Sequence[Layer], *, first: bool) -> Hunted:
    """Look for one bug, in quick layers; `first`: until it is seen once."""
    bug, began = BUGS[name], time.monotonic()
    witnesses, caught, missed = known(bug), list[Caught](), list[str]()
    asked: list[Layer] = [layer for layer in layers if layer in witnesses and layer in QUICK]
    for layer, seen in zip(asked, look(bug, asked), strict=False):
        if seen is None:
            missed.append(witnesses[layer])
        else:
            caught.append(seen)
            if first:
                break
    return Hunted(name, tuple(caught), tuple(missed), round(time.monotonic() - began, 2))


def hunt_all(names: Sequence[str], layers: Sequence[Layer], *, first: bool) -> Iterator[Hunted]:
    """Look for many, in the order in which they are done.

    In as many processes as there are cores; then in the kill matrix, where that is a witness.
    """
    left: dict[str, Hunted] = {}
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=fresh) as pool:
        for done in as_completed([pool.submit(hunt, name, layers, first=first) for name in names]):
            hunted = done.result()
            if "matrix" in layers and BUGS[hunted.bug].seen.cell and not (first and hunted.caught):
                left[hunted.bug] = hunted
            else:
                yield hunted
    if left:
        for name, seen, seconds in played([(name, BUGS[name].seen.cell) for name in left]):
            yield _with_cell(left[name], seen, seconds)


def _with_cell(hunted: Hunted, seen: str | None, seconds: float) -> Hunted:
    cell, all_seconds = BUGS[hunted.bug].seen.cell, round(hunted.seconds + seconds, 2)
    if seen is None:
        return replace(hunted, missed=(*hunted.missed, cell), seconds=all_seconds)
    caught = (*hunted.caught, Caught("matrix", seen, seconds))
    return replace(hunted, caught=caught, seconds=all_seconds)


def _row(hunted: Hunted) -> str:
    seen = {caught.layer: f"{caught.seconds:.1f} s" for caught in hunted.caught}
    cells = "".join(f"{seen.get(layer, '-'):>9}" for layer in LAYERS)
    return f"{hunted.bug:<30}{cells}   {BUGS[hunted.bug].says}"


def main(words: Sequence[str]) -> int:
    """Hunt, tell, and return the exit code."""
    parser = argparse.ArgumentParser(prog="make bugs", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="bugs to look for; default: all")
    parser.add_argument("--first", action="store_true", help="stop at the first layer that sees a bug")
    parser.add_argument("--keep", action="store_true", help="write the times down for docs/bugs.md")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, and nothing else")
    told = parser.parse_args(words)
    unknown = [name for name in told.names if name not in BUGS]
    if unknown:
        parser.error(f"there is no bug {', '.join(unknown)}; there are {', '.join(BUGS)}")
    names, began = told.names or list(BUGS), time.monotonic()
    ill: list[Hunted] = []
    if not told.json:
        print(f"{'bug':<30}{''.join(f'{layer:>9}' for layer in LAYERS)}   what is wrong", flush=True)
    for hunted in hunt_all(names, LAYERS, first=told.first):
        ill += [] if hunted.is_well else [hunted]
        if told.keep:
            keep(hunted.bug, {caught.layer: caught.seconds for caught in hunted.caught})
        print(json.dumps(asdict(hunted)) if told.json else _row(hunted), flush=True)
    if not told.json:
        seen = len(names) - sum(not hunted.caught for hunted in ill)
        print(f"\n{seen} of {len(names)} bugs are seen, in {time.monotonic() - began:.0f} s")
    for hunted in ill:
        why = f"not seen by {', '.join(hunted.missed)}" if hunted.missed else "has no witness that was asked"
        print(f"{hunted.bug}: {why}", file=sys.stderr)
    return 1 if ill else 0


if __name__ == "__main__":
    with quietly():
        sys.exit(main(sys.argv[1:]))
