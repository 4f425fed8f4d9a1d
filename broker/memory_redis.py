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
        self._closed = False

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Reply:
        """Run a script atomically: at once, though the reply comes a turn of the loop later."""
        self._check()
        try:
            return self.server.script(script, *script.encode(keys, args))
        finally:
            await asyncio.sleep(0)

    async def command(self, *args: bytes) -> Reply:
        """Run one command."""
        self._check()
        try:
            return self.server.command(*args)
        finally:
            await asyncio.sleep(0)

    def renewals(self) -> "MemoryRenewals":
        """Open another connection, a synchronous one."""
        return MemoryRenewals(self.server)

    async def close(self) -> None:
        """Close the connection; every later call is Unreachable."""
        self._closed = True

    def _check(self) -> None:
        if self._closed:
            message = "the connection to the in-memory Redis was closed by this process"
            raise Unreachable(message)


class MemoryRenewals:
    """`SyncScripts` on the same server."""

    def __init__(self, server: MemoryServer) -> None:
        """Use this server."""
        self._server = server

    def run(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Reply:
        """Run a script."""
        return self._server.script(script, *script.encode(keys, args))

    def close(self) -> None:
        """Nothing is held."""
