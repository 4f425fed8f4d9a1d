"""`argosy run PIPELINE`: submit a run, wait, print its result."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from pydantic import JsonValue

from argosy.client.connection import Argosy
from argosy.client.run import Run
from argosy.console.config import load_settings
from argosy.console.foreground import run_in_foreground
from argosy.console.interruption import if_interrupted
from argosy.console.live import Progress, watching
from argosy.console.options import options
from argosy.console.output import note, show_json
from argosy.console.people_told import tell_who_is_asked
from argosy.console.run_view import RunView, TaskView
from argosy.console.submit_each import name_of, opened, submit_each, value_of, values_of
from argosy.pipelines.discover import discover
from argosy.pipelines.pipeline import Pipeline
from argosy.schemas.errors import ArgosyError, ConfigurationError, InvalidInput
from argosy.schemas.ids import new_run_id
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.runlog import OnSpent
from argosy.schemas.settings import Settings

if TYPE_CHECKING:
    from argosy.client.options import WhenBusy

ACCEPTED_SECONDS: Final = 3.0
"""A submit is accepted within this, or something is in its way."""
ROOM_SECONDS: Final = 1.0


def run(  # noqa: PLR0913 - a submit has this many parts
    pipeline: Annotated[str, typer.Argument(help="Its name; NAME@VERSION if it is published.")],
    *,
    value: Annotated[
        str | None, typer.Option("--input", metavar="JSON|@FILE|-", help="The input; - reads stdin.")
    ] = None,
    each: Annotated[
        str | None, typer.Option("--each", metavar="FILE|-", help="Many runs: one per line of JSON.")
    ] = None,
    app: Annotated[
        str | None, typer.Option("--app", help="Take the pipeline from this file or module.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show how it goes.")] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Print the run's id once it is safe, and don't wait.")
    ] = False,
    run_id: Annotated[
        str | None, typer.Option("--run-id", help="Yours; a repeat is answered. With --each: ID-1, ID-2, …")
    ] = None,
    priority: Annotated[
        int,
        typer.Option(
            "--priority",
            min=0,
            max=9,
            help="Higher goes first among what waits for a place in the dispatch window; what is out keeps its order.",
        ),
    ] = 5,
    deadline_seconds: Annotated[float | None, typer.Option("--deadline-seconds", min=0.001)] = None,
    untrusted: Annotated[
        bool,
        typer.Option(
            "--untrusted", help="Strangers may have written some of the input: taint what is made of it."
        ),
    ] = False,
    tenant: Annotated[str | None, typer.Option("--tenant")] = None,
    budget: Annotated[
        int | None, typer.Option("--budget", min=1, help="Tokens that all its model calls may take together.")
    ] = None,
    budget_micros: Annotated[
        int | None, typer.Option("--budget-micros", min=1, help="The same in money: millionths.")
    ] = None,
    on_spent: Annotated[
        OnSpent,
        typer.Option("--on-spent", help="At the budget's edge: fail, or wait until somebody raises it."),
    ] = "fail",
    ask_seconds: Annotated[
        float | None, typer.Option("--ask-seconds", min=0.001, help="With ask: wait no longer than this.")
    ] = None,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait/--no-wait",
            help="Where the fleet has as many runs under way as it may hold: wait for room, or fail at once.",
        ),
    ] = True,
    timeout_seconds: Annotated[
        float | None,
        typer.Option("--timeout-seconds", min=0, help="Stop waiting; the run goes on. Exit code 124."),
    ] = None,
) -> None:
    """Submit a run and print its result as JSON. Exit code 1 if the run did not succeed."""
    settings = load_settings()
    source = app or settings.app
    found = discover(source).pipeline(pipeline) if source else None
    what = found.compile() if found else pipeline
    when_busy: WhenBusy = "wait" if wait else "raise"
    chosen = {
        "priority": priority,
        "deadline_seconds": deadline_seconds,
        "untrusted": untrusted,
        "tenant": tenant,
        "budget": budget,
        "budget_micros": budget_micros,
        "on_spent": on_spent,
        "ask_seconds": ask_seconds,
        "when_busy": when_busy,
    }
    if each is not None:
        if value is not None or watch:
            raise ConfigurationError(
                "--each goes without --input and --watch", "it is many inputs", "leave those out"
            )
        with opened(each) as lines:
            values = ((number, completed(found, one)) for number, one in values_of(lines))
            work = _many(settings, what, values, run_id, timeout_seconds, detach=detach, **chosen)
            raise typer.Exit(run_in_foreground(work))
    if value is None:
        may_lack_input(found, pipeline)
    given = completed(found, parse_input(value))
    run_id = run_id or new_run_id()
    if_interrupted(
        f"the submit may have been sent: argosy why {run_id} says; --run-id {run_id} makes no second run"
    )

    async def one() -> None:
        async with Argosy.connect(settings) as fleet:
            async with telling(tell_if_no_room(fleet, what, run_id)):
                submitted = await fleet.submit(
                    what,
                    given,
                    run_id=run_id,
                    priority=priority,
                    deadline_seconds=deadline_seconds,
                    untrusted=untrusted,
                    tenant=tenant,
                    budget=budget,
                    budget_micros=budget_micros,
                    on_spent=on_spent,
                    ask_seconds=ask_seconds,
                    when_busy=when_busy,
                )
            if_interrupted(
                f"the run goes on: argosy runs show {submitted.run_id}, argosy runs cancel {submitted.run_id}"
            )
            note(f"run {submitted.run_id} submitted")
            if detach:
                show_json({"run_id": submitted.run_id})
                return
            async with (
                telling(tell_if_not_accepted(fleet, submitted, what)),
                telling(tell_who_is_asked(submitted)),
            ):
                show_json(await result_of(submitted, what, timeout_seconds, watch=watch))

    raise typer.Exit(run_in_foreground(one()))


@asynccontextmanager
async def telling(what: Coroutine[None, None, None]) -> AsyncGenerator[None]:
    """Tell something of what is done inside, for as long as it lasts."""
    told = asyncio.create_task(what, name="tell")
    try:
        yield
    finally:
        told.cancel()


async def tell_if_no_room(fleet: Argosy, what: CompiledPipeline | str, run_id: str) -> None:
    """Say so if a submit isn't even sent, because the fleet has as many runs under way as it may hold."""
    await asyncio.sleep(ROOM_SECONDS)
    full = await fleet.full(name_of(what))
    if full is not None:
        note(
            f"run {run_id} waits for room: {full.said}; it is sent then (--no-wait fails at once; argosy runs cancel"
            " RUN makes room)",
            folded=True,
        )


