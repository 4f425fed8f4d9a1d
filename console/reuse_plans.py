"""Which ends of a plan's tasks a new run takes over, and the plan itself as the planner's result."""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Final, cast

from argosy.broker import tokens
from argosy.broker.store import Payloads
from argosy.broker.values import encode_value, to_payload
from argosy.coordinator.plan_check import waits_for
from argosy.coordinator.planned_steps import KeptPlan, kept
from argosy.coordinator.state import RunState
from argosy.coordinator.step_plan import template_of
from argosy.coordinator.wants import PLANNED
from argosy.schemas.facts import ValueFact
from argosy.schemas.payload import tainted
from argosy.schemas.reuse import Reused

if TYPE_CHECKING:
    from pydantic import JsonValue

_ENDED: Final = "ks"


def tasks_as_before(
    state: RunState, local: str, plan: KeptPlan, anew: Collection[str], *, retry: bool
) -> list[str]:
    """List the keys of a plan's tasks that come to the same end as before: with all that they wait for.

    `anew` are keys that run whatever they left; `retry`: so does what failed.
    """
    readers: dict[str, list[str]] = {}
    for task in plan.tasks:
        for key in waits_for(task):
            readers.setdefault(key, []).append(task.key)
    letters = {task.key: state.step(f"{local}/{task.key}").letter for task in plan.tasks}
    good = _ENDED if retry else f"{_ENDED}f"
    others = {key for key, letter in letters.items() if letter not in good or key in anew}
    # Who was skipped because of one that runs anew is a reader of that, near or far.
    waiting = list(others)
    while waiting:
        for key in readers.get(waiting.pop(), ()):
            if key not in others:
                others.add(key)
                waiting.append(key)
    return [key for key in letters if key not in others]


def keys_under(state: RunState, path: str) -> Iterator[str]:
    """Name the keys of all plans that were made for a step, in whatever shard or iteration (`m/q` for `m.3/q`)."""
    for name in state.dump():
        step = name.removeprefix("q:")
        if step != name and template_of(step).replace(".*", "").replace("~*", "") == path:
            plan = kept(state, step)
            yield from () if plan is None else (task.key for task in plan.tasks)


async def plan_reused(plan: KeptPlan, payloads: Payloads) -> Reused:
    """Make the planner's result anew: what its task left was replaced by what its plan's tasks gave."""
    tasks = [task.model_dump(mode="json", exclude_defaults=True) for task in plan.tasks]
    value = cast("JsonValue", {"tasks": tasks})
    payload = await to_payload(encode_value(value), tokens.count, payloads)
    return Reused(
        payload=tainted(payload, plan.taint), facts={PLANNED.key: ValueFact(kind="value", value=value)}
    )
