"""`python -m argosy.testing`: explore a load under faults, seed by seed, on all cores."""

import json
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Final

import typer

from argosy.schemas.errors import ArgosyError, ConfigurationError
from argosy.testing.again import command_of
from argosy.testing.exploration import MakeLoad, Seed, broken_line, explore, seeds_of
from argosy.testing.faults import ALL_PROFILES
from argosy.testing.quiet import quietly
from argosy.testing.simulation import Outcome, simulate

_TELL_SECONDS: Final = 2.0
app = typer.Typer(add_completion=False)


@app.command()
def main(  # noqa: PLR0913 - options, all by name
    load: Annotated[
        str, typer.Argument(help="What to run, as module:name: a Load, or what makes one of a World.")
    ],
    *,
    seeds: Annotated[
        int, typer.Option(min=1, max=10_000_000, help="How many, dealt out to the profiles in turn.")
    ] = 200,
    profile: Annotated[
        list[str] | None, typer.Option(help=f"May be repeated; all if absent: {', '.join(ALL_PROFILES)}.")
    ] = None,
    first: Annotated[int, typer.Option(min=0, help="The number of each profile's first seed.")] = 0,
    story: Annotated[
        bool, typer.Option(help="Run one seed (--first, --profile), and tell all that happens.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Run simulated fleets under faults; exit 1 if a promise was broken."""
    try:
        make = _found(load)
        drawn = seeds_of(seeds, profile or ALL_PROFILES, first=first)
    except ArgosyError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    if story:
        _tell(make, drawn[0])
        return
    report = explore(make, drawn, tell=_Progress(len(drawn), make))
    typer.echo(json.dumps(report.as_json(), indent=2) if as_json else str(report))
    raise typer.Exit(1 if report.broken else 0)


def _found(name: str) -> MakeLoad:
    module, _, attribute = name.partition(":")
    try:
        found: MakeLoad = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"there is no load {name!r}", str(error), "name it as module:name, and its folder in PYTHONPATH"
        ) from None
    if not callable(found):
        raise ConfigurationError(
            f"{name} is no load, but a {type(found).__name__}",
            "a load is a class or a function that is given a World",
            "of a pipeline make one with argosy.testing.PipelineLoad (docs/testing.md)",
        )
    return found


def _tell(make: MakeLoad, seed: Seed) -> None:
    with quietly():
        outcome = simulate(seed.number, seed.profile, make, trace=True)
    typer.echo(outcome.story)
    for event in outcome.events:
        typer.echo(f"fault: {event}")
    for finding in outcome.findings:
        typer.echo(f"broken: {finding}")
    raise typer.Exit(1 if outcome.findings else 0)


class _Progress:
    """Tells on stderr, every two seconds, how far it is, and at once of a seed that broke a promise."""

    def __init__(self, seeds: int, make: MakeLoad) -> None:
        self._seeds, self._make, self._began = seeds, make, time.monotonic()
        self._next, self._told = self._began + _TELL_SECONDS, 0

    def __call__(self, done: int, runs: int, broken: Sequence[Outcome]) -> None:
        now = time.monotonic()
        for outcome in broken[self._told :]:
            again = command_of(self._make, outcome.profile, outcome.seed)
            typer.echo(broken_line(outcome, again), err=True)
        self._told = len(broken)
        if now < self._next and done < self._seeds:
            return
        self._next = now + _TELL_SECONDS
        left = (now - self._began) / done * (self._seeds - done)
        line = f"{done} of {self._seeds} seeds, {runs} runs, {len(broken)} broke a promise, {left:.0f} s left"
        typer.echo(f"\r{line}  " if sys.stderr.isatty() else line, nl=not sys.stderr.isatty(), err=True)
        if done == self._seeds and sys.stderr.isatty():
            typer.echo("", err=True)


if __name__ == "__main__":
    app(prog_name="python -m argosy.testing")
