"""An app whose one agent mostly waits, as agents do for models; each task makes one side effect in the ledger.

It offers the scripted agents too, so that one fleet can be loaded with both.
"""

import asyncio
import os
from typing import Final

from argosy import Context, Pipeline, agent
from support.ledger import make_effect, the_ledger
from support.scripted import scripted

AT_ONCE: Final = 4
WAIT_SECONDS: Final = 1.0
"""So long that what a task costs besides hardly counts, on a busy machine either."""

__all__ = ["AT_ONCE", "WAIT_SECONDS", "scripted", "wait", "waiting"]


@agent(concurrency=AT_ONCE, retries=2, backoff_seconds=0.2)
async def wait(ctx: Context, item: int) -> int:
    """Make the effect, wait, answer with the item; leave word of the process that did it."""
    the_ledger().make(f"{ctx.run_id}@{os.getpid()}", "")
    key = f"{ctx.task_id}|{ctx.idempotency_key('effect')}"
    the_ledger().know(key, await ctx.step("effect", make_effect, key))
    await asyncio.sleep(WAIT_SECONDS)
    return item


waiting = Pipeline("waiting", takes=list[int], gives=list[int])
waiting.returns(waiting.map(wait, over=waiting.input, max_parallel=1_000))
