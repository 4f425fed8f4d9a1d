"""Whose steps a virtual loop runs: the gate that each step passes."""

import asyncio
from contextvars import ContextVar
from typing import Protocol


class Gate(Protocol):
    """Whose steps these are: a simulated process, which may be stopped, or dead."""

    def admits(self, handle: asyncio.Handle) -> bool:
        """Say whether a step may run now. If not, the gate has kept it for later, or let it fall for good."""
        ...


GATE: ContextVar[Gate | None] = ContextVar("argosy_testing_gate", default=None)
"""The gate of whatever runs now. Tasks, timers and callbacks inherit it, as they inherit every context variable."""
