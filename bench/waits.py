"""Arms d and e: how long a step waits for the one before it on an idle fleet; how full slots are kept."""

import asyncio
from itertools import pairwise

from app import HOPS, WAIT_SECONDS, Span, chain, waits
from drain import UNTRACED
from figures import Figure, share
from fleet import LIMIT_SECONDS, fleet_on
from submitting import ITEM, results, submit

from argosy.console.stack import LocalStack

SLOTS = 64
WARM_UP = 2


async def hops(stack: LocalStack, repeats: int, runs: int) -> list[Figure]:
    """Measure chains of steps, one run at a time: from the start of a handler to the start of the next one.

    Two hops over Kafka lie in between (settle to lane, dispatch to worker), a stored result, a commit of the lane and a
    claim: a hop is half of it.
    """
    p50: list[float] = []
    p99: list[float] = []
    try:
        async with fleet_on(stack, ["stamped"], **UNTRACED) as fleet:
            await fleet.coordinator()
            await fleet.worker(["stamped"])
            async with fleet.connect() as client:
                for number in range(WARM_UP + repeats):
                    async with asyncio.timeout(LIMIT_SECONDS):
                        spans = [await (await client.submit(chain, Span())).result() for _ in range(runs)]
                    if number >= WARM_UP:
                        steps = [later - one for span in spans for one, later in pairwise(span.began)]
                        p50.append(share(steps, 500) / 2 * 1e3)
                        p99.append(share(steps, 990) / 2 * 1e3)
    except TimeoutError:
        p50, p99 = [], []
    count = runs * (HOPS - 1) * 2
    return [
        Figure("d", f"idle hop p50, of {count}", "ms", p50, "≤ 3"),
        Figure("d", f"idle hop p99, of {count}", "ms", p99, "≤ 10"),
    ]


async def slots(stack: LocalStack, repeats: int, rounds: int) -> list[Figure]:
    """Measure handlers that wait, as for a model: all slots of one worker, some rounds of them.

    Ideal would be that each slot begins its next task as soon as the one before has ended.
    """
    ideals: list[float] = []
    tasks = rounds * SLOTS
    try:
        async with fleet_on(stack, ["waiting"], **UNTRACED) as fleet:
            await fleet.coordinator()
            await fleet.worker(["waiting"])
            async with fleet.connect() as client:
                await results(await submit(client, waits, [ITEM] * SLOTS))
                for _ in range(repeats):
                    async with asyncio.timeout(LIMIT_SECONDS):
                        spans = await results(await submit(client, waits, [ITEM] * tasks))
                    took = max(span.ended[0] for span in spans) - min(span.began[0] for span in spans)
                    ideals.append(rounds * WAIT_SECONDS / took)
    except TimeoutError:
        ideals = []
    name = f"{tasks} handlers of {WAIT_SECONDS * 1e3:.0f} ms in {SLOTS} slots, of the ideal"
    return [Figure("e", name, "x", ideals, "≥ 0.95")]
