"""What happened in a simulation, as lines that a person can read. The same seed gives the same lines."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

LAST_LINES: Final = 20
_HEAD: Final = "the last things that happened in the fleet:"


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


def add_story(error: BaseException, story: str) -> None:
    """Let an error that ends a test tell what happened before it; once is enough."""
    if not any(note.startswith(_HEAD) for note in getattr(error, "__notes__", ())):
        lines = story.splitlines()
        cut = (
            [f"(… and {len(lines) - LAST_LINES} before: print(fleet.story))"]
            if len(lines) > LAST_LINES
            else []
        )
        error.add_note("\n".join([_HEAD, *cut, *lines[-LAST_LINES:]]))
