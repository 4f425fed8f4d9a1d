"""`argosy runs waiting|signal|approve`: what waits for people, and what they say to it."""

import asyncio
import getpass
import json
import sys
import time
from typing import Annotated, Final, Literal

import typer
from pydantic import JsonValue
from pydantic_core import from_json

from argosy.broker.store import Payloads
from argosy.broker.values import load
from argosy.client.awaited import Awaited
from argosy.client.connection import Argosy
from argosy.client.run import Run
from argosy.console.config import load_settings
from argosy.console.exits import FAILED, USAGE
from argosy.console.interruption import if_interrupted
from argosy.console.moments import ago, length, moment
from argosy.console.options import options
from argosy.console.output import note, printable, show, show_table
from argosy.console.process_life import open_services
from argosy.console.signal_target import check_target
from argosy.schemas.errors import ConfigurationError, NotFound
from argosy.schemas.settings import Settings

JUDGED_SECONDS: Final = 15.0
"""How long to wait until the lane has found an answer right, or not."""
SHOWN_CHARACTERS: Final = 4_000
_LOOK_SECONDS: Final = 0.2
UNKNOWN: Final = "dropped unless its run is on its way: nobody knows that run yet"
COLUMNS = ("RUN", "STEP", "KIND", "FOR", "UNTIL", "QUESTION", "SHA-256")

RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]
Told = Literal["taken", "refused", "sent"]


def waiting(
    *,
    run: Annotated[str | None, typer.Option("--run", help="Only of this run.")] = None,
) -> None:
    """List what waits for people: approvals, signals and spent budgets of all runs, the longest first."""
    found = asyncio.run(_awaited(load_settings(), run))
    now_ms = time.time_ns() // 1_000_000
    cells = [
        (
            one.run_id,
            one.step,
            one.kind,
            ago(one.since_ms, now_ms),
            moment(one.until_ms),
            one.question,
            one.about_sha256[:12],
        )
        for one in found
    ]
    show_table(COLUMNS, cells, {"waiting": found})
    if not found:
        note("nothing waits for anybody" if run is None else f"run {run} waits for nobody")
    for one in found:
        if one.refused:
            note(f"{one.run_id}/{one.step}: {one.refused} did not count, the last one: {one.refusal}")


def signal(
    run_id: RunId,
    step: Annotated[str, typer.Argument(metavar="NAME", help="The waiting step's name in the run.")],
    *,
    value: Annotated[
        str, typer.Option("--value", help="The value, as JSON; - reads it from stdin.")
    ] = "null",
    signal_id: Annotated[
        str | None, typer.Option("--id", help="Makes a repeat of this command harmless.")
    ] = None,
) -> None:
    """Send a signal to a step that waits for it, or will.

    Exit code 1 if its value is refused, 5 if no step of that name waits, or it waits no more: nothing is sent then.
    """
    if_interrupted("the signal may have been sent; with the same --id it is safe to repeat")
    sent = _json(sys.stdin.read() if value == "-" else value)
    _told(run_id, step, *asyncio.run(_signal(load_settings(), run_id, step, sent, signal_id)))


