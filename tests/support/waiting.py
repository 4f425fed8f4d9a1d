"""Wait on a condition instead of for a while."""

import asyncio
from collections.abc import Awaitable, Callable


async def eventually(condition: Callable[[], Awaitable[bool]], what: str, *, seconds: float = 240.0) -> None:
    """Ask until the condition holds; AssertionError that names `what` if it never does."""
    try:
        async with asyncio.timeout(seconds):
            while not await condition():  # noqa: ASYNC110 - it is another process that makes it so
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"after {seconds:g} s still not so: {what}") from None
