"""Ending the process where going on would do harm: a message that says why, and an exit code."""

import os
import sys
from typing import Final, NoReturn

from argosy.telemetry import logs

BROKEN: Final = 70
"""Exit code of a worker that found itself broken (`EX_SOFTWARE`): its supervisor starts a fresh one."""


def end_process(why: str) -> NoReturn:
    """End the process now, from any thread: nothing is waited for. Leases run out, others take over."""
    logs.get("argosy.worker").error("the worker ends itself", why=why)
    sys.stderr.write(f"argosy worker: {why}\n")
    sys.stderr.flush()
    os._exit(BROKEN)
