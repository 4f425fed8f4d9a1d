"""A run's events as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Final, Self

from pydantic import BaseModel, JsonValue
from pydantic_core import to_json

from argosy.client.links import RunEvent
from argosy.client.run import Run
from argosy.console.gateway_problem import problem_of
from argosy.schemas.errors import ArgosyError, RunError

KEEP_ALIVE_SECONDS: Final = 15.0
"""A comment this often, so that no proxy takes a quiet run for a dead connection."""
END: Final = "end"
"""The last event's id and kind. Who comes back with it as Last-Event-ID has seen it all."""
_ID: Final = re.compile(r"(\d{1,15})-(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a watcher came: its Last-Event-ID."""

    time_ms: int
    offset: int

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """Decode the id of an event of ours; another text counts as none, as one says of an unknown id."""
        found = _ID.fullmatch(text or "")
        return None if found is None else cls(int(found[1]), int(found[2]))


async def stream(run: Run[JsonValue], seen: Seen | None, stop: asyncio.Event) -> AsyncGenerator[bytes]:
    """Yield what happens until the run has ended, and then how; less where `stop` comes first.

    Who was cut off goes on behind the event it names.
    """
    yield b"retry: 1000\n\n"
    stopping = asyncio.create_task(stop.wait(), name="watcher's end")
    try:
        async with aclosing(run.events(since_ms=None if seen is None else seen.time_ms)) as events:
            async for event in _until(events, stopping):
                if event is None:
                    yield b": still here\n\n"
                elif seen is None or event.offset > seen.offset:
                    yield _frame(event.kind, _view(event), f"{event.time_ms}-{event.offset}")
        if not stop.is_set():
            yield await _end(run)
    except ArgosyError as error:
        yield _frame("error", problem_of(error, run.run_id).body(), None)
    finally:
        stopping.cancel()


async def _until(
    events: AsyncGenerator[RunEvent], stopping: asyncio.Task[bool]
) -> AsyncGenerator[RunEvent | None]:
    """Yield the events, and None where none came for a while."""
    coming: asyncio.Task[RunEvent | None] | None = None
    try:
        while not stopping.done():
            coming = coming or asyncio.create_task(anext(events, None), name="next event")
            await asyncio.wait(
                {coming, stopping}, timeout=KEEP_ALIVE_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if coming.done():
                event, coming = coming.result(), None
                if event is None:
                    return
                yield event
            elif not stopping.done():
                yield None
    finally:
        if coming is not None:
            coming.cancel()
            with suppress(asyncio.CancelledError):
                await coming


async def _end(run: Run[JsonValue]) -> bytes:
    try:
        ended = await run.ended(timeout_seconds=KEEP_ALIVE_SECONDS)
    except RunError as error:
        return _frame("error", problem_of(error, run.run_id).body(), END)
    return _frame(END, {"run_id": run.run_id, "outcome": ended.outcome}, END)


def _view(event: RunEvent) -> dict[str, object]:
    message: BaseModel = event.message
    return {
        "kind": event.kind,
        "time_ms": event.time_ms,
        **message.model_dump(mode="json", exclude_none=True),
    }


def _frame(kind: str, data: object, event_id: str | None) -> bytes:
    # JSON has no line breaks outside of strings, and inside they are escaped: one `data` line is enough.
    head = f"event: {kind}\n" + (f"id: {event_id}\n" if event_id else "")
    return head.encode() + b"data: " + to_json(data) + b"\n\n"
