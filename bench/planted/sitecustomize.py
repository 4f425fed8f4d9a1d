"""Planted slowness: Python imports a module of this name as it starts, and so each process of the bench gets slower.

`make bench-check CHECK="--plant 100"` puts this folder on their path: the check must see it, else it sees nothing.
"""

import functools
import os
import sys
import time
from collections.abc import Callable
from typing import Any

SECONDS = float(os.environ.get("BENCH_BURN_MICROSECONDS", "0")) / 1e6


def _slowed(work: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(work)
    def slower(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever it was
        until = time.thread_time() + SECONDS
        while time.thread_time() < until:
            pass
        return work(*args, **options)

    return slower


if SECONDS and sys.argv[0] == "-m":  # `python -m argosy`: neither the bench nor its yardstick
    from argosy.agents.success import Success
    from argosy.coordinator.lane_state import LaneState

    Success.body = _slowed(Success.body)  # type: ignore[method-assign]
    LaneState.fold = _slowed(LaneState.fold)  # type: ignore[method-assign]
