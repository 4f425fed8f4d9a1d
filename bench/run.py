"""`make bench`: what argosy costs, as ratios in one run, on real Kafka and Valkey. A table; `--json FILE` too."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import machine
import typer
from arms import ARMS, FULL, SMALL, USUAL, Sizes
from figures import Figure
from rich.console import Console
from rich.table import Table

from argosy.console.stack import LocalStack
from argosy.console.up import tell_downloads


def main(
    *,
    arms: Annotated[
        str, typer.Option("--arms", help=f"Which, with commas between: {', '.join(ARMS)}.")
    ] = ",".join(ARMS),
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Of each arm, in turn.")] = 3,
    small: Annotated[bool, typer.Option("--small", help="Less work: whether it runs, not how fast.")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="A million tasks, a queue of 100,000: half an hour more.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures here as JSON.")] = None,
) -> None:
    """Measure argosy beside a bare aiokafka loop and a prototype, in one run on this machine."""
    names = list(dict.fromkeys(arms.split(",")))
    if unknown := [name for name in names if name not in ARMS]:
        raise typer.BadParameter(f"there is no arm {', '.join(unknown)}: choose of {', '.join(ARMS)}")
    if small and full:
        raise typer.BadParameter("--small or --full, not both")
    about = machine.describe()
    sizes = SMALL if small else FULL if full else USUAL
    began = datetime.now(UTC)

    def keep(found: Sequence[Figure]) -> None:
        if json_file is not None:
            document = {
                "at": began.isoformat(timespec="seconds"),
                "seconds": round((datetime.now(UTC) - began).total_seconds()),
                "machine": about,
                "repeats": repeats,
                "sizes": {name: getattr(sizes, name) for name in Sizes.__slots__},
                "figures": [figure.as_json() for figure in found],
            }
            json_file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

    found = asyncio.run(_measure(names, repeats, sizes, keep))
    _print(found, about, judged=not small)
    if small:
        print("Taken with --small: that says whether it runs, not how fast.", file=sys.stderr)
    if not all(figure.values for figure in found):
        raise typer.Exit(1)


async def _measure(
    names: Sequence[str], repeats: int, sizes: Sizes, keep: Callable[[Sequence[Figure]], None]
) -> list[Figure]:
    """Measure arm by arm; `keep` is told all figures after each of them: whoever stops a long run has these."""
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="argosy-bench-", ignore_cleanup_errors=True) as folder:
        async with LocalStack(Path(folder), progress=tell_downloads) as stack:
            for name in names:
                about, measure = ARMS[name]
                print(f"measuring {name}: {about} …", file=sys.stderr, flush=True)
                found += await measure(stack, repeats, sizes)
                keep(found)
    return found


def _print(found: Sequence[Figure], about: dict[str, object], *, judged: bool) -> None:
    table = Table("arm", "what", "unit", "min", "median", "max", "goal", title="argosy bench")
    for figure in found:
        table.add_row(figure.arm, figure.name, figure.unit, *figure.shown, figure.verdict if judged else "")
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table)
    packages = about.pop("packages")
    console.print(", ".join(f"{name} {value}" for name, value in about.items()))
    console.print(packages)
    if judged:
        goals = [figure for figure in found if figure.goal is not None]
        console.print(f"{sum(bool(figure.is_met) for figure in goals)} of {len(goals)} goals met")
    about["packages"] = packages


if __name__ == "__main__":
    typer.run(main)
