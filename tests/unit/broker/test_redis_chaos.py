"""Replies find their callers whatever happens to the connection under them."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from argosy.broker.redis import RedisStore
from argosy.broker.script import Script
from argosy.schemas.errors import Unreachable
from support.valkey import Valkey

ECHO = Script.of_text("echo", "redis.call('HSET', KEYS[1], ARGV[1], 1) return ARGV[1]")
LOST = "lost"
TURNS, ENOUGH = 60, 1_000
T = TypeVar("T")


async def ask(store: RedisStore, token: str, chance: random.Random) -> str:
    """Make a call that is sometimes given up by its caller, and say how it ended."""
    call = asyncio.create_task(store.run(ECHO, ["h"], [token]), name=token)
    if chance.random() < 0.1:
        await asyncio.sleep(0)
        call.cancel()
    try:
        reply = await call
    except (Unreachable, asyncio.CancelledError):
        return LOST
    assert reply == token.encode(), "a caller got another one's reply"
    return token


async def test_no_caller_ever_gets_another_ones_reply(tmp_path: Path) -> None:
    chance = random.Random(4)  # noqa: S311  # faults at the same calls each time
    with Valkey(tmp_path, "--appendonly", "yes", "--appendfsync", "always") as valkey:
        store = valkey.store(timeout_seconds=0.5)
        answered: set[str] = set()
        turn = 0
        while turn < TURNS or len(answered) <= ENOUGH:  # on a busy machine many answers come too late
            match turn % 20:
                case 5:
                    await asyncio.to_thread(valkey.kill)
                    await asyncio.to_thread(valkey.start)
                case 10:
                    await repeated(lambda: store.command(b"SCRIPT", b"FLUSH"))
                case 15:
                    valkey.pause()
                case _:
                    pass
            calls = [ask(store, f"{turn}/{number}", chance) for number in range(40)]
            answered |= set(await asyncio.gather(*calls)) - {LOST}
            valkey.go_on()
            turn += 1
        done = {field.decode() for field in await repeated(lambda: store.hgetall("h"))}
        await store.close()
    assert answered <= done, "a reply was given for what never took effect"
    assert done <= {f"{number}/{call}" for number in range(turn) for call in range(40)}


async def repeated(call: Callable[[], Awaitable[T]]) -> T:
    """Ask until the server answers in time."""
    while True:
        try:
            return await call()
        except Unreachable:
            continue
