"""Leases without a thread: a task stands for it. A blocked event loop doesn't stop it, as it doesn't stop a thread."""

import asyncio

from argosy.agents.lease import Leases
from argosy.schemas.errors import Unreachable
from argosy.telemetry import logs
from argosy.testing.gate import GATE
from argosy.testing.process import Process


class SteppedLeases(Leases):
    """See `Leases`."""

    _renewing: "asyncio.Task[None] | None" = None

    def start(self) -> None:
        """Start renewing, in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._tick()
        process = GATE.get()
        if isinstance(process, Process):
            self._renewing = process.thread.begin(self._renew_on(), "leases")
        else:
            self._renewing = self._loop.create_task(self._renew_on(), name="leases")

    async def stop(self) -> None:
        """Stop renewing; what still runs keeps the rest of its lease."""
        self._stopping.set()
        if self._ticker is not None:
            self._ticker.cancel()
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait({self._renewing})

    async def _renew_on(self) -> None:
        scripts = self._connect()
        while True:
            await asyncio.sleep(self._renew_seconds)
            try:
                self.renew(scripts)
            except Unreachable as error:
                logs.get("argosy.leases").debug("leases were not renewed", error=str(error))
