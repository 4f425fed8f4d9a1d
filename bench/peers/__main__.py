"""`make bench-peers`: argosy beside its peers in one run: tables, and `--json FILE`."""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import machine
import typer

from argosy.console.stack import LocalStack
from argosy.console.up import tell_downloads
from peers import report
from peers.bench import SMALL, Bench, Entry, Sizes, attempt
from peers.catalogue import GOALS, TITLES, WORKS, entries
from peers.environments import Environments, pinned
from peers.outcomes import OURS, Done, Missed, Standing, compare, joined

KEPT = Path(__file__).parents[2] / ".argosy" / "bench" / "peers"


def main(  # noqa: PLR0913 - options of a command
    *,
    works: Annotated[str, typer.Option("--works", help="Which, with commas between.")] = ",".join(WORKS),
    peers: Annotated[str, typer.Option("--peers", help="Beginnings of names, with commas; argosy too.")] = "",
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Of each arm, in turn.")] = 3,
    small: Annotated[bool, typer.Option("--small", help="Less work: whether it runs, not how fast.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all rounds here as JSON.")] = None,
    add: Annotated[bool, typer.Option("--add", help="Keep the rounds that the JSON file has.")] = False,
) -> None:
    """Measure argosy beside its peers: the same work, in turns, on the same servers."""
    wanted = works.split(",")
    if unknown := [work for work in wanted if work not in WORKS]:
        raise typer.BadParameter(f"there is no work {', '.join(unknown)}: choose of {', '.join(WORKS)}")
    chosen = [
        entry
        for work in WORKS
        if work in wanted
        for entry in entries(work)
        if entry.arm.peer == OURS or entry.arm.peer.startswith(tuple(peers.split(",")))
    ]
    about = machine.describe()
    sizes = SMALL if small else Sizes()
    found = asyncio.run(_measure(chosen, rounds, sizes))
    if add and json_file is not None:
        found = joined(report.read(json_file), found)
    arms = compare(found, GOALS)
    report.show(arms, TITLES, about)
    if small:
        print("Taken with --small: that says whether it runs, not how fast.", file=sys.stderr)
    if json_file is not None:
        needed = dict.fromkeys(name for entry in chosen for name in entry.needs)
        report.write(
            json_file,
            report.Report.model_validate(
                {
                    "at": datetime.now(UTC),
                    "machine": about,
                    "versions": {name: pinned(name) for name in needed},
                    "sizes": asdict(sizes),
                    "arms": arms,
                }
            ),
        )


async def _measure(chosen: Sequence[Entry], rounds: int, sizes: Sizes) -> list[Standing]:
    environments = Environments(KEPT)
    found: list[list[Done | Missed]] = [[] for _ in chosen]
    with tempfile.TemporaryDirectory(prefix="argosy-peers-", ignore_cleanup_errors=True) as folder:
        async with LocalStack(Path(folder), progress=tell_downloads) as stack:
            for number in range(rounds):
                for entry, outcomes in zip(chosen, found, strict=True):
                    outcome = await attempt(Bench(stack, environments, sizes), entry, number)
                    outcomes.append(outcome)
                    _tell(entry, outcome)
    return [
        Standing(**entry.arm.model_dump(), outcomes=tuple(outcomes))
        for entry, outcomes in zip(chosen, found, strict=True)
    ]


def _tell(entry: Entry, outcome: Done | Missed) -> None:
    words = (
        outcome.because
        if isinstance(outcome, Missed)
        else f"{outcome.rate:.3g} {entry.arm.unit}, {outcome.cpu_us:.0f} + {outcome.servers_us:.0f} µs a task"
    )
    print(f"{outcome.round + 1}  {entry.arm.work}  {entry.arm.peer}: {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    typer.run(main)
