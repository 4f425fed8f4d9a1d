"""An outside system: a SQLite file that handlers in any process write their side effects to.

`effects` takes our idempotency key (a second write of one key changes nothing); `made` counts every time a
handler made the effect; `known` notes when a handler had the memo in hand. An effect made after its memo was
known breaks promise 3.
"""

import os
import sqlite3
import time
import uuid
from functools import cache
from pathlib import Path


class Ledger:
    """One connection; every process opens its own."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, timeout=60, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute("CREATE TABLE IF NOT EXISTS effects (key TEXT PRIMARY KEY, value TEXT)")
        self._db.execute("CREATE TABLE IF NOT EXISTS made (key TEXT, value TEXT, at REAL, pid INTEGER)")
        self._db.execute("CREATE TABLE IF NOT EXISTS known (key TEXT, value TEXT, at REAL)")

    def make(self, key: str, value: str) -> None:
        """The side effect itself."""
        self._db.execute("INSERT OR IGNORE INTO effects VALUES (?, ?)", (key, value))
        self._db.execute("INSERT INTO made VALUES (?, ?, ?, ?)", (key, value, time.monotonic(), os.getpid()))

    def know(self, key: str, value: str) -> None:
        """Its memo was returned to the handler."""
        self._db.execute("INSERT INTO known VALUES (?, ?, ?)", (key, value, time.monotonic()))

    def first(self, key: str) -> float | None:
        """When an effect was first made, by the clock of the rest (`time.monotonic`); None: it wasn't."""
        (at,) = self._db.execute("SELECT MIN(at) FROM made WHERE key = ?", (key,)).fetchone()
        return None if at is None else float(at)

    def effects(self) -> set[str]:
        """Keys of all effects."""
        return {row[0] for row in self._db.execute("SELECT key FROM effects")}

    def times(self, key: str) -> int:
        """How often an effect was made."""
        return int(self._db.execute("SELECT COUNT(*) FROM made WHERE key = ?", (key,)).fetchone()[0])

    def made(self, later_than: float = 0.0) -> list[str]:
        """The key of every effect that was made (from a moment on), as often as it was."""
        return [row[0] for row in self._db.execute("SELECT key FROM made WHERE at > ?", (later_than,))]

    def noted(self, beginning: str, later_than: float, *, but: str = "") -> set[str]:
        """Values of all entries whose keys begin so, and are not `but`, from a moment on."""
        query = "SELECT value FROM made WHERE key LIKE ? AND at > ? AND key != ?"
        return {row[0] for row in self._db.execute(query, (f"{beginning}%", later_than, but))}

    def known(self) -> list[tuple[str, str]]:
        """Every memo that a handler had in hand."""
        return list(self._db.execute("SELECT key, value FROM known"))

    def made_after_known(
        self, later_than: float = 0.0, *, but_by: int = 0, asleep_since: float = 0.0
    ) -> list[str]:
        """Keys whose effect was made again after a handler had its memo (from a moment on).

        What the process `but_by` made doesn't count, where the memo came while it slept: one that stood still between
        looking the memo up and making the effect, and woke when another had made it, can't know.
        """
        query = (
            "SELECT DISTINCT made.key FROM made JOIN known ON made.key = known.key"
            " WHERE made.at > known.at AND known.at > ? AND NOT (made.pid = ? AND known.at > ?)"
        )
        return [row[0] for row in self._db.execute(query, (later_than, but_by, asleep_since))]

    def changed_memos(self) -> list[str]:
        """Keys whose memo had two values in handlers' hands."""
        query = "SELECT key FROM known GROUP BY key HAVING COUNT(DISTINCT value) > 1"
        return [row[0] for row in self._db.execute(query)]

    def close(self) -> None:
        """Close the connection."""
        self._db.close()


@cache
def the_ledger() -> Ledger:
    """Return this process's connection to the ledger that its fleet was given."""
    return Ledger(Path(os.environ["ARGOSY_TEST_LEDGER"]))


async def make_effect(key: str) -> str:
    """Make an effect of this name, with a value that no other has; return that."""
    value = uuid.uuid4().hex
    the_ledger().make(key, value)
    return value
