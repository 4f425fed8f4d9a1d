"""Arm telemetry: what traces and log lines cost a worker, beside the same work without any."""

import asyncio

from app import one
from drain import UNTRACED, WIDE, drained, traced_per_mille
from figures import Figure, at_most, ratios
from fleet import LIMIT_SECONDS, fleet_on
from submitting import ITEM

from argosy.console.stack import LocalStack

NONE, TENTH, ALL = "untraced", "a tenth traced", "all traced"


async def measure(stack: LocalStack, repeats: int, tasks: int) -> list[Figure]:
    """Measure, the three in turn. Spans go to files, each handoff has its log line, metrics are counted."""
    settings = {NONE: UNTRACED, TENTH: traced_per_mille(stack, 100), ALL: traced_per_mille(stack, 1_000)}
    cpu: dict[str, list[float]] = {name: [] for name in settings}
    try:
        for _ in range(repeats):
            for name, environment in settings.items():
                async with (
                    asyncio.timeout(LIMIT_SECONDS),
                    fleet_on(stack, ["noop"], **WIDE, **environment) as fleet,
                ):
                    used = await drained(fleet, "noop", [ITEM] * tasks, one)
                cpu[name].append(used.cpu_seconds)
    except TimeoutError:
        cpu = {name: [] for name in settings}
    return [
        *(
            Figure("telemetry", f"{name}: CPU per task", "us", [value * 1e6 for value in values])
            for name, values in cpu.items()
        ),
        Figure("telemetry", f"{TENTH} / {NONE}, CPU", "x", ratios(cpu[TENTH], cpu[NONE]), at_most(1.5)),
        Figure("telemetry", f"{ALL} / {NONE}, CPU", "x", ratios(cpu[ALL], cpu[NONE]), at_most(3.0)),
    ]
