"""Carries out the faults of a plan: to processes, to Redis and Kafka, and to the network between them."""

import asyncio
import random
import shutil
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final

from aiokafka.errors import KafkaConnectionError

from argosy.console import chaos_messages as messages
from argosy.console.chaos_arena import Arena
from argosy.console.ports import LOOPBACK
from argosy.testing.chaos_plan import Strike
from argosy.testing.proxy import Link
from argosy.testing.weather import CUT, DEAF, HALF_OPEN, MUTE, STALLED, Weather

_SAY_SECONDS: Final = 30.0
_AGAIN_SECONDS: Final = 0.1

Hit = Callable[[Arena, Strike], Awaitable[str]]
"""Carries a fault out, from its beginning to its end; says what it did, empty if nothing came of it."""


async def hit(arena: Arena, strike: Strike) -> str:
    """Carry out one fault; while another has Kafka away it is begun again."""
    while True:
        try:
            return await HITS[strike.kind.name](arena, strike)
        except KafkaConnectionError:
            await asyncio.sleep(_AGAIN_SECONDS)


async def redis_says(port: int, *words: str) -> bytes:
    """Ask Redis over a connection of its own, and return the first line of its answer.

    While it is away or loads its data, by another fault that is under way, it is asked again.
    """
    async with asyncio.timeout(_SAY_SECONDS):
        while True:
            with suppress(ConnectionError):
                said = await _ask(port, words)
                if said and not said.startswith(b"-LOADING"):
                    return said
            await asyncio.sleep(_AGAIN_SECONDS)


async def _ask(port: int, words: Sequence[str]) -> bytes:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        writer.write((" ".join(words) + "\r\n").encode())
        return await reader.readline()
    finally:
        writer.close()


# -- processes


async def _kill(arena: Arena, strike: Strike) -> str:
    """SIGKILL to all victims at once; the supervisor starts them again."""
    supervisor = arena.stack.supervisor
    gone = [name for name in strike.victims if arena.pid(name)]
    async with asyncio.TaskGroup() as group:
        for name in gone:
            group.create_task(supervisor.kill(name), name=f"kill {name}")
    async with asyncio.TaskGroup() as group:
        for name in gone:
            group.create_task(supervisor.until_ready(name), name=f"await {name}")
    return f"killed {', '.join(gone)}" if gone else ""


async def _freeze(arena: Arena, strike: Strike) -> str:
    (name,) = strike.victims
    process = arena.stack.supervisor.children[name].process
    if process is None:
        return ""
    process.kill(signal.SIGSTOP)
    try:
        await asyncio.sleep(strike.seconds)
    finally:
        process.kill(signal.SIGCONT)
    return f"{name} stood still for {strike.seconds:.1f} s"


async def _stop(arena: Arena, strike: Strike) -> str:
    (name,) = strike.victims
    await arena.stack.supervisor.restart(name)
    return f"{name} was told to stop, and came back"


# -- services


async def _down(arena: Arena, name: str, seconds: float, meanwhile: Callable[[], str] = lambda: "") -> str:
    """Kill a server, do something to what it left, and let it come back."""
    supervisor = arena.stack.supervisor
    await supervisor.hold(name)
    try:
        said = await asyncio.to_thread(meanwhile)
        await asyncio.sleep(seconds)
    finally:
        await supervisor.resume(name)
    return said or f"{name} was killed, and away for {seconds:.1f} s"


async def _kill_kafka(arena: Arena, strike: Strike) -> str:
    brokers = arena.stack.state.layout.cluster.brokers
    return await _down(arena, brokers[strike.dice % len(brokers)].name, strike.seconds)


async def _kill_redis(arena: Arena, strike: Strike) -> str:
    # From then on its file has all that it acknowledges: with `everysec` it keeps writes back while the disk is busy,
    # for two seconds at most, and what a killed one forgets is another fault.
    port = arena.stack.state.layout.redis_port
    if not (await redis_says(port, "CONFIG", "SET", "appendfsync", "no")).startswith(b"+OK"):
        return ""
    return await _down(arena, "valkey", strike.seconds)


