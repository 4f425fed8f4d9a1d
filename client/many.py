"""Many calls at once, bounded, in the order of what they are made for."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from itertools import count
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def in_order(
    call: Callable[[T], Coroutine[Any, Any, R]], items: Iterable[T], in_flight: int
) -> AsyncGenerator[R]:
    """Yield `call(item)` of each item, in order, with at most `in_flight` calls begun and not yet yielded.

    An item is taken only when its call can begin, so `items` may be endless. The first error is raised in
    its place and cancels the calls that are under way, as leaving the loop does.
    """
    # No task group: a generator that yields inside one would have it cancel whoever happens to be reading.
    under_way: deque[asyncio.Task[R]] = deque()
    numbers = count()
    try:
        for item in items:
            under_way.append(asyncio.create_task(call(item), name=f"call {next(numbers)}"))
            if len(under_way) >= in_flight:
                yield await under_way[0]
                under_way.popleft()
        while under_way:
            yield await under_way[0]
            under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.gather(*under_way, return_exceptions=True)
