"""What happened in a simulation, as lines that a person can read. The same seed gives the same lines."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Trace:
    """Lines with virtual seconds, and who did it. Switched off it keeps nothing."""

    clock: Callable[[], float]
    on: bool = True
    lines: list[str] = field(default_factory=list[str])

    def note(self, who: str, what: str) -> None:
        """Write a line."""
        if self.on:
            self.lines.append(f"{self.clock():11.5f}  {who:<16} {what}")

    def __str__(self) -> str:
        """Give all of it."""
        return "\n".join(self.lines)
