"""Ending the process where going on would do harm: a message that says why, and an exit code."""

import os
import sys
import threading
from contextlib import suppress
from typing import Final, NoReturn

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from argosy.telemetry import logs

BROKEN: Final = 70
"""Exit code of a worker that found itself broken (`EX_SOFTWARE`): its supervisor starts a fresh one."""
_FLUSH_SECONDS: Final = 2.0


def end_process(why: str) -> NoReturn:
    """End the process now, from any thread. Leases run out, others take over; only spans get a moment to leave."""
    logs.get("argosy.worker").error("the worker ends itself", why=why)
    with suppress(OSError, ValueError):  # nobody reads it any more: all the more reason to end
        sys.stderr.write(f"argosy worker: {why}\n")
        sys.stderr.flush()
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        # In a thread: the library's flush has a timeout in its signature only.
        flush = threading.Thread(target=provider.force_flush, name="last spans", daemon=True)
        flush.start()
        flush.join(_FLUSH_SECONDS)
    os._exit(BROKEN)
