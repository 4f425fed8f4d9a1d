"""What was committed of the agents' work, as it was seen again and again while a chaos run went on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from argosy.testing.outside import Where


@dataclass(frozen=True)
class Snapshot:
    """Committed offsets of work at one moment, and where the lanes ended right after it."""

    committed: Mapping[Where, int]
    lane_ends: Mapping[int, int]


class Bounds:
    """Finds the first snapshot in which a partition was committed beyond an offset."""

    def __init__(self, snapshots: Sequence[Snapshot]) -> None:
        """Take all of them, in their order."""
        self._rises: dict[Where, list[tuple[int, Snapshot]]] = {}
        for snapshot in snapshots:
            for where, offset in snapshot.committed.items():
                rises = self._rises.setdefault(where, [])
                if not rises or offset > rises[-1][0]:
                    rises.append((offset, snapshot))
        self._at: dict[Where, int] = dict.fromkeys(self._rises, 0)

    def first_beyond(self, where: Where, offset: int) -> Snapshot | None:
        """Return it; offsets of one partition must be asked for in rising order."""
        rises = self._rises.get(where)
        if rises is None:
            return None
        at = self._at[where]
        while at < len(rises) and rises[at][0] <= offset:
            at += 1
        self._at[where] = at
        return rises[at][1] if at < len(rises) else None
