"""Inside of which step a handler's code runs: a later attempt that takes the step's memo runs none of it.

So what is counted in there is counted apart: were it counted with the rest, the rest would have other numbers then.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from argosy.schemas.canonical import sha256_hex

_STEPS: Final[ContextVar[str]] = ContextVar("argosy_steps", default="")


@contextmanager
def inside(step: str) -> Generator[None]:
    """Say that what runs in here, tasks that it starts included, is what a step of this name does."""
    mark = _STEPS.set(f"{_STEPS.get()}\n{step}")
    try:
        yield
    finally:
        _STEPS.reset(mark)


def apart(name: str) -> str:
    """Name something that is counted: as it is outside of steps, by the steps too inside of them."""
    steps = _STEPS.get()
    return f"{name}:{sha256_hex(steps.encode())[:12]}" if steps else name
