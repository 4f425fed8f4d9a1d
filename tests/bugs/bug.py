"""What a planted bug is: what is wrong, where, and who is known to see it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from bugs.planting import Edit, planted


@dataclass(frozen=True)
class Seen:
    """A layer's witness of a bug: a test (`module::test`), or a profile and the seed that shows it."""

    unit: str = ""
    """A unit or contract test, below `tests/`."""
    story: str = ""
    """A crash story, below `tests/stories/`."""
    profile: str = ""
    seed: int = 0
    cell: str = ""
    """A cell of the kill matrix, played by real processes that have the bug."""


@dataclass(frozen=True)
class Bug:
    """A rule of the design, taken out."""

    name: str
    says: str
    edits: tuple[Edit, ...]
    seen: Seen = Seen()

    def plant(self) -> AbstractContextManager[None]:
        """Have the bug while this is entered. Raises Withered."""
        return planted(self.edits)
