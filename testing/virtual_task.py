"""A task that is the same in every run of a simulation."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class VirtualTask(asyncio.Task[Any]):
    """A task whose hash is its number: sets of tasks then have the same order in every run."""

    def __init__(
        self,
        coro: Coroutine[Any, Any, Any],
        number: int,
        loop: asyncio.AbstractEventLoop,
        **options: Any,  # noqa: ANN401 - asyncio's own
    ) -> None:
        """Begin as any task does."""
        self.number = number
        super().__init__(coro, loop=loop, **options)

    __eq__ = object.__eq__

    def __hash__(self) -> int:
        """Return the number."""
        return self.number
