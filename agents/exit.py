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
"""Exit code of a process that found itself broken (`EX_SOFTWARE`): its supervisor starts a fresh one."""
_LAST_SECONDS: Final = 3.0


def end_process(why: str, role: str = "worker") -> NoReturn:
    """End the process now, from any thread. Leases run out, others take over; last words get a moment, no more.

    `role` is what it calls itself.
    """
    # In a thread: a pipe that nobody reads blocks it, and the library's flush has a timeout in its signature only.
    last = threading.Thread(target=_last_words, args=(why, role), name="last words", daemon=True)
    last.start()
    last.join(_LAST_SECONDS)
    os._exit(BROKEN)


def _last_words(why: str, role: str) -> None:
    logs.get("argosy.worker").error(f"the {role} ends itself", why=why)
    with suppress(OSError, ValueError):
        sys.stderr.write(f"argosy {role}: {why}\n")
        sys.stderr.flush()
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.force_flush()
