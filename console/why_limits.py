"""Why a task waits for a limit: of a model, of its run's budget, of its tenant's day. Pure."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from argosy.agents.bucket_figures import BucketFigures, ModelWait
from argosy.agents.budget_figures import Asked, BudgetFigures
from argosy.console.limits_report import bucket_said
from argosy.console.numbers import counted
from argosy.console.why_facts import Facts, TaskIs
from argosy.console.why_verdict import Cause, Code

if TYPE_CHECKING:
    from pydantic import JsonValue


def limit_cause(task: TaskIs, facts: Facts) -> Cause | None:
    """Say which limit an open task waits for, or those before it in its queue; None: none that is known."""
    return next((cause for rule in _RULES if (cause := rule(task, facts)) is not None), None)


def budget_note(facts: Facts) -> Cause | None:
    """Say how a run's budget stands, whatever the run waits for; None: it has none."""
    budget = facts.limits.budget
    if budget is None or not budget.said:
        return None
    return Cause(
        "budget",
        f"of the run's budget {budget.said}",
        "a call that would go over it is not made: its task fails with budget_spent, or waits, where the run asks",
        f"argosy runs budget {facts.run_id} raises it; runs redrive {facts.run_id} --budget N, once it has ended so",
        figures=_figures(budget),
    )


def _model(task: TaskIs, facts: Facts) -> Cause | None:
    wait = next((each for each in facts.limits.waits if _is_of(each, task, facts)), None)
    if wait is None:
        return None
    bucket = wait.bucket
    place = "it gave its slot to others meanwhile and comes back when its turn is near"
    if wait.ahead is not None:
        place = f"{counted(wait.ahead, 'call')} before it, of agents whose turn is due first"
    return _cause(
        task,
        "model_limit",
        (
            f"{task.name} waits for its turn at the limit of {bucket.model}: a call of {wait.tokens} tokens",
            f"{bucket_said(bucket)}; {place}; waiting is no attempt",
            "wait: argosy limits shows the bucket; ARGOSY_MODEL__LIMITS is what your provider's key may do",
        ),
        _bucket(bucket) | {"ahead": wait.ahead, "asked_tokens": wait.tokens},
    )


def _budget(task: TaskIs, facts: Facts) -> Cause | None:
    return _waits(task, facts.limits.budget, task.local, "budget_reserved", "the run's budget")


def _tenant(task: TaskIs, facts: Facts) -> Cause | None:
    found = facts.limits.tenant
    if found is None:
        return None
    name = f"{facts.run_id}/{task.local}"
    return _waits(task, found.budget, name, "tenant_reserved", f"the day's budget of tenant {found.tenant}")


def _waits(task: TaskIs, budget: BudgetFigures | None, name: str, code: Code, what: str) -> Cause | None:
    asked = None if budget is None else budget.waiting.get(name)
    if budget is None or asked is None:
        return None
    return _cause(
        task,
        code,
        (
            f"{task.name} waits for room in {what}: calls under way have it reserved, and may give back",
            f"{budget.said or 'how much it is, its workers know'}; it asks for {_asks(asked, budget)}",
            "wait: its call goes as soon as there is room, or its task fails with budget_spent",
        ),
        _figures(budget) | {"asked_tokens": asked.tokens, "asked_micros": asked.micros},
    )


def _behind(task: TaskIs, facts: Facts) -> Cause | None:
    """Those before it at its agent's workers wait for a model: it is they that are to be told of."""
    if task.claim is not None or task.offset is None or task.committed is None:
        return None
    bucket = next((each for each in facts.limits.buckets if each.waiting.get(task.agent)), None)
    agent = facts.agents.get(task.agent)
    if bucket is None or agent is None or not agent.group.members:
        return None
    calls, before = bucket.waiting[task.agent], task.offset - task.committed
    return _cause(
        task,
        "model_limit",
        (
            f"{task.name} lies behind others of {task.agent} that wait for the limit of {bucket.model}",
            f"{bucket_said(bucket)}, {calls} of {task.agent}'s; it lies {before} after the committed offset",
            "wait: more workers make it go no faster; argosy limits shows the bucket",
        ),
        _bucket(bucket) | {"partition": task.partition, "offset": task.offset, "committed": task.committed},
    )


def _is_of(wait: ModelWait, task: TaskIs, facts: Facts) -> bool:
    return wait.task_id == f"{facts.run_id}/{task.local}" and wait.attempt == task.attempt


def _asks(asked: Asked, budget: BudgetFigures) -> str:
    if budget.most_tokens is None and budget.most_micros is not None:
        return f"{asked.micros} millionths"
    return f"{asked.tokens} tokens"


def _bucket(bucket: BucketFigures) -> "dict[str, JsonValue]":
    return {
        "model": bucket.model,
        "waiting": sum(bucket.waiting.values()),
        "blocked_seconds": bucket.blocked_seconds,
        "rate": bucket.rate,
        "tokens": bucket.tokens,
        "requests": bucket.requests,
        "calls": bucket.calls,
    }


def _figures(budget: BudgetFigures) -> "dict[str, JsonValue]":
    return {
        "tokens": budget.tokens,
        "micros": budget.micros,
        "reserved_tokens": budget.reserved_tokens,
        "reserved_micros": budget.reserved_micros,
        "budget": budget.most_tokens,
        "budget_micros": budget.most_micros,
    }


def _cause(
    task: TaskIs, code: Code, texts: tuple[str, str, str], figures: "Mapping[str, JsonValue]"
) -> Cause:
    return Cause(
        code, *texts, task=task.local, figures={"agent": task.agent, "attempt": task.attempt, **figures}
    )


_RULES: Final[tuple[Callable[[TaskIs, Facts], Cause | None], ...]] = (_model, _budget, _tenant, _behind)
