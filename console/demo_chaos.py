"""The demo's chaos: kills processes of its own fleet while runs go through, and says so."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from typing import Final

from argosy.console.live import Progress
from argosy.console.stack import LocalStack
from argosy.console.valkey_server import flush_all

PAUSE_SECONDS = 4.0
_FIRST_SECONDS: Final = 0.3  # the team's run can be over in two seconds, and is to see one kill at least
_SERVICES: Final = ("coordinator", "valkey")


async def torment(
    stack: LocalStack, names: Sequence[str], seed: int, done: asyncio.Event, progress: Progress
) -> None:
    """Kill -9 one of `names` at once, then every few seconds until done; Redis comes back with its data, or none.

    A seed decides who and when: two runs of one seed hurt alike.
    """
    chance = random.Random(seed)  # noqa: S311 - a reproducible choice, no secret
    chosen = victims(names, chance)
    mean_seconds = _FIRST_SECONDS
    while not await _within(done, mean_seconds * chance.uniform(0.5, 1.5)):
        mean_seconds = PAUSE_SECONDS
        name = next(chosen)
        if name == "valkey" and chance.random() < 0.5:  # noqa: PLR2004 - a coin
            progress.say("chaos: FLUSHALL, Redis has lost everything")
            await flush_all(stack.state.layout.redis_port)
            continue
        progress.say(f"chaos: kill -9 {name}")
        await stack.supervisor.kill(name)
        await stack.supervisor.until_ready(name)
        progress.say(f"chaos: {name} is back")


def victims(names: Sequence[str], chance: random.Random) -> Iterator[str]:
    """Name whom to kill next, without end: first a worker, the coordinator and Redis; then each once, and again.

    A demo is short: with free choice each time, most would never show more than workers that die.
    """
    workers = [name for name in names if name not in _SERVICES]
    deck = [chance.choice(workers), *_SERVICES]
    while True:
        chance.shuffle(deck)
        yield from deck
        deck = list(names)


async def _within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