async def _cut_tail(arena: Arena, strike: Strike) -> str:
    chance = random.Random(strike.dice)  # noqa: S311 - a reproducible choice, no secret

    def cut() -> str:
        files = sorted(_append_only(arena).glob("*.incr.aof"))
        size = files[-1].stat().st_size if files else 0
        lost = min(size, chance.randint(1, 60_000))
        if lost:
            with files[-1].open("r+b") as file:
                file.truncate(size - lost)
        return f"Redis lost the last {lost} bytes of its log"

    return await _down(arena, "valkey", strike.seconds, cut)


async def _empty(arena: Arena, strike: Strike) -> str:
    def remove() -> str:
        shutil.rmtree(_append_only(arena), ignore_errors=True)
        return "Redis came back empty"

    return await _down(arena, "valkey", strike.seconds, remove)


def _append_only(arena: Arena) -> Path:
    return arena.folder / "valkey" / "data" / "appendonlydir"


async def _wipe(arena: Arena, _: Strike) -> str:
    port = arena.stack.state.layout.redis_port
    size = await redis_says(port, "DBSIZE")
    await redis_says(port, "FLUSHALL")
    return f"{int(size[1:])} keys were lost"


async def _forget_scripts(arena: Arena, strike: Strike) -> str:
    loop = asyncio.get_running_loop()
    until, times = loop.time() + strike.seconds, 0
    while loop.time() < until:
        await redis_says(arena.stack.state.layout.redis_port, "SCRIPT", "FLUSH")
        times += 1
        await asyncio.sleep(0.3)
    return f"scripts were forgotten {times} times"


# -- the network


def _under(weather: Callable[[random.Random], Weather]) -> Hit:
    """Make a fault of a weather; what it did is told by the link's figures."""

    async def change(arena: Arena, strike: Strike) -> str:
        (name,) = strike.victims
        links = arena.links[name]
        before = _figures(links)
        chosen = weather(random.Random(strike.dice))  # noqa: S311 - as above
        for link in links:
            link.set(chosen)
        try:
            await asyncio.sleep(strike.seconds)
        finally:
            for link in links:
                link.clear()
        after = _figures(links)
        passed = {key: after[key] - before[key] for key in after if after[key] != before[key]}
        told = ", ".join(f"{key.replace('_', ' ')} {many}" for key, many in passed.items())
        return (
            f"{name}: {told or 'nothing passed'}" if passed or any(link.connections for link in links) else ""
        )

    return change


def _figures(links: Sequence[Link]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for link in links:
        found.update(asdict(link.figures))
    return found


def _slow(chance: random.Random) -> Weather:
    return Weather(latency_seconds=chance.uniform(0.05, 0.4), jitter_seconds=0.05)


HITS: Final[Mapping[str, Hit]] = {
    "kill-worker": _kill,
    "kill-half": _kill,
    "kill-coordinator": _kill,
    "kill-coordinators": _kill,
    "kill-submitter": _kill,
    "freeze-worker": _freeze,
    "freeze-coordinator": _freeze,
    "stop-worker": _stop,
    "stop-coordinator": _stop,
    "kill-kafka": _kill_kafka,
    "kill-redis": _kill_redis,
    "cut-tail": _cut_tail,
    "wipe": _wipe,
    "empty": _empty,
    "cut": _under(lambda _: CUT),
    "stall": _under(lambda _: STALLED),
    "one-way": _under(lambda chance: chance.choice([DEAF, MUTE])),
    "half-open": _under(lambda _: HALF_OPEN),
    "lost-replies": _under(lambda _: Weather(lost_replies=0.1)),
    "slow": _under(_slow),
    "narrow": _under(lambda _: Weather(bytes_per_second=20_000)),
    "duplicates": messages.duplicates,
    "replay": messages.replay,
    "poison": messages.poison,
    "killer": messages.killer,
    "rebalances": messages.rebalances,
    "forget-scripts": _forget_scripts,
    "block-loop": messages.block_loop,
}
