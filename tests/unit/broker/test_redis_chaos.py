"""Replies find their callers whatever happens to the connection under them."""

import asyncio
import random
from pathlib import Path

from argosy.broker.redis import RedisStore
from argosy.broker.script import Script
from argosy.schemas.errors import Unreachable
from support.valkey import Valkey

ECHO = Script.of_text("echo", "redis.call('HSET', KEYS[1], ARGV[1], 1) return ARGV[1]")
LOST = "lost"


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
        for turn in range(60):
            match turn % 20:
                case 5:
                    await asyncio.to_thread(valkey.kill)
                    await asyncio.to_thread(valkey.start)
                case 10:
                    await store.command(b"SCRIPT", b"FLUSH")
                case 15:
                    valkey.pause()
                case _:
                    pass
            calls = [ask(store, f"{turn}/{number}", chance) for number in range(40)]
            answered |= set(await asyncio.gather(*calls))
            valkey.go_on()
        await asyncio.wait_for(back(store), timeout=60)
        done = {field.decode() for field in await store.hgetall("h")}
        await store.close()
    answered.discard(LOST)
    assert answered <= done, "a reply was given for what never took effect"
    assert len(answered) > 1000
    assert done - answered <= {f"{turn}/{number}" for turn in range(60) for number in range(40)}


async def back(store: RedisStore) -> None:
    """Wait until the server answers again."""
    while True:
        try:
            await store.get("h2")
        except Unreachable:
            continue
        return
