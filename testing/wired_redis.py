"""Redis and the payload store as a simulated process reaches them: the twins, at the end of a wire."""

from collections.abc import Callable, Sequence

from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.memory_redis import MemoryRedis, MemoryRenewals
from argosy.broker.memory_server import MemoryServer
from argosy.broker.script import Arg, Reply, Script
from argosy.testing.process import forever
from argosy.testing.wire import Wire

Asked = Callable[[Script, Sequence[str], Sequence[Arg]], bool]
Answered = Callable[[Script, Sequence[str], Sequence[Arg], Reply], None]


class WiredRedis(MemoryRedis):
    """See `Store`.

    `asked` hears of each script before it is sent (False: its sender is dead), `answered` after its effect.
    """

    def __init__(self, server: MemoryServer, wire: Wire, asked: Asked, answered: Answered) -> None:
        """Reach `server` over `wire`."""
        super().__init__(server)
        self._wire, self._asked, self._answered = wire, asked, answered

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Reply:
        """See `Store.run`."""
        self.check()
        if not self._asked(script, keys, args):
            await forever()
        encoded = script.encode(keys, args)

        def effect() -> Reply:
            reply = self.server.script(script, *encoded)
            self._answered(script, keys, args, reply)
            return reply

        return await self._wire.call(script.name, effect)

    def renewals(self) -> "WiredRenewals":
        """See `Store.renewals`."""
        return WiredRenewals(self, self._answered)

    async def command(self, *args: bytes) -> Reply:
        """See `RedisReads.command`."""
        self.check()
        return await self._wire.call(args[0].decode(), lambda: self.server.command(*args))


class WiredRenewals(MemoryRenewals):
    """See `SyncScripts`: at once, since a call that blocks can let nothing else happen."""

    def __init__(self, store: WiredRedis, answered: Answered) -> None:
        """Ask the server of `store`."""
        super().__init__(store)
        self._answered = answered

    def run(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> Reply:
        """See `SyncScripts.run`."""
        reply = super().run(script, keys, args)
        self._answered(script, keys, args, reply)
        return reply


class WiredPayloads:
    """See `Payloads`."""

    def __init__(self, payloads: MemoryPayloads, wire: Wire) -> None:
        """Reach `payloads` over `wire`."""
        self._payloads, self._wire = payloads, wire

    async def put(self, data: bytes) -> str:
        """See `Payloads.put`."""
        return await self._wire.call("put", lambda: self._payloads.store(data))

    async def get(self, sha256: str) -> bytes:
        """See `Payloads.get`."""
        return await self._wire.call("get", lambda: self._payloads.find(sha256))

    async def touch(self, sha256: str) -> None:
        """See `Payloads.touch`."""
        await self._wire.call("touch", lambda: self._payloads.store(self._payloads.find(sha256)))
