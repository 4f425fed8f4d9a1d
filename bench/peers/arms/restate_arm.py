"""Restate: a handler's durable steps. `hypercorn restate_arm:app`; `restate_arm.py GRAPHS WIDTH AT_ONCE` calls it."""

import asyncio
import os
import sys

import httpx
import restate
import uvloop
from handshake import WARM_UP, Handshake
from tally import TEXT, of_environment

WIDTH = int(os.environ["PEER_WIDTH"])
tally = of_environment()
service = restate.Service("Bench")


def step(text: str, number: int) -> str:
    """Give what came."""
    tally.done(number)
    return text


@service.handler()
async def graph(ctx: restate.Context, number: int) -> str:
    """Run 1→width→1, each task a step in the server's log."""
    first = number * (WIDTH + 2)
    text = await ctx.run_typed("first", step, text=TEXT, number=first)
    branches = [
        ctx.run_typed(f"branch-{branch}", step, text=text, number=first + 1 + branch)
        for branch in range(WIDTH)
    ]
    texts = [await branch for branch in branches]
    return await ctx.run_typed("joined", step, text=texts[0], number=first + WIDTH + 1)


app = restate.app([service])


async def main(count: int, width: int, at_once: int) -> None:
    """Have graphs run by the server, some at once."""
    del width
    ingress, admin, own = (os.environ[f"PEER_{name}"] for name in ("INGRESS", "ADMIN", "SERVICE"))
    room = asyncio.Semaphore(at_once)
    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=at_once)) as client:
        found = await client.post(f"{admin}/deployments", json={"uri": own, "force": True})
        found.raise_for_status()

        async def one(number: int) -> None:
            async with room:
                answer = await client.post(f"{ingress}/Bench/graph", json=number)
            answer.raise_for_status()
            if answer.json() != TEXT:
                raise ValueError(f"graph {number} gave something else")

        await asyncio.gather(*(one(number) for number in range(count, count + WARM_UP)))
        with Handshake():
            await asyncio.gather(*(one(number) for number in range(count)))


if __name__ == "__main__":
    uvloop.run(main(*map(int, sys.argv[1:])))
