"""One call for scripts: submit a run, wait for its result."""

import asyncio
from typing import TypeVar

from argosy.client.connection import Argosy
from argosy.pipelines.pipeline import Pipeline
from argosy.schemas.errors import ConfigurationError, Unreachable

In = TypeVar("In")
Out = TypeVar("Out")


def run(
    pipeline: Pipeline[In, Out], value: In, *, run_id: str | None = None, timeout_seconds: float | None = None
) -> Out:
    """Run a pipeline on the configured fleet and return its result.

    Raises what `Argosy.submit` and `Run.result` raise. Not for use inside a running event loop: there it
    raises ConfigurationError, since it would block it.
    """
    if _in_a_loop():
        raise ConfigurationError(
            "argosy.run was called inside a running event loop",
            why="it blocks until the run has ended, and nothing else could go on",
            do="use `async with Argosy.connect() as fleet:` and `await fleet.submit(...)`",
        )
    try:
        return asyncio.run(_run(pipeline, value, run_id, timeout_seconds))
    except Unreachable as error:
        error.add_note(
            f"  why: {error.why}\n  do:  {error.do}"
        )  # a traceback shows notes: there is no console here
        raise


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _run(
    pipeline: Pipeline[In, Out], value: In, run_id: str | None, timeout_seconds: float | None
) -> Out:
    async with Argosy.connect() as fleet:
        handle = await fleet.submit(pipeline, value, run_id=run_id)
        return await handle.result(timeout_seconds=timeout_seconds)
