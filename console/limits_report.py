"""The limits of the whole fleet and how they stand, measured once: for `argosy lag`, and pages that show them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from argosy.agents.bucket_figures import BucketFigures, buckets
from argosy.agents.budget_figures import TenantFigures, tenants
from argosy.client.asking_runs import AskingRun, counts
from argosy.console.moments import length
from argosy.console.numbers import counted
from argosy.console.process_life import Services
from argosy.schemas.errors import Refused, Unreachable


@dataclass(frozen=True, slots=True)
class LimitsReport:
    """Buckets of models that have limits, what tenants spent of their day, and runs that ask for more."""

    buckets: tuple[BucketFigures, ...] = ()
    tenants: tuple[TenantFigures, ...] = ()
    asking: Mapping[str, int] = field(default_factory=dict[str, int])
    """Runs that wait for a larger budget, by pipeline."""


async def measure_limits(services: Services) -> LimitsReport | None:
    """Measure once; None: Redis can't be asked."""
    settings, now_ms = services.settings, time.time_ns() // 1_000_000
    prefix, budgets = settings.redis.key_prefix, settings.model.tenant_budgets
    try:
        return LimitsReport(
            await buckets(services.store, prefix, now_ms),
            await tenants(services.store, prefix, budgets, now_ms),
            await counts(services),
        )
    except (Unreachable, Refused):
        return None


def limit_notes(report: LimitsReport | None) -> list[str]:
    """Say in a line each what holds work up: models that are waited for, tenants whose calls wait, runs that ask."""
    if report is None:
        return []
    return [
        *(_bucket(each) for each in report.buckets if each.waiting or each.blocked_seconds or each.rate < 1),
        *(f"tenant {each.tenant}: {tenant_said(each)}" for each in report.tenants if each.budget.waiting),
        *_asking(report.asking),
    ]


def bucket_said(bucket: BucketFigures) -> str:
    """Say how a model's bucket stands: what it lacks, what it may have."""
    limits, told = bucket.limits, list[str]()
    if bucket.blocked_seconds:
        told.append(f"the server wants patience for {length(bucket.blocked_seconds)}")
    if limits.requests_per_minute is not None:
        told.append(f"{bucket.requests:g} requests there, of {limits.requests_per_minute} a minute")
    if limits.tokens_per_minute is not None:
        told.append(f"{bucket.tokens} tokens there, of {limits.tokens_per_minute} a minute")
    if limits.calls is not None:
        told.append(f"{bucket.calls} of {limits.calls} calls under way")
    if bucket.rate < 1:
        told.append(f"at {bucket.rate:.0%} of the rate, as the server was busy")
    return ", ".join([*told, f"{counted(sum(bucket.waiting.values()), 'call')} waiting"])


def tenant_said(tenant: TenantFigures) -> str:
    """Say what a tenant spent today, and whether calls wait."""
    budget = tenant.budget
    told = budget.said or f"{budget.tokens} tokens spent (its limit is in its workers' settings)"
    waiting = f"; {counted(len(budget.waiting), 'task')} waiting for room" if budget.waiting else ""
    return f"{told} today{waiting}"


def asking_said(run: AskingRun, now_ms: int) -> str:
    """Say what a run took of its budget, who waits, and for how long yet."""
    asking = run.budget.asking
    left = length(max(0, asking.until_ms - now_ms) / 1000)
    return f"{run.budget.said}; {counted(asking.waiting, 'task')} waiting until it is raised, for {left} yet"


def _asking(runs: Mapping[str, int]) -> list[str]:
    if not runs:
        return []
    each = ", ".join(f"{count} of {pipeline}" for pipeline, count in runs.items())
    return [
        f"{counted(sum(runs.values()), 'run')} waiting for a larger budget ({each}); argosy limits names them"
    ]


def _bucket(bucket: BucketFigures) -> str:
    who = ", ".join(f"{agent} {count}" for agent, count in bucket.waiting.items())
    return f"{bucket.model}: {bucket_said(bucket)}" + (f" ({who})" if who else "")
