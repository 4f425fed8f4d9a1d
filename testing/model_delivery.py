"""How an answer travels: late, slowly, or not to its end. An ASGI response that ends when its caller hangs up."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from argosy.testing.model_ledger import Ending


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is sent. `cut_after` so many pieces the connection ends, if it is given."""

    status: int
    pieces: Sequence[bytes]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    slow_start_seconds: float = 0.0
    slow_stream_seconds: float = 0.0
    cut_after: int | None = None
    ending: Ending = "answered"
    """What it is if it arrives."""


class Delivery(Response):
    """Sends a parcel; `ended` is told once how that ended."""

    def __init__(self, parcel: Parcel, ended: Callable[[Ending], None]) -> None:
        """Give it as a route's response."""
        super().__init__(status_code=parcel.status, headers=parcel.headers)
        self._parcel, self._ended, self._open = parcel, ended, True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's
        """Send it. What is cut returns without an end: the server then closes the connection."""
        try:
            await self._send(receive, send)
        finally:
            self._end("left")

    async def _send(self, receive: Receive, send: Send) -> None:
        parcel = self._parcel
        if await _gone_within(receive, parcel.slow_start_seconds):
            return
        headers = [(name.encode(), value.encode()) for name, value in parcel.headers.items()]
        await send({"type": "http.response.start", "status": parcel.status, "headers": headers})
        whole = parcel.cut_after is None
        pieces = parcel.pieces[: parcel.cut_after]
        for number, piece in enumerate(pieces, 1):
            if number > 1 and await _gone_within(receive, parcel.slow_stream_seconds):
                return
            last = whole and number == len(pieces)
            if last:
                self._end(parcel.ending)  # first: who has the whole answer finds it in the ledger
            await send({"type": "http.response.body", "body": piece, "more_body": not last})
        self._end("cut")

    def _end(self, ending: Ending) -> None:
        if self._open:
            self._open = False
            self._ended(ending)


async def _gone_within(receive: Receive, seconds: float) -> bool:
    """Wait so long, and say whether the caller hung up meanwhile."""
    if not seconds:
        return False
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True
