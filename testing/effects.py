"""An outside system: SQLite files that handlers in any process write their side effects to, one file per process.

`made` rows count every time that a handler made an effect, `known` rows when a handler had the memo in hand, `began`
rows each delivery. Each process writes to a file of its own, so that nobody waits for another's lock; what was written
survives a killed process. Times are of the machine's monotonic clock: all processes share it.
"""

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

_TABLE: Final = "CREATE TABLE IF NOT EXISTS rows (kind TEXT, key TEXT, value TEXT, at REAL, pid INTEGER)"
_AGAIN: Final = """
    SELECT m.key, m.at, m.pid, (SELECT MIN(k.at) FROM rows k WHERE k.kind = 'known' AND k.key = m.key) AS known_at
    FROM rows m WHERE m.kind = 'made' AND known_at < m.at
"""


class Effects:
    """What one process writes."""

    def __init__(self, folder: Path, pid: int = 0) -> None:
        """Begin a file in the folder. `pid`: the process in whose name it writes; 0: itself."""
        self._pid = pid or os.getpid()
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{os.getpid()}-{time.monotonic_ns()}.sqlite"
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute(_TABLE)

    def write(self, kind: str, key: str, value: str = "") -> None:
        """Write a row at once."""
        self._db.execute(
            "INSERT INTO rows VALUES (?, ?, ?, ?, ?)", (kind, key, value, time.monotonic(), self._pid)
        )


@dataclass(frozen=True, slots=True)
class Again:
    """An effect that was made although a handler already had its memo."""

    key: str
    made_at: float
    known_at: float
    pid: int


class AllEffects:
    """All files of a folder together, for a judge; they are read once."""

    def __init__(self, folder: Path) -> None:
        """Put them together, in memory."""
        self._db = sqlite3.connect(":memory:", isolation_level=None)
        self._db.execute(_TABLE)
        for file in sorted(folder.glob("*.sqlite")):
            self._db.execute("ATTACH ? AS one", (str(file),))
            self._db.execute("INSERT INTO rows SELECT kind, key, value, at, pid FROM one.rows")
            self._db.execute("DETACH one")
        self._db.execute("CREATE INDEX by_key ON rows (kind, key, at)")

    def count(self, kind: str) -> int:
        """Count rows of a kind."""
        return int(self._db.execute("SELECT COUNT(*) FROM rows WHERE kind = ?", (kind,)).fetchone()[0])

    def keys(self, kind: str) -> int:
        """Count different keys of a kind."""
        query = "SELECT COUNT(DISTINCT key) FROM rows WHERE kind = ?"
        return int(self._db.execute(query, (kind,)).fetchone()[0])

    def doubled(self) -> Sequence[str]:
        """Name tasks whose effect was made under two idempotency keys: no outside system could have seen it."""
        query = """
            SELECT substr(key, 1, instr(key, '|') - 1) AS task FROM rows WHERE kind = 'made'
            GROUP BY task HAVING COUNT(DISTINCT key) > 1
        """
        return [row[0] for row in self._db.execute(query)]

    def tasks(self) -> set[str]:
        """Name the tasks that made their effect."""
        query = "SELECT DISTINCT substr(key, 1, instr(key, '|') - 1) FROM rows WHERE kind = 'made'"
        return {row[0] for row in self._db.execute(query)}

    def made_after_known(self) -> Iterator[Again]:
        """Tell each effect that was made after its memo was in a handler's hand."""
        for key, at, pid, known_at in self._db.execute(_AGAIN):
            yield Again(key, at, known_at, pid)

    def changed_memos(self) -> Iterator[tuple[str, float, float]]:
        """Tell keys whose memo had two values in handlers' hands: when the first was last seen, and the next first."""
        query = "SELECT key, value, MIN(at), MAX(at) FROM rows WHERE kind = 'known' GROUP BY key, value"
        seen: dict[str, list[tuple[float, float]]] = {}
        for key, _, first, last in self._db.execute(query):
            seen.setdefault(key, []).append((first, last))
        for key, times in seen.items():
            times.sort()
            for (_, last), (first, _) in pairwise(times):
                yield key, last, first

    def close(self) -> None:
        """Forget it all."""
        self._db.close()
