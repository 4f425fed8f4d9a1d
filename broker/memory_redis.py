"""`MemoryRedis`: the twin of `RedisStore`. It runs our real scripts; its `memory_server` does what hurts."""

import asyncio
from collections.abc import Sequence

from argosy.broker.memory_server import MemoryServer
from argosy.broker.redis_reads import RedisReads
from argosy.broker.script import Arg, Reply, Script
from argosy.schemas.errors import Unreachable


class MemoryRedis(RedisReads):
    """`Store` on a server in memory. Several may share one server, as processes do."""

    def __init__(self, server: MemoryServer | None = None) -> None:
        """Use this server, or one of its own."""
        self.server = server or MemoryServer()
        self._away = ""

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Reply:
        """Run a script atomically: at once, though the reply comes a turn of the loop later."""
        self.check()
        try:
            return self.server.script(script, *script.encode(keys, args))
        finally:
            await asyncio.sleep(0)

    async def command(self, *args: bytes) -> Reply:
        """Run one command."""
        self.check()
        try:
            return self.server.command(*args)
        finally:
            await asyncio.sleep(0)

    def renewals(self) -> "MemoryRenewals":
        """Open another connection, a synchronous one."""
        return MemoryRenewals(self)

    async def close(self) -> None:
        """Close the connection; every later call is Unreachable."""
        self._away = "the connection to the in-memory Redis was closed by this process"

    def deafen(self) -> None:
        """Cut this process alone off, until `heal`: nothing it asks takes effect."""
        self._away = "the in-memory Redis can't be reached from here"

    def heal(self) -> None:
        """Connect it again."""
        self._away = ""

    def check(self) -> None:
        """Raise Unreachable if this process is cut off, or closed."""
        if self._away:
            raise Unreachable(self._away)


class MemoryRenewals:
    """`SyncScripts` of the same process."""

    def __init__(self, store: MemoryRedis) -> None:
        """Ask this process's server."""
        self._store = store

    def run(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Reply:
        """Run a script."""
        self._store.check()
        return self._store.server.script(script, *script.encode(keys, args))

    def close(self) -> None:
        """Nothing is held."""
