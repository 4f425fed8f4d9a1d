"""The beginning and the end of an output of any length."""

from typing import Final

_CUT: Final = "\n… {} bytes were cut here …\n"


class Kept:
    """Takes all, keeps `most_bytes`: half from the beginning, half from the end, where tests say how it went."""

    def __init__(self, most_bytes: int) -> None:
        """Begin."""
        self._head_bytes = most_bytes // 2
        self._tail_bytes = most_bytes - self._head_bytes
        self._head = bytearray()
        self._tail = bytearray()
        self.seen_bytes = 0

    def add(self, chunk: bytes) -> None:
        """Take the next piece."""
        self.seen_bytes += len(chunk)
        room = self._head_bytes - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:]
        del self._tail[: max(0, len(self._tail) - self._tail_bytes)]

    @property
    def cut_bytes(self) -> int:
        """How much isn't kept."""
        return self.seen_bytes - len(self._head) - len(self._tail)

    def text(self) -> str:
        """Give what is kept, with a line where something is missing."""
        between = _CUT.format(self.cut_bytes).encode() if self.cut_bytes else b""
        return bytes(self._head + between + self._tail).decode("utf-8", errors="replace")