async def tell_if_not_accepted(fleet: Argosy, run: Run[JsonValue], what: CompiledPipeline | str) -> None:
    """Say so if nobody knows the run after a while: the rest of the wait would be silent."""
    await asyncio.sleep(ACCEPTED_SECONDS)
    with suppress(ArgosyError):  # Redis away: the result comes over Kafka all the same
        if await run.state() == "unknown":
            full = await fleet.full(name_of(what))
            if full is not None:
                note(f"not accepted yet: {full.said}; argosy why {run.run_id} says more", folded=True)
                return
            by_name = f"; if nobody published {what}: argosy publish APP, or --app FILE sends it along"
            lines = f"not accepted yet: argosy why {run.run_id} says what it waits for"
            note(lines + (by_name if isinstance(what, str) else ""), folded=True)


async def _many(  # noqa: PLR0913 - as `run`
    settings: Settings,
    what: CompiledPipeline | str,
    values: Iterable[tuple[int, JsonValue]],
    run_id: str | None,
    timeout_seconds: float | None,
    *,
    detach: bool,
    **options: object,
) -> int:
    async with Argosy.connect(settings) as fleet:
        return await submit_each(
            fleet,
            what,
            values,
            prefix=run_id,
            detach=detach,
            timeout_seconds=timeout_seconds,
            **options,
        )


async def result_of(
    run: Run[JsonValue], what: CompiledPipeline | str, timeout_seconds: float | None, *, watch: bool
) -> object:
    """Wait for a run's result, as it is to be shown; with `watch` tell how it goes."""
    tasks = [] if isinstance(what, str) else [step.name for step in what.steps]
    view = RunView(run.run_id, run.run_id, tasks={name: TaskView() for name in tasks})
    if not watch:
        result = await run.result(timeout_seconds=timeout_seconds)
    else:
        with Progress([view]) as progress:
            async with watching(run, view, progress):
                result = await run.result(timeout_seconds=timeout_seconds)
    return {"run_id": run.run_id, "result": result} if options().json else result


def may_lack_input(pipeline: Pipeline[Any, Any] | None, name: str) -> None:
    """Let a run go without an input if its pipeline takes null. Raises ConfigurationError that says what to give."""
    why = "what a published pipeline takes isn't known here"
    if pipeline is not None:
        try:
            pipeline.takes.decode(b"null")
        except InvalidInput:
            why = f"{name} takes {pipeline.takes}"
        else:
            return
    raise ConfigurationError(
        f"{name} was given no input",
        why,
        "--input JSON, --input @FILE or --input -; --input null says that it is none",
    )


def completed(pipeline: Pipeline[Any, Any] | None, value: JsonValue) -> JsonValue:
    """Fill in the defaults of what the pipeline takes, as Python's client does; what doesn't fit is left as it is.

    For its refusal names the field, by whoever takes it.
    """
    if pipeline is None:
        return value
    try:
        return pipeline.takes.completed(value)
    except InvalidInput:
        return value


def parse_input(text: str | None) -> JsonValue:
    """Read an input: JSON, `@file`, `-` for stdin, nothing for null. Raises ConfigurationError that shows a way out."""
    if text is None:
        return None
    try:
        if text == "-":
            raw = sys.stdin.read()
        else:
            raw = Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            "the input can't be read", str(error), "--input @FILE takes a UTF-8 file"
        ) from None
    try:
        return value_of(raw)
    except OverflowError as error:
        do = "give a smaller number, or the number as a text, in quotes"
        raise ConfigurationError("the input is no JSON", str(error), do) from None
    except ValueError as error:
        if "recursion limit" in str(error):
            raise ConfigurationError(
                "the input is nested too deep", str(error), "nest it less: some 200 levels can be read"
            ) from None
        raise ConfigurationError(
            "the input is no JSON", str(error), "a plain text needs quotes: '\"world\"'"
        ) from None
