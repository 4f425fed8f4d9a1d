"""What a claim's fence says beside being unique: who holds it, and since when. No decision rests on that."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Fence:
    """A fence, taken apart. `since_ms` is by the holder's clock, 0 if the fence doesn't say it."""

    token: str
    since_ms: int
    holder: str

    def __str__(self) -> str:
        """Write it as it stands in the task's key."""
        return f"{self.token}/{self.since_ms}/{self.holder}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a fence, also one that says nothing but its token."""
        token, _, rest = text.partition("/")
        since, _, holder = rest.partition("/")
        return cls(token, int(since) if since.isdigit() else 0, holder)
