"""The limits of the whole fleet and how they stand, measured once: for `argosy lag`, and pages that show them."""

import time
from dataclasses import dataclass

from argosy.agents.bucket_figures import BucketFigures, buckets
from argosy.agents.budget_figures import TenantFigures, tenants
from argosy.console.moments import length
from argosy.console.numbers import counted
from argosy.console.process_life import Services
from argosy.schemas.errors import Refused, Unreachable


@dataclass(frozen=True, slots=True)
class LimitsReport:
    """Buckets of models that have limits, and what tenants spent of their day."""

    buckets: tuple[BucketFigures, ...] = ()
    tenants: tuple[TenantFigures, ...] = ()


async def measure_limits(services: Services) -> LimitsReport | None:
    """Measure once; None: Redis can't be asked."""
    settings, now_ms = services.settings, time.time_ns() // 1_000_000
    prefix, budgets = settings.redis.key_prefix, settings.model.tenant_budgets
    try:
        return LimitsReport(
            await buckets(services.store, prefix, now_ms),
            await tenants(services.store, prefix, budgets, now_ms),
        )
    except (Unreachable, Refused):
        return None


def limit_notes(report: LimitsReport | None) -> list[str]:
    """Say in a line each what holds work up: models that are waited for, tenants whose calls wait or are refused."""
    if report is None:
        return []
    return [
        *(_bucket(each) for each in report.buckets if each.waiting or each.blocked_seconds or each.rate < 1),
        *(f"tenant {each.tenant}: {tenant_said(each)}" for each in report.tenants if each.budget.waiting),
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


def _bucket(bucket: BucketFigures) -> str:
    who = ", ".join(f"{agent} {count}" for agent, count in bucket.waiting.items())
    return f"{bucket.model}: {bucket_said(bucket)}" + (f" ({who})" if who else "")
