"""`argosy runs budget`: what a run may take and has taken; raise it, or say no to a run that asks for more."""

import asyncio
import getpass
import secrets
import time
from typing import Annotated, Final, Literal

import typer

from argosy.client import budgets
from argosy.client.budgets import Reading, RunBudget
from argosy.client.connection import Argosy
from argosy.console.config import load_settings
from argosy.console.exits import FAILED
from argosy.console.interruption import if_interrupted
from argosy.console.moments import length
from argosy.console.output import printable, show
from argosy.console.process_life import open_services
from argosy.schemas.errors import ConfigurationError, NotFound
from argosy.schemas.settings import Settings

JUDGED_SECONDS: Final = 15.0
_LOOK_SECONDS: Final = 0.2
Told = Literal["raised", "kept", "denied", "sent"]


def budget(  # noqa: PLR0913 - the options of a command, all by name
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")],
    *,
    tokens: Annotated[
        int | None, typer.Option("--tokens", min=1, help="Raise it to so many, those it took included.")
    ] = None,
    micros: Annotated[
        int | None,
        typer.Option("--micros", min=1, help="Raise it to so much money, in millionths, likewise."),
    ] = None,
    no: Annotated[
        bool, typer.Option("--no", help="It won't be raised: the tasks that wait for it fail.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the run's history.")] = "",
    by: Annotated[str | None, typer.Option("--by", help="Who answers; else your user's name.")] = None,
) -> None:
    """Show a run's budget, or raise it (it is only ever raised), or say no to a run that asks.

    Exit code 1 if nothing was raised, 5 if the run has no budget or has ended.
    """
    settings = load_settings()
    if no and (tokens is not None or micros is not None):
        raise typer.BadParameter("--no and a larger budget are two answers")
    if not no and tokens is None and micros is None:
        _shown(run_id, asyncio.run(_look(settings, run_id)))
        return
    if_interrupted("the answer may have been sent; it is safe to repeat")
    who = by if by is not None else getpass.getuser()
    told, now = asyncio.run(_answer(settings, run_id, None if no else (tokens, micros), reason, who))
    data = {"run_id": run_id, "answer": told, "tokens": now.tokens, "micros": now.micros}
    match told:
        case "raised":
            show(data, f"the budget of {run_id} is raised: {now.said}")
        case "denied":
            show(data, f"the budget of {run_id} is not raised; what waited for it fails")
        case "kept":
            show(data, f"the budget of {run_id} stays as it was: {now.said}")
            raise typer.Exit(FAILED)
        case "sent":
            show(data, f"sent; argosy runs budget {run_id} says what became of it")


def _shown(run_id: str, now: RunBudget) -> None:
    asking = now.asking
    lines = [f"{run_id}: {now.said}"]
    if asking.waiting:
        left = length(max(0, asking.until_ms - time.time_ns() // 1_000_000) / 1000)
        lines += [
            f"{asking.waiting} tasks wait until it is raised, for {left} yet: {asking.said}",
            f"argosy runs budget {run_id} --tokens N raises it, --no lets them fail",
        ]
    elif now.on_spent == "ask":
        lines.append(
            "nobody is asked any more" if asking.closed else "when it is spent, its tasks wait and it asks"
        )
    show({"run_id": run_id, "budget": now}, printable("\n".join(lines)))


async def _look(settings: Settings, run_id: str) -> RunBudget:
    async with open_services(settings, "console") as services:
        return await known(services, run_id)


async def known(links: Reading, run_id: str) -> RunBudget:
    """Look at a run's budget. Raises NotFound where there is none."""
    found = await budgets.of_run(links, run_id)
    if found is None:
        raise NotFound(
            f"run {run_id} has no budget that could be raised",
            "it was submitted without one, has ended, or is not known",
            f"argosy runs show {run_id}; argosy runs redrive RUN --budget N tries an ended one's failures again",
        )
    return found


async def _answer(
    settings: Settings, run_id: str, more: tuple[int | None, int | None] | None, reason: str, by: str
) -> tuple[Told, RunBudget]:
    async with open_services(settings, "console") as services, Argosy.connect(settings) as fleet:
        before, answer_id = await known(services, run_id), secrets.token_hex(16)
        if more is not None and not any(
            new is not None and old is not None
            for new, old in zip(more, (before.tokens, before.micros), strict=True)
        ):
            kind = "tokens" if before.tokens is not None else "micros"
            raise ConfigurationError(
                f"the budget of {run_id} is another", f"it is in {kind}", f"raise it by --{kind} N"
            )
        run = fleet.run(run_id)
        if more is None:
            await run.deny_budget(reason=reason, by=by, answer_id=answer_id)
        else:
            await run.raise_budget(more[0], micros=more[1], reason=reason, by=by, answer_id=answer_id)
        return await _judged(services, run_id, before, answer_id)


async def _judged(links: Reading, run_id: str, before: RunBudget, answer_id: str) -> tuple[Told, RunBudget]:
    """Wait until the run knows the answer; one that has ended meanwhile took it, or didn't need it."""
    deadline = time.monotonic() + JUDGED_SECONDS
    while time.monotonic() < deadline:
        now = await budgets.of_run(links, run_id)
        if now is None:
            return "sent", before
        if answer_id in now.asking.answers:
            if now.asking.closed:
                return "denied", now
            return ("kept" if (now.tokens, now.micros) == (before.tokens, before.micros) else "raised"), now
        await asyncio.sleep(_LOOK_SECONDS)
    return "sent", before
