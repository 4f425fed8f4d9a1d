"""`argosy limits`: what models let the fleet do, how full their buckets are, and who waits for a turn."""

import asyncio
import time
from typing import Annotated

import typer

from argosy.agents.bucket_figures import BucketFigures, buckets
from argosy.agents.budget_figures import tenants
from argosy.client.asking_runs import asking_runs
from argosy.console.config import load_settings
from argosy.console.foreground import run_in_foreground
from argosy.console.limits_report import asking_said, tenant_said
from argosy.console.moments import length
from argosy.console.numbers import short
from argosy.console.options import options
from argosy.console.output import note, show_json, show_table
from argosy.console.process_life import open_services
from argosy.schemas.settings import Settings

COLUMNS = ("MODEL", "KEY", "REQUESTS", "TOKENS", "CALLS", "WAITING", "RATE", "REFUSED", "BLOCKED")
WATCH_SECONDS = 2.0


def limits(
    *, watch: Annotated[bool, typer.Option("--watch", help="Again every two seconds, until Ctrl-C.")] = False
) -> None:
    """Show the bucket of each model that has limits: what is there of what a minute brings, and who waits.

    RATE is the share of the limit that is used while the fleet is careful, after the server was busy; REFUSED are calls
    that the server refused all the same, of all that were let in. What tenants spent today stands
    below, and the runs that wait for a larger budget.
    """
    raise typer.Exit(run_in_foreground(_limits(load_settings(), watch=watch)))


async def _limits(settings: Settings, *, watch: bool) -> None:
    async with open_services(settings, "limits") as services:
        while True:
            now_ms = time.time_ns() // 1_000_000
            found = await buckets(services.store, settings.redis.key_prefix, now_ms)
            days = await tenants(
                services.store, settings.redis.key_prefix, settings.model.tenant_budgets, now_ms
            )
            asking = await asking_runs(services)
            report = {
                "configured": settings.model.limits,
                "buckets": found,
                "tenants": days,
                "asking": asking,
            }
            if watch and options().json:
                show_json(report)
            else:
                show_table(COLUMNS, [cells(one) for one in found], report)
            for day in days:
                note(f"tenant {day.tenant}: {tenant_said(day)}", folded=True)
            for run in asking:
                note(f"run {run.run_id} of {run.pipeline}: {asking_said(run, now_ms)}", folded=True)
            if asking:
                note("argosy runs budget RUN raises one, or says no", folded=True)
            if not found:
                note(_nothing(settings), folded=True)
            if not watch:
                return
            await asyncio.sleep(WATCH_SECONDS)


def _nothing(settings: Settings) -> str:
    if settings.model.limits:
        return f"no call was made yet of a model that has limits: {', '.join(sorted(settings.model.limits))}"
    return "no model has limits: ARGOSY_MODEL__LIMITS sets them, docs/limits.md says how"


def cells(one: BucketFigures) -> tuple[object, ...]:
    """Make a row of a bucket."""
    limits = one.limits
    waiting = ", ".join(f"{agent} {count}" for agent, count in one.waiting.items())
    return (
        one.model,
        one.key_name,
        "" if limits.requests_per_minute is None else f"{one.requests:g} of {limits.requests_per_minute}/min",
        ""
        if limits.tokens_per_minute is None
        else f"{short(one.tokens or 0)} of {short(limits.tokens_per_minute)}/min",
        one.calls if limits.calls is None else f"{one.calls} of {limits.calls}",
        waiting or "0",
        f"{one.rate:.0%}",
        f"{one.refused} of {one.granted}",
        length(one.blocked_seconds) if one.blocked_seconds else "",
    )
