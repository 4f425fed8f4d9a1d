"""The start of a run: room is waited for, a large input is put away, the submit is sent."""

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from pydantic import JsonValue

from argosy.broker.values import decode_value
from argosy.client import said
from argosy.client.answers import Question
from argosy.client.links import Links
from argosy.client.receipt import Receipt
from argosy.client.room import FRESH_SECONDS, Room, busy
from argosy.client.run import Run
from argosy.schemas.errors import ArgosyError, Unreachable
from argosy.schemas.inbox import RunSubmitted
from argosy.schemas.payload import INLINE_BYTES, Reference
from argosy.telemetry import logs, steps

Out = TypeVar("Out")


async def put_input(links: Links, data: bytes) -> dict[str, Any]:
    """Return the fields of a submit that hold its input, which is in the payload store then if it is large.

    Raises BadArgument (it is too large), Unreachable.
    """
    said.size_of(data, links.settings.fleet.hard_input_bytes)
    if len(data) <= INLINE_BYTES:
        return {"input": decode_value(data)}
    sha256 = await links.payloads.put(data)
    # The receiver counts anew: what a client says of its own value is not believed.
    return {"input_ref": Reference(sha256=sha256, bytes=len(data), tokens=0)}


async def start(  # noqa: PLR0913, PLR0917 - what a run is made of
    links: Links, room: Room, run_id: str, submit: RunSubmitted, name: str, decode: Callable[[JsonValue], Out]
) -> Run[Out]:
    """Send a submit when there is room for it; safe to repeat with the same id. Raises Busy, Unreachable."""
    waits = submit.when_busy == "wait"
    await _room_for(links, room, run_id, name.partition("@")[0], waits=waits)
    receipt = await _send(links, run_id, submit, name)
    again = partial(_send, links, run_id, submit, name) if waits else None
    question = Question(run_id, receipt.position)
    return Run(links, question, decode, receipt=receipt, ours=True, again=again)


async def _room_for(links: Links, room: Room, run_id: str, pipeline: str, *, waits: bool) -> None:
    """Wait for room, or raise Busy, unless the run is known: what is repeated takes no room."""
    while (full := await room.full(pipeline)) is not None:
        with suppress(ArgosyError):
            state, _ = await links.stored(run_id)
            if state not in ("", "cancel"):
                return
        if not waits:
            raise busy(run_id, full)
        await asyncio.sleep(FRESH_SECONDS)


async def _send(links: Links, run_id: str, submit: RunSubmitted, name: str) -> Receipt:
    with steps.submit(links.names.inbox, run_id, name) as span:
        since_ms = time.time_ns() // 1_000_000
        try:
            position = await links.send(run_id, secrets.token_hex(16), submit, span.trace)
        except Unreachable as error:
            error.add_note(f"why: {error.why}\ndo:  submit again with run_id={run_id!r} when it is back")
            raise
    logs.handoff(
        "submitted",
        traceparent=span.trace.traceparent,
        run_id=run_id,
        pipeline=name,
        topic=links.names.inbox,
    )
    return Receipt(position, since_ms, submit.data_hash)
