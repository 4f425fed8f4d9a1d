"""An app whose one agent mostly waits, as agents do for models; each task makes one side effect in the ledger.

It offers the scripted agents too, so that one fleet can be loaded with both.
"""

import asyncio
import os
import uuid
from pathlib import Path
from typing import Final

from argosy import Context, Pipeline, agent
from support.ledger import Ledger
from support.scripted import scripted

AT_ONCE: Final = 4
WAIT_SECONDS: Final = 0.4

__all__ = ["AT_ONCE", "WAIT_SECONDS", "scripted", "wait", "waiting"]

_LEDGER: list[Ledger] = []


def _ledger() -> Ledger:
    if not _LEDGER:
        _LEDGER.append(Ledger(Path(os.environ["ARGOSY_TEST_LEDGER"])))
    return _LEDGER[0]


async def _make(key: str) -> str:
    value = uuid.uuid4().hex
    _ledger().make(key, value)
    return value


@agent(concurrency=AT_ONCE, retries=2, backoff_seconds=0.2)
async def wait(ctx: Context, item: int) -> int:
    """Make the effect, wait, answer with the item; leave word of the process that did it."""
    _ledger().make(f"{ctx.run_id}@{os.getpid()}", "")
    key = f"{ctx.task_id}|{ctx.idempotency_key('effect')}"
    _ledger().know(key, await ctx.step("effect", _make, key))
    await asyncio.sleep(WAIT_SECONDS)
    return item


waiting = Pipeline("waiting", takes=list[int], gives=list[int])
waiting.returns(waiting.map(wait, over=waiting.input, max_parallel=1_000))
