"""A run's events as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Final, Self

from pydantic import BaseModel, JsonValue
from pydantic_core import to_json

from argosy.client.links import SKEW_MS, RunEvent
from argosy.client.run import Run
from argosy.console.gateway_feed import Feed, Lagged
from argosy.console.gateway_problem import problem_of
from argosy.schemas.errors import ArgosyError, ResultTimeout, RunError
from argosy.schemas.runlog import RunEnded

KEEP_ALIVE_SECONDS: Final = 15.0
"""A comment this often, so that no proxy takes a quiet run for a dead connection."""
LAST_SECONDS: Final = 2.0
"""For the last events, once the answer is there and what happened before was read."""
LOOK_BACK_SECONDS: Final = 90.0
"""For the next of what happened before, once the answer is there: its reader begins slowly on a busy machine, and not
while others look back, one of whom may take nothing for a minute."""
LAGGED: Final = "lagged"
END: Final = "end"
"""The last event's id and kind. Who comes back with it as Last-Event-ID has seen it all."""
_ID: Final = re.compile(r"(\d{1,15})-(\d{1,18})(?:\.(\d{1,9}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a watcher came: its Last-Event-ID."""

    time_ms: int
    offset: int
    part: int = 0

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """Decode the id of an event of ours; another text counts as none, as one says of an unknown id."""
        found = _ID.fullmatch(text or "")
        return None if found is None else cls(int(found[1]), int(found[2]), int(found[3] or 0))


async def stream(
    run: Run[JsonValue], feed: Feed, seen: Seen | None, stop: asyncio.Event
) -> AsyncGenerator[bytes]:
    """Yield what happens until the run has ended, and then how; less where `stop` comes first.

    Who was cut off goes on behind the event it names. Who is too slow is told `lagged`, and how many events it missed.
    """
    yield b"retry: 1000\n\n"
    stopping = asyncio.create_task(stop.wait(), name="watcher's end")
    ending = asyncio.create_task(run.ended(), name="watched run's end")
    try:
        looked_back = asyncio.Event()
        async with aclosing(_events(run, feed, seen, looked_back)) as events:
            async for event in _until(events, stopping, ending, looked_back):
                match event:
                    case None:
                        yield b": still here\n\n"
                    case Lagged(dropped):
                        yield _frame(LAGGED, {"dropped": dropped}, None)
                    case RunEvent():
                        if seen is None or event.place > (seen.offset, seen.part):
                            yield _frame(event.kind, _view(event), _id(event))
        if not stop.is_set():
            yield await _end(run, ending)
    except ArgosyError as error:
        yield _frame("error", problem_of(error, run.run_id).body(), None)
    finally:
        for task in (stopping, ending):
            task.cancel()
        await asyncio.gather(stopping, ending, return_exceptions=True)


def _id(event: RunEvent) -> str:
    part = f".{event.part}" if event.part else ""
    return f"{event.time_ms}-{event.offset}{part}"


def _events(
    run: Run[JsonValue], feed: Feed, seen: Seen | None, looked_back: asyncio.Event
) -> AsyncGenerator[RunEvent | Lagged]:
    if seen is not None:
        return feed.events(run.run_id, seen.time_ms, looked_back=looked_back)
    since_ms = None if run.receipt is None else run.receipt.submitted_ms
    return feed.events(run.run_id, since_ms, SKEW_MS, looked_back)


async def _until(
    events: AsyncGenerator[RunEvent | Lagged],
    stopping: asyncio.Task[bool],
    ending: asyncio.Task[RunEnded],
    looked_back: asyncio.Event,
) -> AsyncGenerator[RunEvent | Lagged | None]:
    """Yield the events up to the run's end, and None where none came for a while.

    The last events may be lost, the answer is not: once it is there, they are not waited for much longer, and who
    can't be told them is told the answer.
    """
    coming: asyncio.Task[RunEvent | Lagged | None] | None = None
    silent_seconds = 0.0
    looking = asyncio.create_task(looked_back.wait(), name="watched run's past")
    try:
        while not stopping.done():
            coming = coming or asyncio.create_task(anext(events, None), name="next event")
            over = ending.done()
            first: set[asyncio.Task[Any]] = {coming, stopping}
            first |= {each for each in (ending, looking) if not each.done()}
            timeout = LAST_SECONDS if over and looking.done() else KEEP_ALIVE_SECONDS
            done, _ = await asyncio.wait(first, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                come, coming, silent_seconds = coming, None, 0.0
                if ending.done() and isinstance(come.exception(), ArgosyError):
                    return
                event = come.result()
                if event is None:
                    return
                yield event
                if isinstance(event, RunEvent) and event.kind == "ended" and event.task_id is None:
                    return
            elif not done:
                silent_seconds += timeout
                if over and (looking.done() or silent_seconds >= LOOK_BACK_SECONDS):
                    return
                yield None
    finally:
        looking.cancel()
        if coming is not None:
            coming.cancel()
            with suppress(asyncio.CancelledError):
                await coming


async def _end(run: Run[JsonValue], ending: asyncio.Task[RunEnded]) -> bytes:
    try:
        async with asyncio.timeout(KEEP_ALIVE_SECONDS):
            ended = await ending
    except TimeoutError:
        return _frame(
            "error",
            problem_of(ResultTimeout(run.run_id, "ended, and is not told yet"), run.run_id).body(),
            None,
        )
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
