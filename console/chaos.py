"""`argosy chaos`: real processes, real Kafka and Redis, real faults, and a judge that reads what they left."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from argosy.console.app_facts import look
from argosy.console.chaos_arena import OWN_APP, Shape
from argosy.console.chaos_drive import Order, run_chaos
from argosy.console.chaos_offers import offers_of, own_offers, runs_for
from argosy.console.chaos_page import page
from argosy.console.chaos_text import in_words
from argosy.console.exits import FAILED, INCOMPLETE, INTERRUPTED, TIMED_OUT
from argosy.console.foreground import STOPPING, run_in_foreground
from argosy.console.interruption import if_interrupted
from argosy.console.output import note, show
from argosy.console.up import Folder, check_brokers
from argosy.schemas.errors import ConfigurationError
from argosy.testing.chaos_plan import BY_NAME, KINDS, Kind, Pace
from argosy.testing.chaos_report import Report, Verdict

CHAOS_FOLDER: Final = Path(".argosy/chaos")
_HOURS: Final = 24 * 3600
_EXITS: Final[Mapping[Verdict, int]] = {
    "held": 0,
    "broken": FAILED,
    "incomplete": INCOMPLETE,
    "empty": FAILED,
    "slow": TIMED_OUT,
}


def chaos(  # noqa: PLR0913 - the options of a command
    app: Annotated[
        str,
        typer.Argument(help="A Python file or module; without one: argosy's own, with a ledger of effects."),
    ] = OWN_APP,
    *,
    pipelines: Annotated[
        list[str] | None,
        typer.Option("--pipeline", help="Which of its pipelines; may be repeated. Default: all."),
    ] = None,
    value: Annotated[
        str | None, typer.Option("--input", metavar="JSON|@FILE", help="What every run is given.")
    ] = None,
    minutes: Annotated[
        float, typer.Option("--minutes", min=0.1, help="How long load and faults go on.")
    ] = 5.0,
    seed: Annotated[int, typer.Option("--seed", help="Decides who is hurt when.")] = 1,
    faults: Annotated[
        str | None, typer.Option("--faults", help="Only these, with commas; `list` shows them all.")
    ] = None,
    pause_seconds: Annotated[
        float, typer.Option("--pause-seconds", min=0, help="About so long between two faults.")
    ] = 5.0,
    calm_seconds: Annotated[
        float, typer.Option("--calm-seconds", min=0, help="No fault before: to know the usual throughput.")
    ] = 15.0,
    alone: Annotated[
        bool, typer.Option("--alone", help="One fault at a time: recovery times are then each one's own.")
    ] = False,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes per agent.")] = 2,
    coordinators: Annotated[int, typer.Option("--coordinators", min=1)] = 2,
    brokers: Annotated[int, typer.Option("--brokers", min=1, max=3, help="Kafka brokers: 1 or 3.")] = 1,
    in_flight: Annotated[
        int, typer.Option("--in-flight", min=1, help="Runs under way at once, at most.")
    ] = 40,
    rate: Annotated[float | None, typer.Option("--rate", min=0.01, help="Runs a second, at most.")] = None,
    deliveries: Annotated[
        int | None,
        typer.Option("--deliveries", min=1, help="Of argosy's own app: go on until so many tasks are done."),
    ] = None,
    task_seconds: Annotated[
        float, typer.Option("--task-seconds", min=0, help="Of argosy's own app: what a task takes at most.")
    ] = 0.05,
    session_seconds: Annotated[
        float, typer.Option("--session-seconds", min=1, help="Session timeout and lease of the fleet.")
    ] = 4.0,
    quiet_seconds: Annotated[
        float,
        typer.Option("--quiet-seconds", min=1, help="How long runs may take to end after the last fault."),
    ] = 180.0,
    may_fail: Annotated[
        bool, typer.Option("--may-fail", help="Runs may fail: the app is expected to fail some.")
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--report", help="Write the report as JSON; --json prints it.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report as a page.")] = None,
    folder: Folder = CHAOS_FOLDER,
) -> None:
    """Hurt a fleet of its own with load on it, and judge what it did: exit code 1 if a promise was broken.

    6 if every promise held and a fault could not be carried out; 124 if runs were too slow to be judged; 130 if Ctrl-C
    ended it early and what there was held.

    Starts Kafka and Redis in a folder of its own, which it empties, with coordinators, workers and a client as
    processes; kills, stops, freezes and starves them, and the network between them; waits until all is quiet; then
    reads Kafka and Redis and says whether every promise held. No other cluster is ever touched. Not for handlers that
    do real things: each is run as often as it takes.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # that Kafka is away is what we are here for
    if faults == "list":
        show([{"name": k.name, "code": k.code, "text": k.text} for k in KINDS], _listed())
        return
    own = app == OWN_APP
    if deliveries is not None and not own:
        raise ConfigurationError(
            "--deliveries is for argosy's own app",
            "only there is it known how many a run makes",
            "use --minutes",
        )
    check_brokers(brokers, None)
    _check_folders(json_file, html)
    facts = look(app)
    offers = own_offers(pipelines) if own else offers_of(app, pipelines, value)
    total = None if deliveries is None else runs_for(deliveries, offers)
    shape = Shape(
        app,
        offers,
        coordinators=coordinators,
        workers=workers,
        total=total,
        in_flight=in_flight,
        per_second=rate,
        lease_seconds=session_seconds,
        session_seconds=session_seconds,
        handler_seconds=task_seconds,
        own=own,
        brokers=brokers,
    )
    pace = Pace(minutes * 60 if total is None else _HOURS, calm_seconds, pause_seconds, alone)
    order = Order(shape, pace, seed, _kinds(faults), may_fail, quiet_seconds)
    if_interrupted(f"all is stopped; logs and data stay in {folder}")

    async def written(report: Report) -> None:
        if json_file is not None:
            json_file.write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
        if html is not None:
            html.write_text(page(report), encoding="utf-8")
            note(f"page    {html}")
        show(report, in_words(report))

    enough = asyncio.Event()

    def interrupt() -> None:
        note("no more runs and faults; what there is will be judged (once more stops at once)")
        enough.set()

    async def work() -> int:
        report = await run_chaos(folder, facts, order, written, enough)
        if report.verdict == "held" and report.interrupted:
            return INTERRUPTED
        return _EXITS[report.verdict]

    note("starting Kafka, Redis and the fleet …")
    raise typer.Exit(run_in_foreground(work(), stopping=STOPPING, interrupt=interrupt))


def _check_folders(*files: Path | None) -> None:
    """Refuse now what could not be written after the whole run."""
    for file in files:
        if file is not None and not file.parent.is_dir():
            raise ConfigurationError(
                f"no folder {file.parent}",
                "the report is written there in the end",
                "make it, or name another",
            )


def _kinds(names: str | None) -> tuple[Kind, ...]:
    if names is None:
        return KINDS
    unknown = [name for name in names.split(",") if name not in BY_NAME]
    if unknown:
        raise ConfigurationError(
            f"there is no fault {unknown[0]!r}", "--faults names it", f"one of:\n{_listed()}"
        )
    return tuple(BY_NAME[name] for name in names.split(","))


def _listed() -> str:
    return "\n".join(f"{kind.code:<4} {kind.name:<18} {kind.text}" for kind in KINDS)
