"""A cache of payloads by bytes: a manifest is read by each of ten thousand shards, and never changes."""

import asyncio
from collections import OrderedDict
from weakref import WeakValueDictionary

from argosy.broker.store import Payloads


class CachedPayloads:
    """`Payloads` that keeps what was read last, up to so many bytes. Many who want one cause one read."""

    def __init__(self, payloads: Payloads, most_bytes: int) -> None:
        """Keep nothing yet. What is larger than a quarter of `most_bytes` never is."""
        self._payloads, self._most_bytes = payloads, most_bytes
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._reading: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def put(self, data: bytes) -> str:
        """Store; not kept: who wrote it rarely reads it."""
        return await self._payloads.put(data)

    async def get(self, sha256: str) -> bytes:
        """Return the bytes, kept or read. What is kept is returned even if the store has lost it since."""
        kept = self._kept.get(sha256)
        if kept is None:
            lock = self._reading.setdefault(sha256, asyncio.Lock())
            async with lock:
                kept = self._kept.get(sha256)
                if kept is None:
                    kept = await self._payloads.get(sha256)
                    self._keep(sha256, kept)
        if sha256 in self._kept:
            self._kept.move_to_end(sha256)
        return kept

    async def touch(self, sha256: str) -> None:
        """Make the stored object young; raises PayloadGone if the store has lost it, kept or not."""
        await self._payloads.touch(sha256)

    def _keep(self, sha256: str, data: bytes) -> None:
        if len(data) * 4 > self._most_bytes:
            return
        self._kept[sha256] = data
        self._bytes += len(data)
        while self._bytes > self._most_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= len(dropped)
