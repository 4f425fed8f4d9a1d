"""`RedisStore`: the `Store` on a server that speaks the Redis protocol (Redis 7 or newer, Valkey).

A reply, an error and a timeout belong to the call they answer. Nothing that was written is sent again, for
whether it took effect is the caller's to find out: all our scripts are safe to repeat.
"""

from collections.abc import Sequence

from argosy.broker.redis_pipe import RedisPipe
from argosy.broker.redis_reads import RedisReads
from argosy.broker.redis_sync import SyncStore
from argosy.broker.script import Arg, Reply, Script
from argosy.schemas.settings import RedisSettings


class RedisStore(RedisReads):
    """`Store` on one coalesced connection (`redis_pipe`). For one event loop; connects at the first call."""

    def __init__(self, settings: RedisSettings) -> None:
        """Connect later; raises ConfigurationError for a URL that can't be read."""
        self._url, self._timeout_seconds = settings.url.get_secret_value(), settings.timeout_seconds
        self._pipe = RedisPipe(self._url, self._timeout_seconds)

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Reply:
        """Run a script atomically. Raises TypeError for arguments that its header doesn't declare."""
        script.check(keys, args)
        command = (b"EVALSHA", script.sha, len(keys), *keys, *args)  # encoded as it is packed
        return await self._pipe.call(command, f"script {script.name}", script)

    def renewals(self) -> SyncStore:
        """Open another connection, a synchronous one, for the thread that renews leases."""
        return SyncStore(self._url, self._timeout_seconds)

    async def close(self) -> None:
        """Close the connection; who still waits gets Unreachable."""
        await self._pipe.close()

    async def command(self, *args: bytes) -> Reply:
        """Run one command."""
        return await self._pipe.call(args, args[0].decode())
