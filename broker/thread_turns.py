"""Blocking calls of one turn of the event loop, several to a thread: to wake one takes longer than a short call."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

from argosy.schemas.errors import ArgosyError

T = TypeVar("T")


class ThreadTurns:
    """Threads that take up to `at_once` calls each, of those that were made in one turn, one after the other."""

    def __init__(self, threads: int, at_once: int, name: str) -> None:
        """Start no thread yet."""
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._at_once = at_once
        self._made: dict[asyncio.AbstractEventLoop, list[_Told]] = {}

    async def call(self, work: Callable[[], T]) -> T:
        """Do something in a thread. Raises what it raises; those beside it raise that too.

        But an ArgosyError, and that memory is short, are told to none but who asked.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        made = self._made.setdefault(loop, [])
        if not made:
            loop.call_soon(self._begin, loop)
        made.append(_Call(work, future))
        return await future

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        made = self._made.pop(loop)
        for first in range(0, len(made), self._at_once):
            some = made[first : first + self._at_once]
            try:
                done = loop.run_in_executor(self._pool, _do, some)
            except RuntimeError as error:  # the system gives no more threads, or the process ends
                for call in some:
                    call.tell(error)
            else:
                done.add_done_callback(_teller(some))


class _Told(Protocol):
    def do(self) -> None: ...

    def tell(self, failed: BaseException | None) -> None: ...


class _Call(Generic[T]):
    """A call, and who waits for it."""

    def __init__(self, work: Callable[[], T], future: asyncio.Future[T]) -> None:
        self._future = future
        self._work = work
        self._found: list[T] = []
        self._error: BaseException | None = None

    def do(self) -> None:
        if self._future.cancelled():
            return
        try:
            self._found.append(self._work())
        except (ArgosyError, MemoryError) as error:  # of a large value: beside it may lie small ones
            self._error = error

    def tell(self, failed: BaseException | None) -> None:
        if self._future.done():  # cancelled meanwhile
            return
        if self._found:
            self._future.set_result(self._found.pop())
        else:
            self._future.set_exception(self._error or failed or RuntimeError("a call was left out"))


def _do(calls: Sequence[_Told]) -> None:
    for call in calls:
        call.do()


def _teller(calls: Sequence[_Told]) -> Callable[[asyncio.Future[None]], None]:
    def tell(done: asyncio.Future[None]) -> None:
        failed = asyncio.CancelledError() if done.cancelled() else done.exception()
        for call in calls:
            call.tell(failed)

    return tell
