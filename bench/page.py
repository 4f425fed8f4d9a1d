"""`make bench-page FILES=…`: keep what was measured, and write the tables of `docs/performance.md` from it.

Files of `make bench` and `make bench-peers` (`--json`) are taken together: of each arm and work the newest one counts.
So each figure stands on the page once, with when and how it was taken.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import BaseModel, JsonValue

from support.page_tables import renewed

HERE: Final = Path(__file__).parent
KEPT: Final = HERE / "measured.json"
PAGE: Final = HERE.parent / "docs" / "performance.md"
DID_NOT_FINISH: Final = "did not finish"
_SMALL_DRAIN: Final = 5_000
"""Tasks that the arm `drain` has; fewer are a run with `--small`, which says nothing."""


class Figure(BaseModel):
    """One row: a value for each round."""

    arm: str
    name: str
    unit: str
    goal: str = ""
    met: bool | None = None
    min: float | None = None
    median: float | None = None
    max: float | None = None


class Taken(BaseModel):
    """A file of `make bench`, or what of it counts: an arm's figures, and how they were taken."""

    at: str
    repeats: int
    machine: dict[str, JsonValue]
    sizes: dict[str, int]
    figures: list[Figure]


class Spread(BaseModel):
    """The least, the middle and the most of some rounds."""

    least: float
    median: float
    most: float


class Standing(BaseModel):
    """One arm of `make bench-peers`."""

    work: str
    unit: str
    peer: str
    outcomes: list[dict[str, JsonValue]]
    rate: Spread | None = None
    cpu_us: Spread | None = None
    servers_us: Spread | None = None
    ratio: Spread | None = None
    goal: float | None = None
    met: bool | None = None


class Beside(BaseModel):
    """A file of `make bench-peers`, or one work of it."""

    at: str
    machine: dict[str, JsonValue]
    sizes: dict[str, int]
    arms: list[Standing]


class Kept(BaseModel):
    """All that the page tells, by arm and by work."""

    bench: dict[str, Taken] = {}
    peers: dict[str, Beside] = {}

    def take(self, text: str) -> None:
        """Let a file count. Raises ValueError for one that was taken with `--small`, or is none of ours."""
        document = json.loads(text)
        if "figures" in document:
            taken = Taken.model_validate(document)
            if taken.sizes.get("drained", 0) < _SMALL_DRAIN:
                raise ValueError("taken with --small: that says whether it runs, not how fast")
            for arm in dict.fromkeys(figure.arm for figure in taken.figures):
                of_arm = [figure for figure in taken.figures if figure.arm == arm]
                self.bench[arm] = taken.model_copy(update={"figures": of_arm})
        else:
            beside = Beside.model_validate(document)
            for work in dict.fromkeys(standing.work for standing in beside.arms):
                of_work = [standing for standing in beside.arms if standing.work == work]
                self.peers[work] = beside.model_copy(update={"arms": of_work})


def tables(kept: Kept) -> dict[str, str]:
    """Give each table by the name of its marks."""
    return {
        "figures": "\n".join(_figures(kept)),
        "taken": "\n".join(_taken(kept)),
        **{work: "\n".join(_peers(beside.arms)) for work, beside in kept.peers.items()},
    }


def _figures(kept: Kept) -> Iterator[str]:
    yield "| arm | what | unit | least | median | most | goal |"
    yield "|---|---|---|---|---|---|---|"
    for arm, taken in kept.bench.items():
        for each in taken.figures:
            told = [_short(value) for value in (each.min, each.median, each.max) if value is not None]
            cells = told or [DID_NOT_FINISH, "", ""]
            judged = "" if each.met is None else f"{each.goal}: {'met' if each.met else '**missed**'}"
            middle = f"**{cells[1]}**" if judged else cells[1]
            yield f"| `{arm}` | {each.name} | {each.unit} | {cells[0]} | {middle} | {cells[2]} | {judged} |"


def _taken(kept: Kept) -> Iterator[str]:
    yield "| arm | taken | rounds | load before |"
    yield "|---|---|---|---|"
    for arm, taken in kept.bench.items():
        yield f"| `{arm}` | {taken.at[:16].replace('T', ' ')} | {taken.repeats} | {taken.machine['load_before']} |"
    for work, beside in kept.peers.items():
        rounds = max(len(standing.outcomes) for standing in beside.arms)
        yield f"| peers, `{work}` | {beside.at[:16].replace('T', ' ')} | {rounds} | {beside.machine['load_before']} |"


def _peers(arms: Sequence[Standing]) -> Iterator[str]:
    yield f"| who | {arms[0].unit} | CPU a task, µs | servers' CPU, µs | argosy / it | goal |"
    yield "|---|---|---|---|---|---|"
    for arm in arms:
        judged = "" if arm.goal is None else f"≥ {arm.goal:g}: {_JUDGED[arm.met]}"
        missed = [str(each.get("because", "")) for each in arm.outcomes if each.get("kind") == "missed"]
        rate = _spread(arm.rate) or "; ".join(dict.fromkeys(missed))
        cpu, servers = (f"{each.median:,.0f}" if each else "" for each in (arm.cpu_us, arm.servers_us))
        yield f"| {arm.peer} | {rate} | {cpu} | {servers} | {_spread(arm.ratio)} | {judged} |"


_JUDGED: Final = {True: "met", False: "**missed**", None: "not known"}


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return ""
    return f"{_short(spread.median)} ({_short(spread.least)} to {_short(spread.most)})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits


def main(
    files: Annotated[list[Path] | None, typer.Argument(help="JSON files of bench and bench-peers.")] = None,
) -> None:
    """Take files in, and write the page."""
    kept = Kept.model_validate_json(KEPT.read_bytes()) if KEPT.exists() else Kept()
    for file in files or ():
        try:
            kept.take(file.read_text(encoding="utf-8"))
        except ValueError as error:
            sys.exit(f"{file}: {error}")
    KEPT.write_text(kept.model_dump_json(indent=1, exclude_none=True) + "\n", encoding="utf-8")
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), tables(kept)), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