def approve(  # noqa: PLR0913 - the options of a command, all by name
    run_id: RunId,
    step: Annotated[str, typer.Argument(metavar="STEP", help="The approval's name in the run.")],
    *,
    no: Annotated[bool, typer.Option("--no", help="Reject it. (--yes approves it.)")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the answer.")] = "",
    by: Annotated[str | None, typer.Option("--by", help="Who answers; else your user's name.")] = None,
    sha256: Annotated[
        str | None,
        typer.Option("--sha256", help="Of the value you have seen: for another one nothing is sent."),
    ] = None,
) -> None:
    """Answer an approval: shows the question and the value, asks, then sends yes or no with the value's hash.

    Without a terminal give --yes or --no. Exit code 1 if the answer did not count, 5 if nothing waits.
    """
    if no and options().yes:
        raise typer.BadParameter("--yes and --no are two answers")
    if_interrupted("nothing was sent")
    settings = load_settings()
    asked, value = asyncio.run(_asked(settings, run_id, step))
    if sha256 is not None and sha256 != asked.about_sha256:
        note(f"{run_id}/{step} is about {asked.about_sha256}, not {sha256}: nothing was sent")
        raise typer.Exit(FAILED)
    _show(asked, value)
    yes = False if no else True if options().yes else _ask()
    if yes is None:
        note("nothing was sent")
        raise typer.Exit(USAGE if not sys.stdin.isatty() else 0)
    if_interrupted("the answer may have been sent; it is safe to repeat")
    who = by if by is not None else getpass.getuser()
    found = asyncio.run(_approve(settings, asked, {"approved": yes, "reason": reason, "by": who}))
    _told(run_id, step, *found)


def _json(text: str) -> JsonValue:
    try:
        value: JsonValue = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise ConfigurationError(
            "the value is no JSON", str(error), "quote texts twice: --value '\"go\"'"
        ) from None
    return value


def _told(run_id: str, step: str, told: Told, why: str) -> None:
    data = {"run_id": run_id, "step": step, "signal": told, "reason": why}
    match told:
        case "taken":
            show(data, f"{run_id}/{step} has its answer")
        case "refused":
            show(data, printable(f"{run_id}/{step} waits on: {why}"))
            raise typer.Exit(FAILED)
        case "sent":
            kept = why or f"kept until {run_id}/{step} waits for it; argosy runs waiting says what does"
            show(data, f"sent, and {kept}")


def _show(asked: Awaited, value: JsonValue) -> None:
    if options().json or options().quiet:
        return
    text = printable(json.dumps(value, indent=2, ensure_ascii=False))
    if len(text) > SHOWN_CHARACTERS:
        text = f"{text[:SHOWN_CHARACTERS]}\n… {len(text) - SHOWN_CHARACTERS} more characters"
    left = length(max(0, asked.until_ms - time.time_ns() // 1_000_000) / 1000)
    who = f", by {' or '.join(asked.by)}" if asked.by else ""
    note(f"{asked.pipeline}, run {asked.run_id}, step {asked.step}: {left} left{who}")
    note(f"{text}\nsha256 {asked.about_sha256}\n{asked.question}")


def _ask() -> bool | None:
    """Ask a person: yes, no, or neither; where nobody can answer it is neither."""
    if not sys.stdin.isatty():
        note("nobody can answer here: give --yes or --no")
        return None
    sys.stderr.write("approve? [y]es, [n]o, anything else: later ")
    sys.stderr.flush()
    return {"y": True, "yes": True, "n": False, "no": False}.get(sys.stdin.readline().strip().lower())


async def _awaited(settings: Settings, run_id: str | None) -> list[Awaited]:
    async with Argosy.connect(settings) as fleet:
        return await (fleet.waiting() if run_id is None else fleet.run(run_id).waiting())


async def _asked(settings: Settings, run_id: str, step: str) -> tuple[Awaited, JsonValue]:
    async with open_services(settings, "console") as services, Argosy.connect(settings) as fleet:
        found = {one.step: one for one in await fleet.run(run_id).waiting() if one.about is not None}
        if step not in found:
            waits = ", ".join(found) or "no step"
            raise NotFound(
                f"no approval {step!r} of run {run_id} waits for an answer",
                f"{waits} of it does now: it may have its answer, wait for others, or have another name",
                f"argosy why {run_id}, or argosy runs waiting",
            )
        return found[step], await _value(found[step], services.payloads)


async def _value(asked: Awaited, payloads: Payloads) -> JsonValue:
    return None if asked.about is None else await load(asked.about, payloads)


async def _approve(settings: Settings, asked: Awaited, answer: dict[str, JsonValue]) -> tuple[Told, str]:
    async with Argosy.connect(settings) as fleet:
        run = fleet.run(asked.run_id)
        await run.approve(
            asked.step,
            approved=answer["approved"] is True,
            reason=str(answer["reason"]),
            by=str(answer["by"]),
            sha256=asked.about_sha256,
        )
        return await _judged(run, asked)


async def _signal(
    settings: Settings, run_id: str, step: str, value: JsonValue, signal_id: str | None
) -> tuple[Told, str]:
    async with open_services(settings, "console") as services, Argosy.connect(settings) as fleet:
        run = fleet.run(run_id)
        await check_target(services.store, settings, run_id, step)
        before = next((one for one in await run.waiting() if one.step == step), None)
        await run.signal(step, value, signal_id=signal_id)
        if before is not None:
            return await _judged(run, before)
        return "sent", UNKNOWN if await run.state() == "unknown" else ""


async def _judged(run: Run[JsonValue], before: Awaited) -> tuple[Told, str]:
    """Wait until the step waits no more, or tells of one more signal that did not count."""
    deadline = time.monotonic() + JUDGED_SECONDS
    while time.monotonic() < deadline:
        now = next((one for one in await run.waiting() if one.step == before.step), None)
        if now is None:
            return "taken", ""
        if now.refused > before.refused:
            return "refused", now.refusal
        await asyncio.sleep(_LOOK_SECONDS)
    return "sent", ""
