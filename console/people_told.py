"""Tells whoever waits for a run that it waits for somebody: else `argosy run` would be silent, for days perhaps."""

import asyncio
from contextlib import suppress
from typing import Final

from pydantic import JsonValue

from argosy.client.awaited import Awaited
from argosy.client.run import Run
from argosy.console.moments import moment
from argosy.console.output import note
from argosy.schemas.errors import ArgosyError

FIRST_SECONDS: Final = 1.0
"""Most runs that wait for nobody have ended by then, or show that they go on."""
MOST_SECONDS: Final = 30.0
"""Each look reads all of the run's state."""
_GROWS: Final = 1.5


async def tell_who_is_asked(run: Run[JsonValue], first_seconds: float = FIRST_SECONDS) -> None:
    """Say each thing that the run waits for once, and the command that answers it. Ends when it is cancelled."""
    told: set[tuple[str, int]] = set()
    seconds = first_seconds
    while True:
        await asyncio.sleep(seconds)
        seconds = min(seconds * _GROWS, MOST_SECONDS)
        with suppress(ArgosyError):  # Redis away: the result comes over Kafka all the same
            for one in await run.waiting():
                if (one.step, one.since_ms) not in told:
                    told.add((one.step, one.since_ms))
                    note(said(one), folded=True)


def said(one: Awaited) -> str:
    """Say what is waited for, until when, and the command. Pure."""
    match one.kind:
        case "approval":
            what, do = f"{one.step} asks: {one.question}", f"argosy runs approve {one.run_id} {one.step}"
        case "signal":
            what = f"{one.step} waits for its signal"
            do = f"argosy runs signal {one.run_id} {one.step} --value JSON"
        case "budget":
            unit = "--micros" if one.budget is None else "--tokens"
            what, do = one.question, f"argosy runs budget {one.run_id} {unit} N, or --no"
    return f"run {one.run_id} waits until {moment(one.until_ms)}: {what} ({do})"
