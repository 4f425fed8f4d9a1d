"""`argosy runs replay|fork|redrive`: run again what has run, and only what has to."""

import json
from dataclasses import dataclass
from typing import Annotated, Final

import typer
from pydantic import JsonValue

from argosy.client.options import WhenBusy
from argosy.console.config import load_settings
from argosy.console.connection import SAME, Argosy, Changes, Replay
from argosy.console.foreground import run_in_foreground
from argosy.console.interruption import if_interrupted
from argosy.console.numbers import counted
from argosy.console.output import note, show, show_json
from argosy.console.submit import parse_input, result_of
from argosy.console.swap import Swap
from argosy.pipelines.discover import discover
from argosy.schemas.errors import ConfigurationError
from argosy.schemas.inbox import RunSubmitted
from argosy.schemas.settings import Settings

_MOST_NAMED: Final = 10

RunId = Annotated[str, typer.Argument(help="A run that has ended.")]
From = Annotated[
    list[str] | None,
    typer.Option("--from", metavar="STEP", help="Run this step anew, and what reads it; may be repeated."),
]
NewId = Annotated[str | None, typer.Option("--run-id", help="Of the new run; by default RUN.r1, RUN.r2, …")]
Deadline = Annotated[float | None, typer.Option("--deadline-seconds", min=0.001)]
Budget = Annotated[
    int | None,
    typer.Option("--budget", min=1, help="Tokens of the new run's model calls; by default as before."),
]
BudgetMicros = Annotated[
    int | None, typer.Option("--budget-micros", min=1, help="The same in money: millionths.")
]
Watch = Annotated[bool, typer.Option("--watch", help="Show how it goes.")]
Detach = Annotated[
    bool, typer.Option("--detach", help="Print the new run's id once it is safe, and don't wait.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be reused and what would run.")]
Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Where the fleet is full: wait for room, or fail.")
]


@dataclass(frozen=True, slots=True)
class How:
    """How the new run is submitted, and what is shown of it."""

    new_run_id: str | None
    deadline_seconds: float | None
    budget: int | None
    budget_micros: int | None
    when_busy: WhenBusy
    watch: bool
    detach: bool
    dry_run: bool


def replay(  # noqa: PLR0913 - a replay has this many parts
    run_id: RunId,
    *,
    from_: From = None,
    app: Annotated[
        str | None,
        typer.Option("--app", help="Take the pipeline, and agents for --set, from this file or module."),
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="AGENT=OTHER|AGENT.TERM=VALUE",
            help="Another agent of the app in its place, or another term of its contract: critic.model=openai:gpt-5.",
        ),
    ] = None,
    value: Annotated[
        str | None,
        typer.Option("--input", metavar="JSON|@FILE|-", help="Another input; by default the same."),
    ] = None,
    new_run_id: NewId = None,
    deadline_seconds: Deadline = None,
    budget: Budget = None,
    budget_micros: BudgetMicros = None,
    watch: Watch = False,
    detach: Detach = False,
    dry_run: DryRun = False,
    wait: Wait = True,
) -> None:
    """Run a run again with something different, and reuse all that this doesn't touch.

    A step runs anew if it is named, if it or its agent's contract is another, or if it reads what is: another part of
    the input, or what ran anew. What is reused costs nothing. The earlier run stays as it is.
    """
    settings = load_settings()
    source = app or settings.app
    pipeline = discover(app).pipeline if app is not None else None
    changes = Changes(
        pipeline,
        frozenset(from_ or ()),
        SAME if value is None else parse_input(value),
        _swaps(sets or [], source),
    )
    when_busy: WhenBusy = "wait" if wait else "raise"
    how = How(new_run_id, deadline_seconds, budget, budget_micros, when_busy, watch, detach, dry_run)
    raise typer.Exit(run_in_foreground(_again(settings, run_id, changes, how)))


def fork(  # noqa: PLR0913 - as `replay`
    run_id: RunId,
    *,
    value: Annotated[str, typer.Option("--input", metavar="JSON|@FILE|-", help="The other input.")],
    from_: From = None,
    new_run_id: NewId = None,
    deadline_seconds: Deadline = None,
    budget: Budget = None,
    budget_micros: BudgetMicros = None,
    watch: Watch = False,
    detach: Detach = False,
    dry_run: DryRun = False,
    wait: Wait = True,
) -> None:
    """Run a run again with another input: what doesn't read the parts that differ is reused."""
    changes = Changes(from_=frozenset(from_ or ()), value=parse_input(value))
    when_busy: WhenBusy = "wait" if wait else "raise"
    how = How(new_run_id, deadline_seconds, budget, budget_micros, when_busy, watch, detach, dry_run)
    raise typer.Exit(run_in_foreground(_again(load_settings(), run_id, changes, how)))


