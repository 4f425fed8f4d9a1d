"""Arm limits: eight workers on a model with a hard limit, Redis wiped twice: what was refused and used, who waited.

`python bench/limits.py [SECONDS]`: real Kafka, real Valkey, real processes; prints one line of JSON.
"""

import asyncio
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

from figures import Figure, at_least, at_most
from fleet import LIMIT_SECONDS, Fleet, fleet_on
from limited_app import MODEL, alone, crowded
from redis.asyncio import Redis

from argosy.console.stack import LocalStack
from argosy.testing import Limits, Script, ScriptedModels
from argosy.testing.model_faults import SlowStart

WORKERS = 8
PER_MINUTE = 1_200
SERVER_BURST_SECONDS = 5.0
OUR_BURST_SECONDS = 3.0
CALL_SECONDS = 0.3
WIPES = (0.35, 0.65)
LONE_EVERY_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a crowd of workers got of a limited model."""

    workers: int
    calls: int
    refused: int
    refused_share: float
    seconds: float
    used_of_rate: float
    wipes: int
    lone_waits_seconds: list[float]


async def figures(stack: LocalStack, seconds: float) -> list[Figure]:
    """Measure once, as an arm of the bench."""
    try:
        async with asyncio.timeout(LIMIT_SECONDS + 2 * seconds):
            found = [await measure(stack, seconds)]
    except TimeoutError:
        found = []
    refused, used = [each.refused_share for each in found], [each.used_of_rate for each in found]
    waits = [wait for each in found for wait in each.lone_waits_seconds]
    return [
        Figure("limits", "calls that the server refused, of all", "x", refused, at_most(0.01)),
        Figure("limits", "of the allowed rate used", "x", used, at_least(0.95)),
        Figure("limits", "a lone call beside the crowd, Redis wiped twice", "s", waits),
    ]


async def measure(stack: LocalStack, seconds: float) -> Found:
    """Let a crowd ask for about so many seconds, and one agent ask alone now and then."""
    script = Script(
        limits=Limits(
            requests_per_minute=PER_MINUTE,
            tokens_per_minute=PER_MINUTE * 100,
            burst_seconds=SERVER_BURST_SECONDS,
        ),
        faults=[SlowStart(seconds=CALL_SECONDS)],
    )
    limits = {
        MODEL: {
            "requests_per_minute": PER_MINUTE,
            "tokens_per_minute": PER_MINUTE * 100,
            "burst_seconds": OUR_BURST_SECONDS,
        }
    }
    with ScriptedModels(script) as server:
        variables = {**server.environment, "ARGOSY_MODEL__LIMITS": json.dumps(limits)}
        async with fleet_on(stack, ["crowd", "lone"], **variables) as fleet:
            await fleet.coordinator()
            await _workers(fleet)
            return await _asked(fleet, server, seconds)


async def _workers(fleet: Fleet) -> None:
    app = Path(__file__).with_name("limited_app.py")
    for number in range(WORKERS):
        await fleet.worker(["crowd", "lone"], app, "worker" if number == 0 else f"worker-{number}")


async def _asked(fleet: Fleet, server: ScriptedModels, seconds: float) -> Found:
    waits: list[float] = []
    async with fleet.connect() as client, asyncio.TaskGroup() as tasks:
        await (await client.submit(alone, 0)).result()  # everybody is up
        server.reset()
        many = await client.submit(crowded, [*range(round(PER_MINUTE / 60 * seconds))])
        began = time.monotonic()
        wiping = tasks.create_task(_wipe(fleet.stack.redis_url, seconds), name="wipe")

        async def now_and_then() -> None:
            for number in count(1):
                await asyncio.sleep(LONE_EVERY_SECONDS)
                asked = time.monotonic()
                await (await client.submit(alone, number)).result()
                waits.append(time.monotonic() - asked)

        lone = tasks.create_task(now_and_then(), name="lone")
        await many.result()
        took = time.monotonic() - began
        lone.cancel()
        wiping.cancel()
    calls = server.calls
    refused = sum(call.status == 429 for call in calls)  # noqa: PLR2004 - HTTP
    answered = sorted(call.at_seconds for call in calls if call.status == 200)  # noqa: PLR2004 - HTTP
    span = answered[-1] - answered[0]
    return Found(
        workers=WORKERS,
        calls=len(calls),
        refused=refused,
        refused_share=round(refused / len(calls), 4),
        seconds=round(took, 1),
        used_of_rate=round((len(answered) - 1) / (span * PER_MINUTE / 60), 4),
        wipes=len(WIPES),
        lone_waits_seconds=[round(wait, 1) for wait in waits],
    )


async def _wipe(url: str, seconds: float) -> None:
    async with Redis.from_url(url) as redis:
        before = 0.0
        for share in WIPES:
            await asyncio.sleep(seconds * (share - before))
            before = share
            await redis.flushall()


async def _main(seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="argosy-limits-", ignore_cleanup_errors=True) as folder:
        async with LocalStack(Path(folder)) as stack:
            print(json.dumps(asdict(await measure(stack, seconds))))


if __name__ == "__main__":
    asyncio.run(_main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0))
