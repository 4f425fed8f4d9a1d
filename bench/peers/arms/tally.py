"""What tasks of a peer leave behind: which were done, how often, when the first began and when the last ended.

Runs in the peer's environment, so by the standard library alone. All of it is one file that both processes map:
two doubles, then a byte for each task. A mark costs a quarter of a microsecond.
"""

import mmap
import os
import struct
import time
from pathlib import Path

TEXT = "a line of some thirty letters. " * 20
"""What each task takes and gives: what argosy's own tasks carry."""
_DOUBLE = struct.Struct("<d")
_HEAD = 2 * _DOUBLE.size
_MOST = 255


class Tally:
    """A file of marks, written by the process that runs the tasks, read by the one that measures."""

    def __init__(self, file: Path) -> None:
        """Map a file that `make` has made."""
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), 0)

    @classmethod
    def make(cls, file: Path, tasks: int) -> "Tally":
        """Make a file without marks for so many tasks."""
        file.write_bytes(bytes(_HEAD + tasks))
        return cls(file)

    def begin(self) -> None:
        """Tell that a task begins; the first one is remembered."""
        if self.began == 0:
            _DOUBLE.pack_into(self._map, 0, time.monotonic())

    def done(self, number: int) -> None:
        """Mark a task."""
        _DOUBLE.pack_into(self._map, _DOUBLE.size, time.monotonic())
        at = _HEAD + number
        self._map[at] = min(_MOST, self._map[at] + 1)

    @property
    def began(self) -> float:
        """Tell when the first task began, by the machine's monotonic clock; 0: none did."""
        return float(_DOUBLE.unpack_from(self._map, 0)[0])

    @property
    def ended(self) -> float:
        """Tell when the last task so far ended."""
        return float(_DOUBLE.unpack_from(self._map, _DOUBLE.size)[0])

    @property
    def missing(self) -> int:
        """Count the tasks that were never done."""
        return self._map[_HEAD:].count(0)

    @property
    def repeated(self) -> int:
        """Count the tasks that were done more than once."""
        marks = self._map[_HEAD:]
        return len(marks) - marks.count(0) - marks.count(1)


def of_environment() -> Tally:
    """Map the file that the measuring process named."""
    return Tally(Path(os.environ["PEER_TALLY"]))
