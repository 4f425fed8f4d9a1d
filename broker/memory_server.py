"""The server behind the twin of Redis: one keyspace, its identity, its clock, and the faults that hurt.

Everything is synchronous and happens at once. A *unit* (one command or one script) is what a rollback counts.
"""

import secrets
import threading
import time
from binascii import crc_hqx
from collections.abc import Callable
from typing import Final

from argosy.broker import memory_about, memory_collections, memory_commands, memory_sorted
from argosy.broker.memory_keyspace import Keyspace, ReplyError
from argosy.broker.memory_lua import LuaScripts
from argosy.broker.memory_table import FIRST_KEY, Command, Commands
from argosy.broker.script import Reply, Script
from argosy.schemas.errors import Refused, Unreachable

JOURNAL_UNITS: Final = 1000
_SLOTS: Final = 16_384
COMMANDS: Final = Commands(
    module.COMMANDS for module in (memory_commands, memory_collections, memory_sorted, memory_about)
)
OUT_OF_MEMORY: Final = "OOM command not allowed when used memory > 'maxmemory'."
READ_ONLY: Final = "READONLY You can't write against a read only replica."


class MemoryServer:
    """What several `MemoryRedis` clients may share. Safe to use from several threads."""

    def __init__(
        self, *, clock: Callable[[], float] = time.time, journal: int = JOURNAL_UNITS, seed: str = ""
    ) -> None:
        """`clock` gives epoch seconds; `journal` units can be rolled back; a `seed` fixes identities."""
        self.units = 0
        """Commands and scripts that ran: for cost tests."""
        self.clock = clock
        self._seed = seed or secrets.token_hex(8)
        self._made = 0
        self._space = Keyspace(journal)
        self._lua = LuaScripts(self._in_script)
        self._declared: frozenset[bytes] = frozenset()
        self._lock = threading.RLock()
        self._down = False
        self._refusing = self._no_writes = ""
        self._wrote = False
        self._lost_requests = self._lost_replies = 0
        self._configured: dict[str, str] = {}
        self._servers = [self._fresh_id(), self._fresh_id()]  # primary and replica
        self._replication_id = self._fresh_id()
        self._tell()

    # -- what clients do

    def command(self, *args: bytes) -> Reply:
        """Run one command; Unreachable and Refused as a real client would raise them."""
        name, rest = args[0], list(args[1:])
        return self._unit(name.decode(), lambda: self._alone(name, rest))

    def script(self, script: Script, keys: list[bytes], args: list[bytes]) -> Reply:
        """Run one script. As strict as a cluster and stricter: all keys lie in one slot, and each one is declared."""
        return self._unit(f"script {script.name}", lambda: self._whole(script, keys, args))

    def _unit(self, doing: str, run: Callable[[], Reply]) -> Reply:
        with self._lock:
            if self._down or self._lost_requests:
                self._lost_requests = max(0, self._lost_requests - 1)
                message = f"the in-memory Redis doesn't answer ({doing})"
                raise Unreachable(message)
            if self._refusing:
                message = f"the in-memory Redis refuses ({doing}): {self._refusing}"
                raise Refused(message)
            self.units += 1
            self._space.begin(int(self.clock() * 1000))
            try:
                reply = run()
            except ReplyError as error:
                message = f"the in-memory Redis refuses ({doing}): {error}"
                raise Refused(message) from None
            finally:
                self._space.end()
            if self._lost_replies:
                self._lost_replies -= 1
                message = f"the reply of the in-memory Redis is lost ({doing})"
                raise Unreachable(message)
            return reply

    def _alone(self, name: bytes, args: list[bytes]) -> Reply:
        command = COMMANDS.find(name, len(args))
        if self._no_writes:
            self._may(command, wrote=False)
        _check_slot(args[command.keys])
        return command.run(self._space, args)

    def _may(self, command: Command, *, wrote: bool) -> None:
        """Raise ReplyError for a write that isn't taken now; a script that has begun may go on filling memory."""
        full = self._no_writes.startswith("OOM")
        if (command.grows and not wrote) if full else command.writes:
            raise ReplyError(self._no_writes)

    def _whole(self, script: Script, keys: list[bytes], args: list[bytes]) -> Reply:
        self._wrote = False
        self._declared = frozenset(keys)
        _check_slot(keys)
        return self._lua.run(script, keys, args)

    def _in_script(self, parts: list[bytes]) -> Reply:
        args = parts[1:]
        command = COMMANDS.find(parts[0], len(args))
        if self._no_writes:
            self._may(command, wrote=self._wrote)
            self._wrote |= command.writes
        keys = command.keys
        known = args[0] in self._declared if keys is FIRST_KEY else self._declared.issuperset(args[keys])
        if not known:
            undeclared = [
                key.decode("utf-8", "replace") for key in args[command.keys] if key not in self._declared
            ]
            message = f"ERR Script attempted to access keys that it didn't declare: {', '.join(undeclared)}"
            raise ReplyError(message)
        return command.run(self._space, args)

    # -- what tests do

    def down(self) -> None:
        """Answer nobody until `up`; nothing takes effect."""
        self._down = True

    def up(self) -> None:
        """Answer again."""
        self._down = False

    def refuse(self, reply: str = OUT_OF_MEMORY) -> None:
        """Answer everything with this error, until it is set to the empty string."""
        self._refusing = reply

    def refuse_writes(self, reply: str) -> None:
        """Refuse what writes, or with OUT_OF_MEMORY what needs memory, until this is set to the empty string."""
        self._no_writes = reply

    def lose_requests(self, count: int = 1) -> None:
        """Let the next units be lost on their way in: Unreachable, without effect."""
        self._lost_requests = count

    def lose_replies(self, count: int = 1) -> None:
        """Let the next units take effect and their replies be lost: Unreachable."""
        self._lost_replies = count

    def wipe(self) -> None:
        """FLUSHALL: everything is gone, the identity stays."""
        with self._lock:
            self._space.wipe()

    def rollback(self, units: int) -> int:
        """Take back the last writing units and tell nobody; returns how many there were."""
        with self._lock:
            return self._space.rollback(units)

    def restart(self, lost_units: int = 0) -> None:
        """Come back as another process whose file lacks the last units: a new identity."""
        with self._lock:
            self._space.rollback(lost_units)
            self._servers[0] = self._fresh_id()
            self._replication_id = self._fresh_id()
            self._tell()

    def clone(self) -> "MemoryServer":
        """Return a server with the same data and identity that goes its own way: the old primary of a split."""
        other = MemoryServer(clock=lambda: self.clock(), seed=self._seed)  # noqa: PLW0108 - it may be replaced
        with self._lock:
            other._servers, other._replication_id = self._servers.copy(), self._replication_id
            other._configured = self._configured
            other._tell()
            self._space.begin(int(self.clock() * 1000))
            try:
                other._space.copy(self._space)
            finally:
                self._space.end()
        return other

    def failover(self, lost_units: int = 0) -> None:
        """Promote the replica, which lacks the last units; twice goes *back* to an old `run_id`."""
        with self._lock:
            self._space.rollback(lost_units)
            self._servers.reverse()
            self._replication_id = self._fresh_id()
            self._tell()

    @property
    def writes(self) -> int:
        """How many units that wrote can still be rolled back."""
        return self._space.units

    @property
    def identity(self) -> str:
        """What scripts see as the server's identity."""
        return f"{self._servers[0]}:{self._replication_id}"

    def configure(self, **info: str) -> None:
        """Change what INFO says: `configure(maxmemory_policy="allkeys-lru")`."""
        self._configured |= info
        self._tell()

    def dump(self) -> dict[bytes, object]:
        """Return every key with its value as plain data (sorted sets as lists of member and score)."""
        with self._lock:
            self._space.begin(int(self.clock() * 1000))
            try:
                return {key: self._space.plain(key) for key in sorted(self._space.all_keys())}
            finally:
                self._space.end()

    def expiries(self) -> dict[bytes, int]:
        """Return when keys expire, epoch milliseconds; keys without a TTL are absent."""
        with self._lock:
            self._space.begin(int(self.clock() * 1000))
            try:
                found = {key: self._space.expires_at(key) for key in self._space.all_keys()}
            finally:
                self._space.end()
            return {key: at for key, at in found.items() if at is not None}

    def _fresh_id(self) -> str:
        self._made += 1
        return f"{self._seed}{self._made:08x}".rjust(40, "0")[-40:]

    def _tell(self) -> None:
        sections = {
            "server": {"redis_version": "7.2.4", "server_name": "argosy-memory", "run_id": self._servers[0]},
            "memory": {"maxmemory": "0", "maxmemory_policy": "noeviction"},
            "persistence": {"loading": "0", "aof_enabled": "1"},
            "replication": {"role": "master", "master_replid": self._replication_id},
            "cluster": {"cluster_enabled": "0"},
        }
        self._space.about = {
            name: "\r\n".join(
                [f"# {name.capitalize()}"]
                + [f"{field}:{self._configured.get(field, value)}" for field, value in fields.items()]
            ).encode()
            + b"\r\n"
            for name, fields in sections.items()
        }


def _check_slot(keys: list[bytes]) -> None:
    """Raise ReplyError for keys that a cluster would not have on one node."""
    if len(keys) > 1:
        tags = {_tag(key) for key in keys}
        if len(tags) > 1 and len({crc_hqx(tag, 0) % _SLOTS for tag in tags}) > 1:
            message = "CROSSSLOT Keys in request don't hash to the same slot"
            raise ReplyError(message)


def _tag(key: bytes) -> bytes:
    """Return the part of a key that decides where it lies: what is in its first braces, if anything, else all."""
    start = key.find(b"{")
    end = key.find(b"}", start + 1)
    return key[start + 1 : end] if 0 <= start < end - 1 else key
