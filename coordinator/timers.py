"""Timers of a lane: a sorted set of `<run>|<timer>` by due time.

A due one is appended as `timer.fired` until acknowledged.

Fold never compares times, so a timer that fires twice, early or late does no harm; one that is lost would.
"""

from dataclasses import dataclass

from argosy.coordinator.front import Front
from argosy.coordinator.outbox import FIRST_PAUSE_MS

SEPARATOR = "|"


def member_of(run_id: str, name: str) -> str:
    """Name a timer of a run in the sorted set."""
    return f"{run_id}{SEPARATOR}{name}"


def split(member: str) -> tuple[str, str]:
    """Split a member into run id and timer."""
    run_id, _, name = member.partition(SEPARATOR)
    return run_id, name


@dataclass(frozen=True, slots=True, eq=False)
class Firing:
    """One try to append a timer: an answer counts for this try alone, the timer may have been set anew since."""

    member: str


class Timers:
    """What is due next. Changes wait for the next commit."""

    def __init__(self) -> None:
        """Start empty; the first `front.fill` loads."""
        self.front = Front()
        self._changes: dict[str, int | None] = {}
        self._firing: dict[str, Firing] = {}
        self._again: dict[str, int] = {}

    def arm(self, run_id: str, name: str, due_ms: int) -> None:
        """Set a timer; one of the same name is replaced."""
        member = member_of(run_id, name)
        self._firing.pop(member, None)
        self._again.pop(member, None)
        self._changes[member] = due_ms
        self.front.remove(member)
        self.front.add(member, due_ms)

    def disarm(self, run_id: str, name: str) -> None:
        """Remove a timer, whether it is there or not."""
        member = member_of(run_id, name)
        self._firing.pop(member, None)
        self._again.pop(member, None)
        self._changes[member] = None
        self.front.remove(member)

    def due(self, now_ms: int, limit: int) -> list[Firing]:
        """Take timers to fire now. Each comes back by `fired` or `failed`."""
        for member, at_ms in list(self._again.items()):
            if at_ms <= now_ms:
                del self._again[member]
                self.front.give_back(member)
        members = dict.fromkeys(self.front.take(now_ms, limit))
        found = [Firing(member) for member in members if member not in self._firing]
        self._firing.update((firing.member, firing) for firing in found)
        return found

    def next_due(self) -> int | None:
        """Return when the next timer is due."""
        lowest = self.front.lowest()
        times = [*self._again.values(), *([] if lowest is None else [int(lowest)])]
        return min(times, default=None)

    def fired(self, firing: Firing) -> None:
        """Kafka has acknowledged it: remove it with the next commit, unless it was set anew meanwhile."""
        if self._firing.get(firing.member) is firing:
            self.disarm(*split(firing.member))

    def failed(self, firing: Firing, now_ms: int) -> None:
        """Fire it again: it wasn't acknowledged."""
        if self._firing.get(firing.member) is firing:
            del self._firing[firing.member]
            self._again[firing.member] = now_ms + FIRST_PAUSE_MS

    @property
    def dirty(self) -> bool:
        """Whether a commit has something to write."""
        return bool(self._changes)

    def take_changes(self) -> dict[str, int | None]:
        """Take what a commit has to set (due time) or remove (None)."""
        changes, self._changes = self._changes, {}
        return changes
