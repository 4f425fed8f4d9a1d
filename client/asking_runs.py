"""Runs that wait for a larger budget: how many of each pipeline, and which. Read from what lanes count."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from argosy.broker.keys import LaneKeys
from argosy.client.budgets import FIELDS, Reading, RunBudget, budget_in
from argosy.schemas.asking import ASKING_COUNT, ASKING_OF, BUDGET_TIMER
from argosy.schemas.pipeline import CompiledPipeline

MOST_SHOWN: Final = 100
"""Of each lane."""
_BUDGET: Final = f"|{BUDGET_TIMER}"


@dataclass(frozen=True, slots=True)
class AskingRun:
    """A run whose budget is spent, and which waits until somebody raises it."""

    run_id: str
    pipeline: str
    """`name@version`."""
    budget: RunBudget


async def counts(links: Reading) -> Mapping[str, int]:
    """Count the runs that ask, by pipeline. Two short questions for each lane. Raises Unreachable and Refused."""
    total = Counter[str]()
    for found in await asyncio.gather(*(_of_lane(links, lane) for lane in _lanes(links))):
        total.update(found)
    return dict(sorted(total.items()))


async def asking_runs(links: Reading) -> tuple[AskingRun, ...]:
    """List the runs that ask, those that wait for longest first; reads timers only of lanes that have some.

    Raises Unreachable and Refused.
    """
    found = await asyncio.gather(*(_runs_of_lane(links, lane) for lane in _lanes(links)))
    runs = [run for some in found for run in some]
    return tuple(sorted(runs, key=lambda run: (run.budget.asking.since_ms, run.run_id)))


def _lanes(links: Reading) -> list[LaneKeys]:
    prefix = links.settings.redis.key_prefix
    return [LaneKeys(prefix, lane) for lane in range(links.settings.fleet.lanes)]


async def _of_lane(links: Reading, keys: LaneKeys) -> Mapping[str, int]:
    (epoch,) = await links.store.hmget(keys.checkpoint, ["epoch"])
    if epoch is None:
        return {}
    load = keys.load(epoch.decode())
    (some,) = await links.store.hmget(load, [ASKING_COUNT])
    if not int(some or b"0"):
        return {}
    lead = ASKING_OF.encode()
    return {
        name.removeprefix(lead).decode(): int(count)
        for name, count in (await links.store.hgetall(load)).items()
        if name.startswith(lead)
    }


async def _runs_of_lane(links: Reading, keys: LaneKeys) -> list[AskingRun]:
    (epoch,) = await links.store.hmget(keys.checkpoint, ["epoch"])
    if epoch is None:
        return []
    at = epoch.decode()
    (some,) = await links.store.hmget(keys.load(at), [ASKING_COUNT])
    if not int(some or b"0"):
        return []
    timers = [member.decode() for member, _ in await links.store.zrange(keys.timers(at), 0, -1)]
    names = [timer.removesuffix(_BUDGET) for timer in timers if timer.endswith(_BUDGET)][:MOST_SHOWN]
    reads = (links.store.hmget(keys.run(at, name), ["plan", *FIELDS]) for name in names)
    found: list[AskingRun] = []
    for run_id, (plan, *fields) in zip(names, await asyncio.gather(*reads), strict=True):
        budget = None if plan is None else budget_in(fields)
        if plan is not None and budget is not None and budget.asking.waiting:
            pipeline = CompiledPipeline.model_validate_json(plan)
            found.append(AskingRun(run_id, f"{pipeline.name}@{pipeline.version}", budget))
    return found
