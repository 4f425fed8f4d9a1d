"""Ending the process where going on would do harm: a message that says why, and an exit code."""

import os
import sys
from typing import Final, NoReturn

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from argosy.telemetry import logs

BROKEN: Final = 70
"""Exit code of a worker that found itself broken (`EX_SOFTWARE`): its supervisor starts a fresh one."""
_FLUSH_MILLIS: Final = 2_000


def end_process(why: str) -> NoReturn:
    """End the process now, from any thread. Leases run out, others take over; only spans get a moment to leave."""
    logs.get("argosy.worker").error("the worker ends itself", why=why)
    sys.stderr.write(f"argosy worker: {why}\n")
    sys.stderr.flush()
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.force_flush(_FLUSH_MILLIS)
    os._exit(BROKEN)
