"""What a lane owes to Kafka.

Entries that stay until they are acknowledged, each with the offset that asked for it.

Entries: `end:<run>` appends run.ended, `result:<run>` publishes the result, `refused:<partition>/<offset>`
answers a submit, `busy:<partition>/<offset> <figures>` too (nothing else holds the figures), `look:<run>/<local>`
appends what was found there. Bodies are rebuilt from state. Delivery is
at least once; an entry is removed only if it is still the request that was answered: a repeat asked meanwhile is
answered again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final

FIRST_PAUSE_MS: Final = 100
MOST_PAUSE_MS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A request.

    `offset` of the record that asked, the run it is about, and of a refusal the trace of its submit.
    """

    offset: int
    run_id: str
    traceparent: str | None = None

    def encode(self) -> str:
        """Write; two requests are the same if these are."""
        return f"{self.offset} {self.run_id} {self.traceparent or '-'}"

    @staticmethod
    def decode(text: str) -> "Asked":
        """Read what `encode` wrote."""
        offset, run_id, traceparent = text.split(" ")
        return Asked(int(offset), run_id, None if traceparent == "-" else traceparent)


class Outbox:
    """The entries in memory; they mirror the hash in Redis, less what waits for the next commit."""

    def __init__(self, stored: Iterable[tuple[str, str]] = ()) -> None:
        """Start with what Redis has: all of it is to be sent."""
        self._asked: dict[str, Asked] = {entry: Asked.decode(value) for entry, value in stored}
        self._idle: dict[str, int] = dict.fromkeys(self._asked, 0)
        """Entries that are not being sent, and when they are to be."""
        self._pauses: dict[str, int] = {}
        self._new: dict[str, str] = {}
        self._gone: dict[str, str] = {}

    def __len__(self) -> int:
        """Count what is owed."""
        return len(self._asked)

    def ask(self, entry: str, asked: Asked) -> None:
        """Owe an entry; asked again, it is sent again."""
        self._asked[entry] = asked
        self._idle[entry] = 0
        self._pauses.pop(entry, None)
        self._new[entry] = asked.encode()
        self._gone.pop(
            entry, None
        )  # what was answered is overwritten by this; it may even be the same request

    def due(self, now_ms: int, limit: int) -> list[tuple[str, Asked]]:
        """Take entries to send now. Each comes back by `sent` or `failed`."""
        found = list(islice((entry for entry, at_ms in self._idle.items() if at_ms <= now_ms), limit))
        for entry in found:
            del self._idle[entry]
        return [(entry, self._asked[entry]) for entry in found]

    def next_due(self) -> int | None:
        """Return when the next entry wants to be sent."""
        return min(self._idle.values(), default=None)

    def sent(self, entry: str, asked: Asked) -> None:
        """Kafka has acknowledged this request (or it became moot): remove it with the next commit.

        Answers of two requests may come in either order: of one that was asked again meanwhile nothing is stored.
        """
        if self._asked.get(entry) == asked:
            self._gone[entry] = asked.encode()
            del self._asked[entry]
            self._idle.pop(entry, None)
            self._pauses.pop(entry, None)

    def failed(self, entry: str, asked: Asked, now_ms: int) -> None:
        """Send it again later, the pause doubled: it wasn't acknowledged."""
        if self._asked.get(entry) == asked:
            pause_ms = self._pauses.get(entry, FIRST_PAUSE_MS)
            self._idle[entry] = now_ms + pause_ms
            self._pauses[entry] = min(pause_ms * 2, MOST_PAUSE_MS)

    def settle(self, entry: str) -> None:
        """Owe an entry no more: what it asks for has happened."""
        if (asked := self._asked.get(entry)) is not None:
            self.sent(entry, asked)

    def drop(self, run_id: str) -> None:
        """Owe nothing of this run any more, but for answers to submits."""
        for entry, asked in list(self._asked.items()):
            if asked.run_id == run_id and not entry.startswith(("refused:", "busy:")):
                self.sent(entry, asked)

    @property
    def dirty(self) -> bool:
        """Whether a commit has something to write."""
        return bool(self._new or self._gone)

    def take_changes(self) -> tuple[dict[str, str], dict[str, str]]:
        """Take (to store, to remove if unchanged) for a commit."""
        new, gone, self._new, self._gone = self._new, self._gone, {}, {}
        return new, gone
