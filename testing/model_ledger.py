"""What was asked of a model server, and how each call ended: bounded, and safe to read from any thread."""

import threading
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Final, Literal

from pydantic import JsonValue

Ending = Literal["open", "answered", "refused", "limited", "cut", "left"]
"""Being answered; answered whole; an error of the script or of the request; over a limit; cut by the script; the
caller hung up."""

KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Call:
    """One request for a completion. Seconds count from the server's start (or `reset`)."""

    number: int
    at_seconds: float
    model: str
    key: str
    """The first letters of the SHA-256 of the caller's key: who asked, not the secret."""
    request_id: str
    """As told to the caller in `x-request-id`."""
    idempotency_key: str = ""
    """The caller's `idempotency-key`, or its `x-client-request-id`."""
    stream: bool = False
    rule: str = ""
    call: int = 0
    """The how many-th of its rule; 0 if it came to none."""
    faults: tuple[str, ...] = ()
    status: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    ending: Ending = "open"
    took_seconds: float = 0.0


class Ledger:
    """The last `KEPT` calls, and the sums of all."""

    def __init__(self, kept: int = KEPT) -> None:
        """Begin empty."""
        self._kept = kept
        self._lock = threading.Lock()
        self._calls: dict[int, Call] = {}
        self._ended: Counter[str] = Counter()
        self._statuses: Counter[int] = Counter()
        self._begun = 0
        self._tokens = [0, 0]

    def begin(self, call: Call) -> Call:
        """Take a call as it comes in, and give it its number and its request's id."""
        with self._lock:
            self._begun += 1
            numbered = replace(call, number=self._begun, request_id=f"req_{self._begun:08d}")
            self._calls[numbered.number] = numbered
            while len(self._calls) > self._kept:
                del self._calls[next(iter(self._calls))]
            return numbered

    def end(self, call: Call) -> None:
        """Take it again as it ended."""
        with self._lock:
            if call.number in self._calls:
                self._calls[call.number] = call
            self._ended[call.ending] += 1
            self._statuses[call.status] += 1
            self._tokens[0] += call.prompt_tokens
            self._tokens[1] += call.completion_tokens

    def calls(self, since: int = 0) -> tuple[Call, ...]:
        """Return the calls after number `since`, in the order in which they came."""
        with self._lock:
            return tuple(call for call in self._calls.values() if call.number > since)

    def totals(self) -> dict[str, JsonValue]:
        """Sum up all calls, those no longer kept too."""
        with self._lock:
            return {
                "calls": self._begun,
                "kept": len(self._calls),
                "open": self._begun - self._ended.total(),
                **{
                    ending: self._ended[ending]
                    for ending in ("answered", "refused", "limited", "cut", "left")
                },
                "statuses": {str(status): count for status, count in sorted(self._statuses.items())},
                "prompt_tokens": self._tokens[0],
                "completion_tokens": self._tokens[1],
            }

    def told(self, since: int = 0) -> dict[str, JsonValue]:
        """Tell it as JSON."""
        return {"totals": self.totals(), "calls": [asdict(call) for call in self.calls(since)]}
