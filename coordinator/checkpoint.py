"""How far a lane's state has come: the truth about where to read on, stored with the state itself."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

from argosy.broker.log import Record

LAYOUT: Final = 1
"""Of the state in Redis. Raised by a release that must have lanes rebuilt from the log."""


@dataclass(frozen=True, slots=True)
class Last:
    """The last record that was folded: what the log is checked against when the lane is taken."""

    offset: int
    time_ms: int
    key: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a lane is."""

    epoch: str
    """Every key of the state lies under it; a drop begins a new one."""
    next: int
    """Offset to read on at."""
    last: Last | None = None
    horizon_ms: int | None = None
    """Set while a rebuild from the log isn't finished.

    Runs accepted before it may be repeats of runs whose beginning is cut off.
    """
    layout: int = LAYOUT
    sweep: tuple[str, ...] = ()
    """Epochs that were dropped and not yet swept."""

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> Self | None:
        """Read the stored fields; None if there is no checkpoint (an id of the chain alone is none)."""
        if "epoch" not in fields or "next" not in fields:
            return None
        last = None
        if "last_offset" in fields:
            last = Last(int(fields["last_offset"]), int(fields["last_time"]), fields["last_key"])
        return cls(
            epoch=fields["epoch"],
            next=int(fields["next"]),
            last=last,
            horizon_ms=int(fields["horizon"]) if "horizon" in fields else None,
            layout=int(fields["layout"]),
            sweep=tuple(fields["sweep"].split()) if "sweep" in fields else (),
        )

    def fields(self) -> dict[str, str]:
        """Write; an empty value deletes the field."""
        last = self.last
        return {
            "epoch": self.epoch,
            "next": str(self.next),
            "last_offset": str(last.offset) if last else "",
            "last_time": str(last.time_ms) if last else "",
            "last_key": last.key if last else "",
            "horizon": "" if self.horizon_ms is None else str(self.horizon_ms),
            "layout": str(self.layout),
            "sweep": " ".join(self.sweep),
        }

    def moved(self, next_offset: int, last: Last | None) -> Self:
        """Move on to `next_offset`; `last` None: no record was folded since."""
        return replace(self, next=next_offset, last=last or self.last)


def last_of(record: Record) -> Last:
    """Say what is kept of a record that was folded."""
    return Last(record.offset, record.timestamp_ms, (record.key or b"").decode(errors="replace"))


def new_epoch() -> str:
    """Make the name of a fresh state: unique, so that nothing of an older one can be met."""
    return secrets.token_hex(6)
