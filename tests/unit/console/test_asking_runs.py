"""Runs that wait for a larger budget: counted by their lanes, named by `argosy limits`, and on the dashboard."""

import asyncio
from collections.abc import Mapping

import pytest

from argosy import RunCancelled, RunFailed
from argosy.broker.memory_redis import MemoryRedis
from argosy.client.asking_runs import asking_runs, counts
from argosy.console.dashboard_desk import Desk, Shared
from argosy.console.dashboard_index import Index
from argosy.console.dashboard_limits import LIMITS, Bar
from argosy.console.dashboard_page import Asked
from argosy.console.lag_measure import LagReport
from argosy.console.limits_report import asking_said, limit_notes, measure_limits
from argosy.telemetry import metrics
from support.asking_world import asking_world, services_of, until_asking
from support.shell_world import ShellWorld, hello
from support.waiting import eventually


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What the coordinator tells as a metric."""
    found: dict[str, int] = {}
    monkeypatch.setattr(metrics, "runs_asking", found.__setitem__)
    return found


async def until_counted(
    world: ShellWorld, expected: Mapping[str, int], told: Mapping[str, int] | None = None
) -> None:
    async def counted() -> bool:
        same = told is None or {name: count for name, count in told.items() if count} == expected
        return same and await counts(services_of(world)) == expected

    await eventually(counted, f"{expected} asking")


async def test_runs_that_ask_are_counted_until_they_are_answered_or_end_however(
    told: dict[str, int],
) -> None:
    async with asking_world(4) as (world, client, runs):
        await until_counted(world, {"hello": 4}, told)
        await runs[0].raise_budget(5_000)
        assert await runs[0].result(timeout_seconds=60) == "done"
        await until_counted(world, {"hello": 3}, told)
        await runs[1].deny_budget()
        with pytest.raises(RunFailed):
            await runs[1].result(timeout_seconds=60)
        await until_counted(world, {"hello": 2}, told)
        await runs[2].cancel()
        with pytest.raises(RunCancelled):
            await runs[2].result(timeout_seconds=60)
        await until_counted(world, {"hello": 1}, told)
        await runs[3].raise_budget(600)  # too little: it is refused once more, and waits on
        await until_asking(world, runs[3])
        await until_counted(world, {"hello": 1}, told)
        quiet = await client.submit(hello, "x", budget=5_000, on_spent="ask")
        assert await quiet.result(timeout_seconds=60) == "done"
        await until_counted(world, {"hello": 1}, told)
        world.server.wipe()
        await until_counted(world, {"hello": 1}, told)
        await runs[3].raise_budget(5_000)
        assert await runs[3].result(timeout_seconds=60) == "done"
        await until_counted(world, {}, told)
        load = [key for key in world.server.dump() if key.endswith(b":load")]
        assert load == [], "counts that are none are removed"


async def test_lag_and_limits_say_who_asks_and_how_much_was_taken() -> None:
    async with asking_world(2) as (world, _, _):
        await until_counted(world, {"hello": 2})
        report = await measure_limits(services_of(world))
        assert limit_notes(report) == [
            "2 runs waiting for a larger budget (2 of hello); argosy limits names them"
        ]
        found = await asking_runs(services_of(world))
        assert sorted((run.run_id, run.pipeline, run.budget.tokens) for run in found) == [
            ("r0", "hello@1", 500), ("r1", "hello@1", 500),
        ]  # fmt: skip
        said = asking_said(found[0], found[0].budget.asking.until_ms - 90_000)
        assert said == "0 of 500 tokens taken; 1 task waiting until it is raised, for 1 min 30 s yet"


async def test_where_no_run_asks_no_timers_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    async with asking_world(1) as (world, _, (run,)):
        await run.raise_budget(5_000)
        await run.result(timeout_seconds=60)
        await until_counted(world, {})
        monkeypatch.setattr(MemoryRedis, "zrange", None)
        assert await asking_runs(services_of(world)) == ()
        assert limit_notes(await measure_limits(services_of(world))) == []


async def test_the_page_of_limits_shows_the_budgets_of_runs_that_ask() -> None:
    async with asking_world(2) as (world, _, _):
        await until_counted(world, {"hello": 2})
        services = services_of(world)
        desk = Desk(services, Index(), asyncio.Event())

        async def measured() -> LagReport:
            return LagReport((), 0, limits=await measure_limits(services))

        desk.lag = Shared(measured)
        view = await LIMITS.look(desk, Asked({}, {}))
        (region,) = [region for region in view.regions if region.name == "budgets"]
        bars = [item.facts for item in region.items]
        assert sorted(bar.run_id for bar in bars if isinstance(bar, Bar)) == ["r0", "r1"]
        assert [(bar.said, bar.more) for bar in bars if isinstance(bar, Bar)] == [
            ("0 of 500", "hello@1, 1 task waiting")
        ] * 2
