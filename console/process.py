"""Which process is meant: a pid alone is used again by the system, a pid with its start time is not."""

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from typing import Final

import psutil
from pydantic import BaseModel, ConfigDict

_POLL_SECONDS: Final = 0.02


class ProcessId(BaseModel):
    """A process of this machine; `started_at` is the system's own figure, in Unix seconds."""

    model_config = ConfigDict(frozen=True)

    pid: int
    started_at: float

    @classmethod
    def of(cls, pid: int) -> "ProcessId | None":
        """Identify a running process; None if there is none (a zombie counts as none)."""
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            return cls(pid=pid, started_at=process.create_time())
        except psutil.NoSuchProcess:
            return None

    def is_running(self) -> bool:
        """Tell whether this very process still runs; not one that got its pid later."""
        now = ProcessId.of(self.pid)
        # The clock's slewing moves create_time by a few milliseconds between two readings.
        return now is not None and abs(now.started_at - self.started_at) < 1

    def kill(self, signal_number: int = signal.SIGKILL) -> None:
        """Signal this very process; one that is gone is no error."""
        if self.is_running():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal_number)


def reap(left_over: Iterable[ProcessId], wait_seconds: float = 60) -> list[ProcessId]:
    """Kill what a dead supervisor left running, wait until it is gone, and return what was killed."""
    killed = [process for process in left_over if process.is_running()]
    for process in killed:
        process.kill()
    give_up_at = time.monotonic() + wait_seconds
    while any(process.is_running() for process in killed) and time.monotonic() < give_up_at:
        time.sleep(_POLL_SECONDS)
    return killed
