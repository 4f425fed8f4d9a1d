"""Submitting many runs and waiting for all their results."""

import asyncio
from collections.abc import Iterable
from typing import TypeVar

from app import Item

from argosy.client.connection import Argosy
from argosy.client.run import Run
from argosy.pipelines.pipeline import Pipeline

In = TypeVar("In")
Out = TypeVar("Out")

AT_ONCE = 100
TEXT = "a line of some thirty letters. " * 20
"""600 bytes: with all that goes around it a dispatch has about a kilobyte."""
ITEM = Item(text=TEXT)


async def submit(fleet: Argosy, pipeline: Pipeline[In, Out], values: Iterable[In]) -> list[Run[Out]]:
    """Submit a run for each value, some at once."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(value: In) -> Run[Out]:
        async with room:
            return await fleet.submit(pipeline, value)

    return await asyncio.gather(*(one(value) for value in values))


async def results(runs: Iterable[Run[Out]]) -> list[Out]:
    """Wait for the results of all."""
    return await asyncio.gather(*(run.result() for run in runs))
