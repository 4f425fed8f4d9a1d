"""An app whose one agent speaks while it works: for tests of producers and watchers."""

import asyncio
from pathlib import Path

from pydantic import BaseModel

from argosy import Context, Pipeline, agent


class Talk(BaseModel):
    """What to say, word by word; `until` names a file that it waits for before the last one."""

    words: list[str]
    until: str = ""


class Said(BaseModel):
    """What was said."""

    text: str


@agent(concurrency=64, retries=1, backoff_seconds=0.2)
async def talker(ctx: Context, talk: Talk) -> Said:
    """Stream the words, and return them."""
    for done, word in enumerate(talk.words, 1):
        if done == len(talk.words) and talk.until:
            file = Path(talk.until)
            while not await asyncio.to_thread(file.exists):  # noqa: ASYNC110 - it is another process that makes it
                await asyncio.sleep(0.02)
        await ctx.stream(word)
        await ctx.progress(word, done=done, of=len(talk.words))
    return Said(text=" ".join(talk.words))


talkative = Pipeline("talkative", takes=Talk, gives=Said)
talkative.returns(talkative.step(talker, talkative.input))
