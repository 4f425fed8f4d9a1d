"""`argosy blame RUN`: which agent made the error."""

import asyncio
from typing import Annotated

import typer

from argosy.console.blame import blame as find
from argosy.console.blame_facts import Blame
from argosy.console.blame_story import story
from argosy.console.config import load_settings
from argosy.console.exits import INCOMPLETE, NOT_FOUND
from argosy.console.output import printable, show_folded
from argosy.console.process_life import open_services
from argosy.console.run_history import history, must_be_known
from argosy.schemas.settings import Settings


def blame(
    run_id: Annotated[str, typer.Argument(help="The run's id.")],
    *,
    about: Annotated[
        str,
        typer.Option(
            "--about",
            metavar="TEXT|FIELD",
            help="A text or figure, or a field of the outcome: .markdown, facts[2]. By default: whom to suspect.",
        ),
    ] = "",
) -> None:
    """Find which task first made a text or a value of a run's outcome, or lost it, and what it was given.

    A text is found however it is written: case, blanks, 1,200 for 1200. Exit code 5 if no value of the run has it, 6 if
    values are no longer kept, so that something may be missing.
    """
    found = asyncio.run(_find(load_settings(), run_id, about))
    show_folded(found, printable("\n".join(story(found))))
    if found.gone:
        raise typer.Exit(INCOMPLETE)
    if found.verdict == "nowhere":
        raise typer.Exit(NOT_FOUND)


async def _find(settings: Settings, run_id: str, about: str) -> Blame:
    async with open_services(settings, "console") as services:
        found = await history(services.cluster, settings, run_id)
        must_be_known(found)
        return await find(found, services.payloads, about)
