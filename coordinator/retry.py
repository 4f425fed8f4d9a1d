"""When the next attempt is due: exponential backoff; its jitter is hashed, so that every fold agrees."""

import hashlib
from typing import Final

from argosy.schemas.contract import Contract
from argosy.schemas.fault import Fault

MOST_BACKOFF_MS: Final = 300_000
"""Doubling stops here, unless the contract's own backoff is longer."""


def next_attempt_ms(task_id: str, attempt: int, contract: Contract, fault: Fault) -> int | None:
    """Milliseconds from the failure of `attempt` to the next one; None if there is none.

    A handler's own word (`Retry(after_seconds=…)`) is taken as it is. Else the backoff doubles with each
    attempt, and the wait lies between half of that and the whole of it.
    """
    if not fault.retriable or attempt > contract.retries:
        return None
    if fault.after_ms is not None:
        return max(0, fault.after_ms)
    backoff = contract.backoff_millis
    most = max(MOST_BACKOFF_MS, backoff)
    # A shift by more than the most could ever need: attempts may be many, and integers have no bound.
    backoff = min(most, backoff << min(attempt - 1, most.bit_length()))
    return backoff // 2 + (backoff - backoff // 2) * _jitter_per_mille(task_id, attempt) // 1000


def _jitter_per_mille(task_id: str, attempt: int) -> int:
    digest = hashlib.sha256(f"{task_id}#{attempt}".encode()).digest()
    return int.from_bytes(digest[:4]) % 1001
