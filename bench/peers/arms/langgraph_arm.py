"""LangGraph: `langgraph_arm.py memory|postgres GRAPHS WIDTH AT_ONCE`; nodes are async functions of this process."""

import asyncio
import operator
import os
import sys
from typing import Annotated, TypedDict

import uvloop
from handshake import WARM_UP, Handshake
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from tally import TEXT, of_environment

tally = of_environment()


class State(TypedDict):
    """Of one graph."""

    number: int
    text: str
    texts: Annotated[list[str], operator.add]
    out: str


def build(width: int, saver: BaseCheckpointSaver) -> CompiledStateGraph:
    """Make the graph 1→width→1."""
    graph = StateGraph(State)

    async def first(state: State) -> dict[str, str]:
        tally.done(state["number"])
        return {"text": state["text"]}

    async def joined(state: State) -> dict[str, str]:
        tally.done(state["number"] + width + 1)
        return {"out": state["texts"][0]}

    def branch_of(offset: int) -> object:
        async def branch(state: State) -> dict[str, list[str]]:
            tally.done(state["number"] + offset)
            return {"texts": [state["text"]]}

        return branch

    names = [f"branch-{number}" for number in range(width)]
    graph.add_node("first", first)
    graph.add_node("joined", joined)
    graph.add_edge(START, "first")
    for number, name in enumerate(names):
        graph.add_node(name, branch_of(number + 1))
        graph.add_edge("first", name)
    graph.add_edge(names, "joined")
    graph.add_edge("joined", END)
    return graph.compile(checkpointer=saver)


async def run(saver: BaseCheckpointSaver, count: int, width: int, at_once: int) -> None:
    """Run graphs, some at once."""
    graph = build(width, saver)
    room = asyncio.Semaphore(at_once)

    async def one(number: int) -> None:
        given = {"number": number * (width + 2), "text": TEXT, "texts": [], "out": ""}
        async with room:
            found = await graph.ainvoke(given, {"configurable": {"thread_id": str(number)}})
        if found["out"] != TEXT or len(found["texts"]) != width:
            raise ValueError(f"graph {number} gave something else")

    await asyncio.gather(*(one(number) for number in range(count, count + WARM_UP)))
    with Handshake():
        await asyncio.gather(*(one(number) for number in range(count)))


async def main(kind: str, count: int, width: int, at_once: int) -> None:
    """Run with a saver."""
    if kind == "memory":
        await run(InMemorySaver(), count, width, at_once)
        return
    options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    async with AsyncConnectionPool(os.environ["PEER_POSTGRES"], max_size=10, kwargs=options) as pool:
        saver = AsyncPostgresSaver(pool)
        await saver.setup()
        await run(saver, count, width, at_once)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], *map(int, sys.argv[2:])))
