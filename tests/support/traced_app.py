"""An app whose runs have all that a trace shows: a map, a join, a retry, a model, a tool, a handler that hangs."""

# ruff: noqa: ARG001, ASYNC110, ASYNC240 - parameters are interfaces; a file is what another process can make

import asyncio
import os
from pathlib import Path

from pydantic import BaseModel

from argosy import Context, Pipeline, agent, tool


class Book(BaseModel):
    """What a run is about; the handler of `gate` waits for the file `wait_for`."""

    chapters: list[str]
    wait_for: str = ""


@tool
async def look_up(word: str) -> str:
    """Look a word up."""
    return f"{word} is a word"


@agent(retries=2, backoff_seconds=0.1)
async def read(ctx: Context, chapter: str) -> str:
    """Fail at first where the chapter says so."""
    if "flaky" in chapter and ctx.attempt == 1:
        message = "fails once"
        raise ValueError(message)
    return f"read {chapter}"


@agent(model="openai:m-1", tools=[look_up])
async def judge(ctx: Context, book: Book) -> str:
    """Ask a model that calls a tool."""
    return await ctx.model.ask(f"judge {len(book.chapters)} chapters", tools=[look_up])


@agent
async def gate(ctx: Context, book: Book) -> str:
    """Say that it runs (`<file>.<process>`), and wait until it may go on."""
    if book.wait_for:
        wanted = Path(book.wait_for)
        wanted.with_name(f"{wanted.name}.{os.getpid()}").touch()
        while not wanted.exists():
            await asyncio.sleep(0.05)
    return "open"


@agent
async def bind(ctx: Context, read: list[str], verdict: str, gate: str) -> str:
    """The join."""
    return f"{len(read)} {verdict} {gate}"


book = Pipeline("book", takes=Book, gives=str)
_read = book.map(read, over=book.input.pick(lambda b: b.chapters))
_verdict = book.step(judge, book.input)
_gate = book.step(gate, book.input)
book.returns(book.step(bind, _read, _verdict, _gate))
