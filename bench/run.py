"""`make bench`: what argosy costs, as ratios in one run, on real Kafka and Valkey. A table; `--json FILE` too."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import drain
import graphs
import machine
import maps
import typer
import waits
from figures import Figure
from rich.console import Console
from rich.table import Table

from argosy.console.stack import LocalStack
from argosy.console.up import tell_downloads

ARMS = "abcde"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much work each arm does in one repeat."""

    drained: int = 5_000
    graphs: int = 300
    width: int = 10_000
    chains: int = 15
    rounds: int = 20


SMALL = Sizes(drained=2_000, graphs=60, width=1_000, chains=5, rounds=10)


def main(
    *,
    arms: Annotated[
        str, typer.Option("--arms", help="Which: a drain, b graphs, c maps, d hops, e slots.")
    ] = ARMS,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Of each arm, in turn.")] = 3,
    small: Annotated[bool, typer.Option("--small", help="Less work: whether it runs, not how fast.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures here as JSON.")] = None,
) -> None:
    """Measure argosy beside a bare aiokafka loop and a prototype, in one run on this machine."""
    if unknown := set(arms) - set(ARMS):
        raise typer.BadParameter(f"there is no arm {'/'.join(sorted(unknown))}: choose of {ARMS}")
    about = machine.describe()
    sizes = SMALL if small else Sizes()
    began = datetime.now(UTC)
    found = asyncio.run(_measure(arms, repeats, sizes))
    _print(found, about)
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
    if not all(figure.values for figure in found):
        raise typer.Exit(1)


async def _measure(arms: str, repeats: int, sizes: Sizes) -> list[Figure]:
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="argosy-bench-", ignore_cleanup_errors=True) as folder:
        async with LocalStack(Path(folder), progress=tell_downloads) as stack:
            for arm in dict.fromkeys(arms):
                print(f"measuring arm {arm} …", file=sys.stderr, flush=True)
                match arm:
                    case "a":
                        found += await drain.measure(stack, repeats, sizes.drained)
                    case "b":
                        found += await graphs.measure(stack, repeats, sizes.graphs)
                    case "c":
                        found += await maps.measure(stack, repeats, sizes.width)
                    case "d":
                        found += await waits.hops(stack, repeats, sizes.chains)
                    case _:
                        found += await waits.slots(stack, repeats, sizes.rounds)
    return found


def _print(found: Sequence[Figure], about: dict[str, object]) -> None:
    table = Table("arm", "what", "unit", "min", "median", "max", "goal", title="argosy bench")
    for figure in found:
        table.add_row(figure.arm, figure.name, figure.unit, *figure.shown, figure.goal)
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table)
    packages = about.pop("packages")
    console.print(", ".join(f"{name} {value}" for name, value in about.items()))
    console.print(packages)
    about["packages"] = packages


if __name__ == "__main__":
    typer.run(main)