def redrive(  # noqa: PLR0913 - as `replay`
    run_id: RunId,
    *,
    new_run_id: NewId = None,
    deadline_seconds: Deadline = None,
    budget: Budget = None,
    budget_micros: BudgetMicros = None,
    watch: Watch = False,
    detach: Detach = False,
    dry_run: DryRun = False,
    wait: Wait = True,
) -> None:
    """Try again what failed, expired or was cut off in a run: all that succeeded is reused."""
    when_busy: WhenBusy = "wait" if wait else "raise"
    how = How(new_run_id, deadline_seconds, budget, budget_micros, when_busy, watch, detach, dry_run)
    raise typer.Exit(run_in_foreground(_again(load_settings(), run_id, Changes(retry=True), how)))


async def _again(settings: Settings, run_id: str, changes: Changes, how: How) -> int | None:
    if_interrupted("nothing was sent yet")
    async with Argosy.connect(settings) as fleet:
        options = {
            "deadline_seconds": how.deadline_seconds,
            "budget": how.budget,
            "budget_micros": how.budget_micros,
            "when_busy": how.when_busy,
        }
        prepared = await fleet.prepare(run_id, changes, options)
        if how.dry_run:
            reused = sorted(prepared.submit.reused)
            data = {
                "run_id": run_id,
                "reused": reused,
                "runs_anew": prepared.runs,
                "budget": prepared.submit.budget,
                "budget_micros": prepared.submit.budget_micros,
            }
            show(data, f"{_told(prepared)}{_budget(prepared.submit)}")
            return None
        if_interrupted("the submit may have been sent: argosy runs list says")
        run = await fleet.start(prepared, new_run_id=how.new_run_id)
        note(f"run {run.run_id} submitted, a replay of {run_id}: {_told(prepared)}", folded=True)
        if_interrupted(f"the run goes on: argosy runs show {run.run_id}, argosy runs cancel {run.run_id}")
        if how.detach:
            show_json({"run_id": run.run_id})
            return None
        pipeline = prepared.submit.pipeline
        show_json(await result_of(run, pipeline, None, watch=how.watch))
    return None


def _told(prepared: Replay) -> str:
    """Say what is reused and what runs."""
    runs = ", ".join(prepared.runs[:_MOST_NAMED]) + (
        f" and {len(prepared.runs) - _MOST_NAMED} more" if len(prepared.runs) > _MOST_NAMED else ""
    )
    return f"{counted(len(prepared.submit.reused), 'result')} reused, {runs} to run"


def _budget(submit: RunSubmitted) -> str:
    said = [] if submit.budget is None else [f"{submit.budget} tokens"]
    said += [] if submit.budget_micros is None else [f"{submit.budget_micros} millionths"]
    return f", with a budget of {' and '.join(said)}" if said else ""


def _swaps(sets: list[str], source: str | None) -> dict[str, Swap]:
    """Read `AGENT=OTHER` and `AGENT.TERM=VALUE`. Raises ConfigurationError."""
    swaps: dict[str, Swap] = {}
    terms: dict[str, dict[str, JsonValue]] = {}
    for each in sets:
        what, equals, said = each.partition("=")
        agent, dot, term = what.partition(".")
        if not equals or not agent or (dot and not term):
            raise ConfigurationError(
                f"--set {each!r} says nothing",
                "it takes AGENT=OTHER or AGENT.TERM=VALUE",
                "as in --set critic=strict_critic, --set critic.model=openai:gpt-5",
            )
        if dot:
            terms.setdefault(agent, {})[term] = _value(said)
        elif source is None:
            raise ConfigurationError(
                f"--set {each} names an agent, and no app",
                "an agent's contract comes from the app that has it",
                "--app FILE",
            )
        else:
            swaps[agent] = discover(source).agent(said)
    return {**terms, **swaps}


def _value(text: str) -> JsonValue:
    """Read JSON; what is none is a text."""
    try:
        value: JsonValue = json.loads(text)
    except ValueError:
        return text
    return value
