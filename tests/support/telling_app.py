"""The app of a fleet that tells everything: models, tools, errors, a handler that waits to be killed, and secrets."""

import asyncio
import json
import logging
import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from argosy import Context, Pipeline, agent, tool
from support.canaries import CANARIES

HERE = Path(os.environ.get("ARGOSY_TEST_HERE", "."))


class Notes(BaseModel):
    """What is asked for."""

    facts: list[str]


@tool
async def look_up(topic: str) -> str:
    """Look something up."""
    return json.dumps({
        "found": topic,
        "api_key": CANARIES["field of a tool's answer"],
        "note": CANARIES["pattern in a tool's answer"],
    })  # fmt: skip


@agent(model="openai:gpt-5-mini", retries=2, backoff_seconds=0.1, tools=[look_up], timeout_seconds=60)
async def research(ctx: Context, wish: dict[str, Any]) -> Notes:
    """Look something up, and ask for a value."""
    await ctx.tools.call(look_up, str(wish["topic"]))
    return await ctx.model.ask(f"List the facts: {json.dumps(wish)}", returns=Notes)


@agent(retries=1, backoff_seconds=0.1)
async def broken(_ctx: Context, text: str) -> str:
    """Fail with secrets in the error's text, and in a log line."""
    logging.getLogger("theirs").warning("about to fail with %s", os.environ["CANARY_API_KEY"])
    raise ValueError(
        f"{text}: {os.environ['CANARY_API_KEY']} {CANARIES['pattern in an error']}"
        f" password={CANARIES['field in an error']} at"
        f" https://user:{CANARIES['password of a URL in an error']}@example.org/"
    )


@agent(timeout_seconds=120)
async def patient(_ctx: Context, text: str) -> str:
    """Wait until a file of the text's name is there."""
    _begin(text)
    while not _is_there(text):  # noqa: ASYNC110 - it is another process that makes the file
        await asyncio.sleep(0.05)
    return text


def _begin(text: str) -> None:
    (HERE / f"{text}.{os.getpid()}").touch()


def _is_there(text: str) -> bool:
    return (HERE / text).exists()


asking = Pipeline("asking", takes=dict[str, Any], gives=Notes)
asking.returns(asking.step(research, asking.input))

breaking = Pipeline("breaking", takes=str, gives=str)
breaking.returns(breaking.step(broken, breaking.input))

waiting = Pipeline("waiting", takes=str, gives=str)
waiting.returns(waiting.step(patient, waiting.input))
