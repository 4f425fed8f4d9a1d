"""The life of a serving process: open the services, run until a signal, close all, flush telemetry."""

import asyncio
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

from argosy.agents.exit import end_process
from argosy.broker import tokens
from argosy.broker.cluster import KafkaCluster
from argosy.broker.payloads import ObstorePayloads
from argosy.broker.redis import RedisStore
from argosy.console.output import note
from argosy.schemas.errors import ClientBroken
from argosy.schemas.settings import Settings
from argosy.telemetry import setup

FORCED_EXIT = 128 + signal.SIGTERM
_STOPS: Final = (signal.SIGTERM, signal.SIGINT)
_POOL: Final = "argosy-pool"
_JOINED_SECONDS: Final = 2.0
"""What a process is to do before it loads the vocabulary may not take longer."""
_LAST_SECONDS: Final = 2.0
"""For threads to end after all is closed."""


@dataclass(frozen=True, slots=True)
class Services:
    """The connections of one process. Opened at first use, closed by `open_services`."""

    settings: Settings
    cluster: KafkaCluster
    store: RedisStore
    payloads: ObstorePayloads
    _beside: set[asyncio.Task[None]] = field(default_factory=set["asyncio.Task[None]"])

    def load_vocabulary(self, after: Awaitable[object]) -> None:
        """Load it in a thread `after` what must not wait for it: a quarter second of that lets nothing else run.

        Without, the first task would be held up by all of it, half a second, and the loop with it.
        """

        async def load() -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_JOINED_SECONDS):
                    await after
            await asyncio.to_thread(tokens.is_exact)

        self._beside.add(asyncio.create_task(load(), name="load the vocabulary"))

    async def settle(self) -> None:
        """Wait for it; before the pool of threads ends."""
        await asyncio.gather(*self._beside, return_exceptions=True)


@asynccontextmanager
async def open_services(settings: Settings, role: str) -> AsyncGenerator[Services]:
    """Connect, and close whatever happens. `role` is how the broker's logs name us."""
    cluster = KafkaCluster(settings.kafka, f"argosy-{role}-{os.getpid()}")
    store = RedisStore(settings.redis)
    try:
        yield Services(settings, cluster, store, ObstorePayloads(settings.payloads))
    finally:
        await cluster.close()
        await store.close()


Main = Callable[[Services, asyncio.Event], Awaitable[None]]


def serve(settings: Settings, role: str, main: Main) -> None:
    """Run `main(services, stop)` to its end.

    The first SIGTERM or SIGINT sets `stop`, the second ends the process at once.
    """
    telemetry = setup.start(role, settings.telemetry)
    _collect_seldom()
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            try:
                runner.run(_serve(settings, role, main))
            finally:
                if _threads_go_on():
                    # Closing the loop would wait for them, for hours perhaps; the work is others' by now.
                    _leave_behind(role, telemetry)
    finally:
        telemetry.stop()


async def say_ready(ready_file: Path | None) -> None:
    """Write the process id, once what others need of this process is there; its owner removes the file."""
    if ready_file is not None:
        await asyncio.to_thread(ready_file.write_text, f"{os.getpid()}\n", encoding="utf-8")


def _threads_go_on() -> bool:
    """Let the idle threads of the loop's pool end; say whether others still work."""
    until = time.monotonic() + _LAST_SECONDS
    pool = [thread for thread in threading.enumerate() if thread.name.startswith(_POOL)]
    for thread in pool:
        thread.join(max(0.0, until - time.monotonic()))
    return any(thread.is_alive() for thread in pool)


def _leave_behind(role: str, telemetry: setup.Telemetry) -> NoReturn:
    error = sys.exc_info()[1]
    why = f"{error}\n" if error is not None else ""
    note(f"{role}: {why}ended while a handler's thread still runs (asyncio.to_thread can't be cancelled)")
    telemetry.stop()
    os._exit(0 if error is None else 1)


def _collect_seldom() -> None:
    """Look for cycles seldom, and never in what was imported: a task makes hundreds of objects and few cycles."""
    gc.freeze()  # with the little garbage that imports left: to look for it takes a tenth of a start
    gc.set_threshold(50_000, 20, 100)


async def _serve(settings: Settings, role: str, main: Main) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told_to_stop() -> None:
        if stop.is_set():
            os._exit(FORCED_EXIT)
        note(f"{role}: stopping; once more to stop at once")
        stop.set()

    for number in _STOPS:
        loop.add_signal_handler(number, told_to_stop)
    pool = ThreadPoolExecutor(thread_name_prefix=_POOL)
    loop.set_default_executor(pool)
    try:
        async with open_services(settings, role) as services:
            watching = asyncio.create_task(_watch(services.cluster, role), name="vigil")
            try:
                await main(services, stop)
            finally:
                watching.cancel()
                await services.settle()
                await asyncio.wait({watching})
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        _end_at_signals(loop)


async def _watch(cluster: KafkaCluster, role: str) -> None:
    """End the process when a client of Kafka's stands still for ever: nothing in here would notice."""
    try:
        await cluster.watch()
    except ClientBroken as error:
        end_process(str(error), role)


def _end_at_signals(loop: asyncio.AbstractEventLoop) -> None:
    """Answer signals without the loop from here on: it hands them back to the system as it closes.

    Then one that came in those last moments looked like a death. Held back meanwhile, none falls in between.
    """
    held = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS) if sys.platform != "win32" else None
    for number in _STOPS:
        loop.remove_signal_handler(number)
        signal.signal(number, lambda _number, _frame: os._exit(FORCED_EXIT))
    if held is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - not there on Windows

    return uvloop.new_event_loop
