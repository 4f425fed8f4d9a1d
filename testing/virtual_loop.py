"""An event loop whose time is virtual and whose order comes from a seed: the same seed gives the same history.

There are no sockets, no threads and no waiting: when nothing can run, time jumps to the next timer.
"""

import asyncio
import random
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import Context, copy_context
from itertools import count
from typing import Any, Final, TypeVar, TypeVarTuple, cast

from argosy.schemas.errors import Stalled
from argosy.testing.gate import GATE, Gate
from argosy.testing.schedule import Schedule
from argosy.testing.virtual_task import VirtualTask

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

TURN_SECONDS: Final = 1e-5
"""What each turn of the loop takes: code that spins can't stop the clock."""
_MOST_LAST_TURNS: Final = 2_000


class VirtualLoop(asyncio.AbstractEventLoop):
    """Runs what asyncio runs, one turn after the other, in virtual seconds since `start`.

    Ready callbacks keep their order, as asyncio promises; with `shuffle`, steps of different tasks are put in
    an order that the seed decides, in each turn.
    """

    def __init__(
        self,
        seed: int | str = 0,
        *,
        start: float = 0.0,
        shuffle: bool = True,
        around: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """`around` is entered whenever the loop runs, and left whenever it doesn't."""
        self.turns = 0
        self.unhandled: list[dict[str, Any]] = []
        """What nobody caught: see `call_exception_handler`."""
        chance = random.Random(f"loop {seed}")  # noqa: S311 - an order that can be had again, no secret
        self._now, self._around = start, around
        self._schedule = Schedule(chance if shuffle else None)
        self._task_numbers = count()
        self._tasks: dict[int, VirtualTask] = {}
        self._running = self._stopping = self._closed = False

    # -- time

    def time(self) -> float:
        """Return virtual seconds."""
        return self._now

    def take(self, seconds: float) -> None:
        """Let time pass in which nothing runs: what a handler that blocks the loop costs."""
        self._now += max(0.0, seconds)

    # -- callbacks

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """See asyncio."""
        context = copy_context() if context is None else context
        handle = _Handle(callback, args, self, context)
        self._schedule.ready.append((handle, context.get(GATE)))
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """See asyncio: what a process's other thread calls waits for the process's event loop."""
        context = copy_context() if context is None else context
        home: Gate | None = getattr(context.get(GATE), "process", None)
        if home is not None:
            context.run(GATE.set, home)
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """See asyncio."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """See asyncio."""
        context = copy_context() if context is None else context
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._schedule.at(handle, context.get(GATE))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Nothing: a cancelled timer is passed over when its time comes."""

    def again(self, handles: list[asyncio.Handle], gate: Gate) -> None:
        """Let run what a gate has kept."""
        self._schedule.ready += [(handle, gate) for handle in handles]

    # -- tasks and futures

    def create_future(self) -> asyncio.Future[Any]:
        """See asyncio."""
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
        *,
        name: object = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        """See asyncio. The loop keeps the task until it is done, as a dead process can't."""
        if not asyncio.iscoroutine(coro):
            message = f"a coroutine was expected, got {coro!r}"
            raise TypeError(message)
        number = next(self._task_numbers)
        named = f"task {number}" if name is None else str(name)
        if context is None:
            task = VirtualTask(coro, number, self, name=named)
        else:
            task = VirtualTask(coro, number, self, name=named, context=context)
        self._tasks[number] = task
        task.add_done_callback(self._forget, context=_NOBODY)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        if isinstance(task, VirtualTask):
            self._tasks.pop(task.number, None)

    @property
    def tasks(self) -> list[VirtualTask]:
        """All tasks that are not done, in the order of their beginning."""
        return list(self._tasks.values())

    async def _inline(self, function: Callable[..., T], args: tuple[Any, ...]) -> T:
        return function(*args)

    def run_in_executor(self, executor: object, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Run the function here, in a step of its own: a simulated process has one thread."""
        del executor
        return self.create_task(self._inline(func, args), name="in a thread")

    # -- running

    def run_until_complete(self, future: Generator[Any, None, T] | Awaitable[T]) -> T:
        """Run until the future is done and return its result. Raises Stalled if it never can be."""
        whole: asyncio.Future[T] = asyncio.ensure_future(cast("Awaitable[T]", future), loop=self)
        with self._entered():
            while not whole.done():
                if not self._turn():
                    whole.cancel()
                    raise Stalled(self._what_waits())
        return whole.result()

    def run_forever(self) -> None:
        """Run until `stop`, or until nothing can happen any more."""
        with self._entered():
            while not self._stopping and self._turn():
                pass
            self._stopping = False

    def run_until_idle(self, busy: Callable[[], bool]) -> None:
        """Run until nothing is ready and nothing is `busy`: until only time would help."""
        with self._entered():
            while (self._schedule.ready or busy()) and self._turn():
                pass

    @contextmanager
    def _entered(self) -> Generator[None]:
        """Be the running loop of this thread."""
        if asyncio._get_running_loop() is not None:  # noqa: SLF001 - exported by asyncio for those who write loops
            message = "a simulation can't run inside another event loop's thread"
            raise RuntimeError(message)
        hooks = sys.get_asyncgen_hooks()
        with self._around():
            sys.set_asyncgen_hooks(finalizer=self._closing)
            asyncio._set_running_loop(self)  # noqa: SLF001 - as above
            self._running = True
            try:
                yield
            finally:
                self._running = False
                asyncio._set_running_loop(None)  # noqa: SLF001 - as above
                sys.set_asyncgen_hooks(*hooks)

    def _turn(self) -> bool:
        """Run what is ready now; if nothing is, let time jump to the next timer. False: nor is there a timer."""
        now = self._schedule.next(self._now)
        if now is None:
            return False
        self._now = now
        for handle, gate in self._schedule.take(now):
            if not handle._cancelled and (gate is None or gate.admits(handle)):  # noqa: SLF001 - a call saved, a million times
                handle._run()  # noqa: SLF001 - what a loop is there for: asyncio has no public way to run a handle
        self.turns += 1
        self._now += TURN_SECONDS
        return True

    def _what_waits(self) -> str:
        return f"waiting: {', '.join(task.get_name() for task in self._tasks.values()) or 'nobody'}"

    def is_running(self) -> bool:
        """See asyncio."""
        return self._running

    def is_closed(self) -> bool:
        """See asyncio."""
        return self._closed

    def stop(self) -> None:
        """See asyncio."""
        self._stopping = True

    def close(self) -> None:
        """Cancel every task and let each come to its end; what still doesn't end is left."""
        if self._closed:
            return
        with self._entered():
            for _ in range(_MOST_LAST_TURNS):
                for task in self.tasks:
                    if not task.cancelling():
                        task.cancel()
                if not self._tasks or not self._turn():
                    break
        for task in self._tasks.values():
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - as asyncio.gather does
        self._schedule.clear()
        self._closed = True

    async def shutdown_asyncgens(self) -> None:
        """Nothing: a generator that is dropped is closed at once."""

    # -- trouble

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what nobody caught in `unhandled`."""
        self.unhandled.append(context)

    def get_debug(self) -> bool:
        """See asyncio: never."""
        return False

    def _closing(self, generator: AsyncGenerator[Any, Any]) -> None:
        if not self._closed:
            self.create_task(generator.aclose(), name="close a generator")


class _Handle(asyncio.Handle):
    """A handle that doesn't ask, each time, whether the loop is debugged."""

    __slots__ = ()

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context,
    ) -> None:
        self._context, self._loop = context, loop
        self._callback, self._args = callback, args
        self._cancelled, self._repr, self._source_traceback = False, None, None


_NOBODY: Final = Context()
"""A context without a gate, and without anything else."""
