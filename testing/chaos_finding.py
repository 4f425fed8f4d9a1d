"""What a judge of a chaos run found of one promise."""

from dataclasses import dataclass, field
from typing import Final

_TOLD_MOST: Final = 20
"""Findings that are written out for one promise."""


@dataclass
class Finding:
    """One promise: how often it was looked at, and where it was broken."""

    promise: str
    checked: int = 0
    broken: int = 0
    told: list[str] = field(default_factory=list[str])
    of_fleet: bool = True
    """False: no promise of the fleet's, but a condition of the chaos run itself."""

    def look(self, holds: bool, text: str) -> None:  # noqa: FBT001 - the condition is what it is about
        """Note one look."""
        self.checked += 1
        if not holds:
            self.broken += 1
            if len(self.told) < _TOLD_MOST:
                self.told.append(text)
