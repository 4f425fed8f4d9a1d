import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from argosy.testing.proxy import Link, Proxies
from argosy.testing.weather import CUT, HALF_OPEN, MUTE, STALLED, Weather
from support.listening import listening

_SOON = 0.2
"""Long enough for loopback; what must not come is waited for this long."""


@dataclass
class Wire:
    link: Link
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, text: bytes) -> bytes:
        self.writer.write(text + b"\n")
        async with asyncio.timeout(60):
            return (await self.reader.readline()).rstrip()

    async def silent(self) -> bool:
        try:
            async with asyncio.timeout(_SOON):
                await self.reader.readline()
        except TimeoutError:
            return True
        return False

    async def ended(self) -> bool:
        try:
            async with asyncio.timeout(60):
                return await self.reader.read() == b""
        except ConnectionResetError:
            return True


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def _wired() -> AsyncGenerator[Wire]:
    async with listening(_echo, limit_bytes=1 << 23) as port:
        with Proxies() as proxies:
            link = proxies.link(port)
            wire = Wire(link, *await asyncio.open_connection("127.0.0.1", link.port))
            yield wire
            wire.writer.close()


async def test_what_is_sent_arrives_and_what_is_answered_too() -> None:
    async with _wired() as wire:
        assert [await wire.ask(b"%d" % number) for number in range(3)] == [b"0", b"1", b"2"]
        big = b"x" * 3_000_000
        wire.writer.write(big + b"\n")
        assert await wire.reader.readexactly(len(big) + 1) == big + b"\n"
        assert (wire.link.figures.connections, wire.link.figures.bytes_up) == (1, 6 + len(big) + 1)


async def test_latency_is_added_each_way_and_keeps_the_order() -> None:
    async with _wired() as wire:
        await wire.ask(b"warm")
        wire.link.set(Weather(latency_seconds=0.1, jitter_seconds=0.05))
        before = asyncio.get_running_loop().time()
        for number in range(20):
            wire.writer.write(b"%d\n" % number)
            await asyncio.sleep(0)
        said = [(await wire.reader.readline()).rstrip() for _ in range(20)]
        assert said == [b"%d" % number for number in range(20)]
        assert asyncio.get_running_loop().time() - before >= 0.2


async def test_a_narrow_link_lets_pass_so_many_bytes_a_second() -> None:
    async with _wired() as wire:
        wire.link.set(Weather(bytes_per_second=100_000))
        before = asyncio.get_running_loop().time()
        for _ in range(3):
            await wire.ask(b"x" * 10_000)
        # each way waits for what went before it: the first piece goes at once
        assert asyncio.get_running_loop().time() - before >= 0.2


async def test_what_is_held_arrives_when_the_network_is_back() -> None:
    async with _wired() as wire:
        await wire.ask(b"warm")
        wire.link.set(STALLED)
        wire.writer.write(b"later\n")
        assert await wire.silent()
        wire.link.clear()
        assert await asyncio.wait_for(wire.reader.readline(), 60) == b"later\n"


@pytest.mark.parametrize("weather", [HALF_OPEN, MUTE])
async def test_a_half_open_connection_says_nothing_until_it_is_reset(weather: Weather) -> None:
    async with _wired() as wire:
        await wire.ask(b"warm")
        wire.link.set(weather)
        wire.writer.write(b"lost\n")
        assert await wire.silent()
        while wire.link.figures.lost_bytes < 5:  # noqa: ASYNC110 - the links live in a thread of their own
            await asyncio.sleep(0.01)
        assert wire.link.figures.lost_bytes == 5
        fresh = Wire(wire.link, *await asyncio.open_connection("127.0.0.1", wire.link.port))
        fresh.writer.write(b"lost too\n")
        assert await fresh.silent()
        wire.link.clear()
        assert await wire.ended()
        assert await fresh.ended()
        again = Wire(wire.link, *await asyncio.open_connection("127.0.0.1", wire.link.port))
        assert await again.ask(b"heard") == b"heard"
        again.writer.close()
        fresh.writer.close()


async def test_a_cut_resets_what_is_open_and_what_comes() -> None:
    async with _wired() as wire:
        await wire.ask(b"warm")
        wire.link.set(CUT)
        assert await wire.ended()
        with contextlib.suppress(ConnectionError):
            fresh = Wire(wire.link, *await asyncio.open_connection("127.0.0.1", wire.link.port))
            assert await fresh.ended()
            fresh.writer.close()
        assert wire.link.figures.resets >= 1


async def test_a_lost_reply_was_asked_for_and_did_arrive() -> None:
    heard: list[bytes] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readline())
        writer.write(b"ok\n")
        writer.close()

    async with listening(hear) as port:
        with Proxies() as proxies:
            link = proxies.link(port)
            link.set(Weather(lost_replies=1.0))
            wire = Wire(link, *await asyncio.open_connection("127.0.0.1", link.port))
            wire.writer.write(b"do it\n")
            assert await wire.ended()
            assert heard == [b"do it\n"]
            assert link.figures.lost_replies == 1
            wire.writer.close()


async def test_a_service_that_is_down_shows_as_a_reset() -> None:
    with Proxies() as proxies:
        link = proxies.link(1)
        try:
            wire = Wire(link, *await asyncio.open_connection("127.0.0.1", link.port))
        except ConnectionResetError:  # before the loop had seen that it was connected
            return
        assert await wire.ended()
        wire.writer.close()
