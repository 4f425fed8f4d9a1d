"""Renewing leases: a thread of its own, with its own connection, so that a busy event loop loses no claim.

But a live lease for a dead loop would keep the task from everyone: the thread renews only if the loop has
ticked since the last time, and ends the process when it has not ticked for a whole lease.
"""

import asyncio
import math
import threading
from collections.abc import Callable, Iterator, Sequence

from argosy.agents.hold import HOLD, MOST, Held, Holding, Holds, read_held
from argosy.agents.running import Running
from argosy.broker.store import SyncScripts
from argosy.schemas.errors import Refused, Unreachable
from argosy.telemetry import logs

EndProcess = Callable[[str], None]


class Leases:
    """The leases of what runs here. `add` and `remove` from the event loop; the thread does the rest."""

    def __init__(
        self,
        connect: Callable[[], SyncScripts],
        holds: Holds,
        *,
        renew_seconds: float,
        grace_seconds: float,
        end: EndProcess,
    ) -> None:
        """`end` ends the process, and says why: it is called from the thread, and need not return."""
        self._connect, self._holds, self._end = connect, holds, end
        self._renew_seconds, self._grace_seconds = renew_seconds, grace_seconds
        self._most_silent = max(2, math.ceil(holds.lease_ms / 1000 / renew_seconds))
        self._running: dict[str, Running] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._ticks, self._seen, self._silent = 0, 0, 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ticker: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Start the thread and the tick, in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._tick()
        self._thread = threading.Thread(target=self._run, name="argosy-leases", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Stop renewing; what still runs keeps the rest of its lease."""
        self._stopping.set()
        if self._ticker is not None:
            self._ticker.cancel()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def add(self, running: Running) -> None:
        """Renew this one's lease from now on."""
        with self._lock:
            self._running[running.fence] = running

    def remove(self, running: Running) -> None:
        """Renew this one's lease no more."""
        with self._lock:
            self._running.pop(running.fence, None)

    def renew(self, scripts: SyncScripts) -> None:
        """Renew all leases, in one call for each lane, if the loop has ticked.

        Tell the loop what was lost. Raises Unreachable.
        """
        if not self._loop_lives():
            return
        for lane, some in self._by_lane():
            try:
                held = self._hold(scripts, lane, some)
            except Refused as error:  # what one lane's keys cause must not cost the leases of all the others
                logs.get("argosy.leases").error("leases were refused", lane=lane, error=str(error))
                continue
            for running, said in zip(some, held, strict=False):
                if said != "ok" and self._loop is not None:
                    self._loop.call_soon_threadsafe(running.stop, said)

    def _run(self) -> None:
        scripts = self._connect()
        try:
            while not self._stopping.wait(self._renew_seconds):
                try:
                    self.renew(scripts)
                except Unreachable as error:
                    logs.get("argosy.leases").warning("leases were not renewed", error=str(error))
        finally:
            scripts.close()
            # Handlers must not go on believing in leases that a defect of this thread has ended.
            if not self._stopping.is_set():
                self._end("the thread that renews leases has died; see the error above")

    def _tick(self) -> None:
        self._ticks += 1
        if self._loop is not None and not self._stopping.is_set():
            self._ticker = self._loop.call_later(self._renew_seconds / 4, self._tick)

    def _loop_lives(self) -> bool:
        # Counted in turns of this thread, not in time: a process that was stopped for a while missed no turn.
        ticks = self._ticks
        self._silent = self._silent + 1 if ticks == self._seen else 0
        self._seen = ticks
        if self._silent >= self._most_silent:
            self._end(
                f"the event loop has not run for {self._silent * self._renew_seconds:g} s: "
                "a handler blocks it; "
                "await what it waits for, or run it in a thread (asyncio.to_thread)"
            )
        return self._silent == 0

    def _by_lane(self) -> Iterator[tuple[int, Sequence[Running]]]:
        with self._lock:
            all_running = list(self._running.values())
        by_lane: dict[int, list[Running]] = {}
        for running in all_running:
            # No lease outlives its attempt's time.
            if self._lease_ms(running) > 0:
                by_lane.setdefault(running.order.body.lane, []).append(running)
        for lane, found in by_lane.items():
            for first in range(0, len(found), MOST):
                yield lane, found[first : first + MOST]

    def _hold(self, scripts: SyncScripts, lane: int, some: Sequence[Running]) -> Sequence[Held]:
        lanes = self._holds.lanes
        holdings = [
            Holding(running.order, running.fence, max(1, self._lease_ms(running))) for running in some
        ]
        for _ in range(2):
            keys, args = self._holds.arguments(lanes.keys(lane), lanes.epoch(lane), holdings)
            found = lanes.learn(lane, scripts.run(HOLD, keys, args))
            if found is not None:
                return [read_held(said) for said in found]
        return ()  # the lane is being rebuilt: the next turn asks again

    def _lease_ms(self, running: Running) -> int:
        left = running.limit.left() + self._grace_seconds
        return min(self._holds.lease_ms, int(left * 1000))
