"""Slots: how many handlers run at once. A slot is held from the claim to the end of the handler."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Slots:
    """The slots of one desk; `freed` is told of each that comes back."""

    count: int
    freed: Callable[[], None]
    _taken: int = field(init=False, default=0)

    @property
    def free(self) -> int:
        """How many are free."""
        return self.count - self._taken

    @property
    def taken(self) -> int:
        """How many are taken."""
        return self._taken

    def take(self) -> "Slot":
        """Take one; the caller has seen that one is free."""
        self._taken += 1
        return Slot(self)

    def back(self) -> None:
        """Give one back; `Slot.release` calls this."""
        self._taken -= 1
        self.freed()


@dataclass(slots=True)
class Slot:
    """A taken slot."""

    slots: Slots
    _held: bool = field(init=False, default=True)

    def release(self) -> None:
        """Give it back; more calls change nothing."""
        if self._held:
            self._held = False
            self.slots.back()
