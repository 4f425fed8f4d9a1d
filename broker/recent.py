"""What was used last, up to so many bytes: for values that never change under their key."""

from collections import OrderedDict
from typing import Generic, TypeVar

V = TypeVar("V")


class Recent(Generic[V]):
    """Kept values by key; the least recently used go first. Belongs to one thread."""

    def __init__(self, most_bytes: int) -> None:
        """Keep nothing yet. What is larger than a quarter of `most_bytes` never is."""
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, tuple[V, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: str) -> V | None:
        """Return what is kept under a key."""
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: str, value: V, size: int) -> None:
        """Keep a value that counts as so many bytes."""
        if key in self._kept or size * 4 > self._most_bytes:
            return
        self._kept[key] = value, size
        self._bytes += size
        while self._bytes > self._most_bytes:
            _, (_, dropped) = self._kept.popitem(last=False)
            self._bytes -= dropped
