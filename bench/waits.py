"""Arms hops, alone and waiting: how long a step, and a graph, takes on an idle fleet; how full slots are kept."""

import asyncio
import time
from itertools import pairwise

from app import HOPS, WAIT_SECONDS, Span, chain, graph, waits
from drain import PATIENT, UNTRACED
from figures import Figure, at_least, at_most, share
from fleet import LIMIT_SECONDS, fleet_on
from submitting import ITEM, results, submit

from argosy.console.stack import LocalStack

SLOTS = (10, 100, 1_000)
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
        Figure("hops", f"idle hop p50, of {count}", "ms", p50, at_most(3)),
        Figure("hops", f"idle hop p99, of {count}", "ms", p99, at_most(10)),
    ]


async def alone(stack: LocalStack, repeats: int, runs: int) -> list[Figure]:
    """Measure graphs 1→8→1 on an idle fleet, one at a time: from the submit to the result, as a client has it."""
    p50: list[float] = []
    p99: list[float] = []
    agents = ["noop", "joined"]
    try:
        async with fleet_on(stack, agents, **UNTRACED) as fleet:
            await fleet.coordinator()
            await fleet.worker(agents)
            async with fleet.connect() as client:
                for number in range(WARM_UP + repeats):
                    took: list[float] = []
                    async with asyncio.timeout(LIMIT_SECONDS):
                        for _ in range(runs):
                            began = time.monotonic()
                            await (await client.submit(graph, ITEM)).result()
                            took.append((time.monotonic() - began) * 1e3)
                    if number >= WARM_UP:
                        p50.append(share(took, 500))
                        p99.append(share(took, 990))
    except TimeoutError:
        p50, p99 = [], []
    return [
        Figure("alone", f"one graph 1→8→1, p50 of {runs}", "ms", p50, at_most(25)),
        Figure("alone", f"one graph 1→8→1, p99 of {runs}", "ms", p99),
    ]


async def waiting(stack: LocalStack, repeats: int, rounds: int) -> list[Figure]:
    """Measure handlers that wait, as for a model: so many at once in one worker, some rounds of them.

    Ideal would be that each slot begins its next task as soon as the one before has ended.
    """
    found: dict[int, list[float]] = {slots: [] for slots in SLOTS}
    try:
        for _ in range(repeats):
            for slots, values in found.items():
                async with asyncio.timeout(LIMIT_SECONDS):
                    values.append(await _waited(stack, slots, rounds))
    except TimeoutError:
        found = {slots: [] for slots in SLOTS}
    return [
        Figure(
            "waiting",
            f"{rounds} rounds of {WAIT_SECONDS:g} s, {slots} handlers at once, of the ideal",
            "x",
            values,
            at_least(0.97),
        )
        for slots, values in found.items()
    ]


async def _waited(stack: LocalStack, slots: int, rounds: int) -> float:
    environment = {"ARGOSY_WORKER__CONCURRENCY": str(slots), **PATIENT, **UNTRACED}
    async with fleet_on(stack, ["waiting"], **environment) as fleet:
        await fleet.coordinator()
        await fleet.worker(["waiting"])
        await fleet.quiet("worker")
        async with fleet.connect() as client:
            with fleet.frozen("worker"):
                runs = await submit(client, waits, [ITEM] * (slots * rounds))
                await fleet.until(fleet.names.runs, slots * rounds)
                await fleet.quiet("coordinator")
            spans = await results(runs)
    took = max(span.ended[0] for span in spans) - min(span.began[0] for span in spans)
    return rounds * WAIT_SECONDS / took
