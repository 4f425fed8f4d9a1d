"""Looks for a planted bug layer by layer, in the order of their cost: units, stories, seeds. `cells` has the last."""

import contextlib
import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import pytest

from argosy.testing.simulation import simulate
from bugs.bug import Bug, Seen
from support.seeds import quietly
from support.simulated_load import SimulatedLoad

Layer = Literal["unit", "story", "seeds", "matrix"]
QUICK: Final[tuple[Layer, ...]] = ("unit", "story", "seeds")
"""Those that need this process only."""
LAYERS: Final[tuple[Layer, ...]] = (*QUICK, "matrix")
TESTS: Final = Path(__file__).parents[1]
_MORE_SEEDS: Final = 40
"""After the one that is known to show a bug: a small change of the code gives every seed another history."""


@dataclass(frozen=True)
class Caught:
    """A layer has seen a bug: which of its witnesses, and after how many seconds."""

    layer: Layer
    witness: str
    seconds: float


@dataclass
class _Failures:
    """Hears of the tests that fail."""

    names: list[str] = field(default_factory=list[str])
    ran: int = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.ran += report.when == "call"
        if report.failed:
            self.names.append(report.nodeid.rpartition("::")[2])


def look(bug: Bug, layers: Sequence[Layer]) -> Iterator[Caught | None]:
    """Plant a bug and ask the known witness of each quick layer in turn; None for one that didn't see it."""
    for layer in layers:
        ask = _ASK[layer]
        if _known(bug.seen)[layer]:
            began = time.monotonic()
            with bug.plant(), quietly():
                witness = ask(bug.seen)
            yield None if witness is None else Caught(layer, witness, round(time.monotonic() - began, 2))


def known(bug: Bug) -> Mapping[Layer, str]:
    """Name the known witness of each layer that has one."""
    return {layer: witness for layer, witness in _known(bug.seen).items() if witness}


def _known(seen: Seen) -> Mapping[Layer, str]:
    seeds = f"{seen.profile} {seen.seed}" if seen.profile else ""
    return {"unit": seen.unit, "story": seen.story, "seeds": seeds, "matrix": seen.cell}


def _failed_test(node: str) -> str | None:
    heard = _Failures()
    words = [str(TESTS / node), "-x", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:randomly"]
    words += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # whoever plants has imported the package
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code = pytest.main(words, plugins=[heard])
    if not heard.ran and not heard.names:
        message = f"{node} can't be run: pytest ends with {int(code)}"
        raise LookupError(message)
    return heard.names[0] if heard.names else None


def _seed(seen: Seen) -> str | None:
    for seed in range(seen.seed, seen.seed + _MORE_SEEDS):
        found = simulate(seed, seen.profile, SimulatedLoad).findings
        if found:
            return f"{seen.profile} {seed}: {found[0].kind}"
    return None


_ASK: Final[Mapping[Layer, Callable[[Seen], str | None]]] = {
    "unit": lambda seen: _failed_test(seen.unit),
    "story": lambda seen: _failed_test(f"stories/{seen.story}"),
    "seeds": _seed,
}
