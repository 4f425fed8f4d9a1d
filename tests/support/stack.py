"""A real local stack for tests, in a thread with an event loop: a test's own loop lives for one test only."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Self

from argosy.console.stack import LocalStack


class StackThread:
    """Kafka and Valkey, real processes under a real supervisor; every method blocks until it is done.

    From an async test: `await asyncio.to_thread(stack.kill, "kafka")`. Names are `kafka` and `valkey`.
    """

    def __init__(self, folder: Path, *, brokers: int = 1, doors: int = 0) -> None:
        self._folder, self._brokers, self._doors = folder, brokers, doors
        self._started: Future[tuple[LocalStack, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="stack", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._stack, self._loop, self._leave = self._started.result(timeout=300)
        self.bootstrap_servers, self.redis_url = self._stack.bootstrap_servers, self._stack.redis_url
        self.redis_port = self._stack.state.layout.redis_port
        self.cluster = self._stack.state.layout.cluster
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._leave.set)
        self._thread.join(timeout=180)
        assert not self._thread.is_alive(), "the stack did not stop within three minutes"

    def pid(self, name: str) -> int:
        """The process id now; the child must be running."""
        process = self._stack.supervisor.children[name].process
        assert process is not None, f"{name} is not running"
        return process.pid

    def kill(self, name: str) -> None:
        """kill -9, wait until the supervisor has it back and ready."""
        self._do(self._kill(name))

    def hold(self, name: str) -> None:
        """kill -9, and keep it down until `resume`. A test that holds must resume, in a `finally`."""
        self._do(self._stack.supervisor.hold(name))

    def resume(self, name: str) -> None:
        """Start a held server again; returns when it is ready."""
        self._do(self._stack.supervisor.resume(name))

    def restart(self, name: str) -> None:
        """Stop with SIGTERM, start again; returns when it is ready."""
        self._do(self._stack.supervisor.restart(name))

    async def _kill(self, name: str) -> None:
        await self._stack.supervisor.kill(name)
        await self._stack.supervisor.until_ready(name)

    def _do(self, work: Coroutine[object, object, object]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=300)

    async def _run(self) -> None:
        leave = asyncio.Event()
        try:
            async with LocalStack(self._folder, brokers=self._brokers, doors=self._doors) as stack:
                self._started.set_result((stack, asyncio.get_running_loop(), leave))
                await leave.wait()
        except BaseException as error:  # it belongs to the thread that waits for the start
            if self._started.done():
                raise
            self._started.set_exception(error)
