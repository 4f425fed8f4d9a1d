"""The page of limits and budgets: the fleet's room, buckets of models, tenants' days, budgets of runs."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from argosy.agents.bucket_figures import BucketFigures
from argosy.agents.budget_figures import TenantFigures
from argosy.client.asking_runs import AskingRun, asking_runs
from argosy.console.dashboard_desk import Desk
from argosy.console.dashboard_page import Asked, Item, Page, Region, View
from argosy.console.dashboard_trends import money
from argosy.console.moments import length
from argosy.console.numbers import counted, short
from argosy.schemas.errors import Unreachable

MOST_BUDGETS: Final = 50
"""Runs that are shown: those that wait for longest."""


@dataclass(frozen=True, slots=True)
class Bar:
    """How much of a bound is used. `part` in per mille; `css` its colour."""

    name: str
    said: str
    part: int
    css: str = ""
    more: str = ""
    run_id: str = ""
    """Of a run's budget."""


@dataclass(frozen=True, slots=True)
class BucketRow:
    """A model's bucket. Bars say how much is used up, not what is left."""

    model: str
    key_name: str
    bars: tuple[Bar, ...]
    waiting: str
    rate: str
    refused: str
    blocked: str


async def look(desk: Desk, _: Asked) -> View:
    """Ask Redis. Raises what measuring lag raises."""
    report = await desk.lag.get()
    if report.limits is None:
        raise Unreachable("limits aren't known: Redis can't be asked")
    full = report.fullness
    room: list[Bar] = []
    if full is not None:
        room.append(bar("All runs under way", full.runs, full.most_runs, short))
        room.append(bar("State of runs in Redis", full.bytes, full.most_bytes, _megabytes))
        room += [bar(f"Runs of {name}", runs, most, short) for name, (runs, most) in full.pipelines.items()]
    waiting = full.waiting if full is not None else 0
    rows = [_bucket(each) for each in report.limits.buckets]
    tenants = [row for each in report.limits.tenants for row in _tenant(each)]
    asking = await asking_runs(desk.services) if report.limits.asking else ()
    budgets = [row for each in asking[:MOST_BUDGETS] for row in _asking(each)]
    more = len(asking) - MOST_BUDGETS
    return View(
        "Limits and budgets",
        (
            Region("room", "limits_items.html:bar", tuple(Item(each.name, each) for each in room)),
            Region(
                "waiting",
                "base_items.html:note",
                (Item("waiting", f"{counted(waiting, 'submit')} wait for room"),) if waiting else (),
            ),
            Region(
                "buckets",
                "limits_items.html:bucket",
                tuple(Item(f"{row.model}|{row.key_name}", row) for row in rows),
            ),
            Region("tenants", "limits_items.html:bar", tuple(Item(each.name, each) for each in tenants)),
            Region("budgets", "limits_items.html:run", tuple(Item(each.name, each) for each in budgets)),
            Region(
                "unshown",
                "base_items.html:note",
                (Item("more", f"and {counted(more, 'run')} more, which began to wait later"),)
                if more > 0
                else (),
            ),
        ),
        {"configured": bool(desk.settings.model.limits), "day": time.strftime("%Y-%m-%d", time.gmtime())},
    )


def bar(name: str, used: float, most: float, say: Callable[[int], str], more: str = "") -> Bar:
    """Make a bar of what is used of a bound."""
    part = round(1000 * min(1.0, max(0.0, used / most))) if most else 1000
    css = "bad" if part >= 1000 else "warn" if part >= 800 else ""  # noqa: PLR2004 - from four fifths on it matters
    return Bar(name, f"{say(round(used))} of {say(round(most))}", part, css, more)


def _bucket(one: BucketFigures) -> BucketRow:
    limits, bars = one.limits, list[Bar]()
    burst = limits.burst_seconds / 60
    if limits.requests_per_minute is not None:
        whole = max(1.0, limits.requests_per_minute * burst)
        bars.append(
            bar(
                "requests",
                whole - (one.requests or 0),
                whole,
                short,
                f"{limits.requests_per_minute} a minute",
            )
        )
    if limits.tokens_per_minute is not None:
        whole = limits.tokens_per_minute * burst
        more = f"{short(limits.tokens_per_minute)} a minute"
        bars.append(bar("tokens", whole - (one.tokens or 0), whole, short, more))
    if limits.calls is not None:
        bars.append(bar("calls under way", one.calls, limits.calls, short))
    return BucketRow(
        one.model,
        one.key_name,
        tuple(bars),
        ", ".join(f"{agent} {count}" for agent, count in one.waiting.items()) or "nobody",
        f"{one.rate:.0%}",
        f"{one.refused} of {one.granted}",
        length(one.blocked_seconds) if one.blocked_seconds else "",
    )


def _tenant(one: TenantFigures) -> list[Bar]:
    budget, found = one.budget, list[Bar]()
    waits = f"{counted(len(budget.waiting), 'task')} waiting" if budget.waiting else ""
    if budget.most_tokens is not None:
        used = budget.tokens + budget.reserved_tokens
        found.append(bar(f"{one.tenant}: tokens", used, budget.most_tokens, short, waits))
    if budget.most_micros is not None:
        used = budget.micros + budget.reserved_micros
        found.append(bar(f"{one.tenant}: money", used, budget.most_micros, money, waits))
    if not found:
        found.append(
            Bar(f"{one.tenant}: tokens", f"{short(budget.tokens)} spent, no limit known here", 0, "", waits)
        )
    return found


def _asking(run: AskingRun) -> list[Bar]:
    budget, waits = run.budget, f"{counted(run.budget.asking.waiting, 'task')} waiting"
    kinds = (
        ("tokens", budget.taken_tokens, budget.tokens, short),
        ("money", budget.taken_micros, budget.micros, money),
    )
    return [
        replace(bar(f"{run.run_id}: {kind}", taken, most, say, f"{run.pipeline}, {waits}"), run_id=run.run_id)
        for kind, taken, most, say in kinds
        if most is not None
    ]


def _megabytes(number: int) -> str:
    return f"{number / 1_000_000:.1f} MB"


LIMITS: Final = Page("/limits", "limits.html", look, "limits")
