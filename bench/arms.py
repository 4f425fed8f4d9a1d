"""The arms of the bench: a name, what it measures, and how much work it does in each size."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import coordinators
import drain
import flat
import graphs
import limits
import maps
import payload_sizes
import queued
import resting
import starts
import traced
import waits
from figures import Figure

from argosy.console.stack import LocalStack


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much work each arm does in one repeat."""

    drained: int = 5_000
    graphs: int = 300
    width: int = 10_000
    chains: int = 15
    lone_graphs: int = 100
    wait_rounds: int = 15
    resting: int = 10_000
    maps_answered: int = 100
    queued: int = 20_000
    flat_tasks: int = 100_000
    limit_seconds: int = 60


USUAL = Sizes()
SMALL = Sizes(
    drained=2_000,
    graphs=60,
    width=1_000,
    chains=5,
    lone_graphs=20,
    wait_rounds=2,
    resting=1_000,
    maps_answered=20,
    queued=2_000,
    flat_tasks=10_000,
    limit_seconds=10,
)
FULL = Sizes(queued=100_000, flat_tasks=1_000_000)
"""As the goals have it: hours are not needed, but half of one."""

Measure = Callable[[LocalStack, int, Sizes], Awaitable[list[Figure]]]
"""Takes a stack, how often to repeat, and how much work to do."""

ARMS: dict[str, tuple[str, Measure]] = {
    "drain": (
        "a filled queue through one worker, beside a bare loop",
        lambda stack, repeats, sizes: drain.measure(stack, repeats, sizes.drained),
    ),
    "graphs": (
        "graphs 1→8→1, all at once",
        lambda stack, repeats, sizes: graphs.measure(stack, repeats, sizes.graphs),
    ),
    "maps": (
        "a wide map beside narrow ones",
        lambda stack, repeats, sizes: maps.measure(stack, repeats, sizes.width),
    ),
    "queued": (
        "few open runs beside very many",
        lambda stack, repeats, sizes: queued.measure(stack, repeats, sizes.queued),
    ),
    "results": (
        "coordinators alone, one and two",
        lambda stack, repeats, sizes: coordinators.measure(stack, repeats, sizes.maps_answered),
    ),
    "hops": (
        "an idle fleet, step by step",
        lambda stack, repeats, sizes: waits.hops(stack, repeats, sizes.chains),
    ),
    "alone": (
        "one graph at a time",
        lambda stack, repeats, sizes: waits.alone(stack, repeats, sizes.lone_graphs),
    ),
    "waiting": (
        "handlers that wait, 10 to 1,000 at once",
        lambda stack, repeats, sizes: waits.waiting(stack, repeats, sizes.wait_rounds),
    ),
    "resting": (
        "memory of each waiting handler",
        lambda stack, repeats, sizes: resting.measure(stack, repeats, sizes.resting),
    ),
    "telemetry": (
        "what traces cost",
        lambda stack, repeats, sizes: traced.measure(stack, repeats, sizes.drained),
    ),
    "payloads": (
        "values of 1 KB to 1 MB",
        lambda stack, repeats, sizes: payload_sizes.measure(stack, repeats, sizes.drained),
    ),
    "starts": (
        "a worker, an import, a page of help",
        lambda stack, repeats, _: starts.measure(stack, repeats),
    ),
    "flat": (
        "memory over very many tasks",
        lambda stack, _, sizes: flat.measure(stack, sizes.flat_tasks),
    ),
    "limits": (
        "eight workers at a limited model",
        lambda stack, _, sizes: limits.figures(stack, sizes.limit_seconds),
    ),
}
