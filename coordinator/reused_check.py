"""What a submit says that an earlier run left: whether it is of tasks that can be, and its payloads are still there."""

import re
from typing import Final

from argosy.broker.store import Payloads
from argosy.broker.touching import touch_all
from argosy.coordinator.known_pipelines import KnownPipeline
from argosy.coordinator.plan import Plan, plan_of
from argosy.schemas.errors import BadMessage
from argosy.schemas.ids import NAME_PATTERN
from argosy.schemas.inbox import RunSubmitted

FROM_RULES: Final = 2
_SHOWN: Final = 200
_KEY: Final = re.compile(NAME_PATTERN)
_PAGE: Final = re.compile(r"/p(0|1\.[0-9]{1,9})$")


async def check_reused(submit: RunSubmitted, document: KnownPipeline, rules: int, payloads: Payloads) -> None:
    """Raise BadMessage for a task that this pipeline can't have, PayloadGone where a result is no longer kept.

    What is kept is made young again, as a run's input is. Raises Unreachable.
    """
    if not submit.reused:
        return
    if rules < FROM_RULES:
        raise BadMessage(
            f"runs of rules {rules} reuse nothing: fleet.rules must be {FROM_RULES}", field="reused"
        )
    plan = plan_of(document.whole_sha256, document.whole)
    for local in submit.reused:
        if plan.find(local) is None and plan.loop(local) is None and not _may_be_planned(plan, local):
            raise BadMessage(f"{local[:_SHOWN]!r} is no task of this pipeline", field="reused")
    await touch_all(submit.reused.values(), payloads)


def _may_be_planned(plan: Plan, local: str) -> bool:
    """Say whether a planner of this pipeline may name a task so, or whether it may be a page of such a task."""
    planner, slash, key = _PAGE.sub("", local).rpartition("/")
    return slash != "" and _KEY.fullmatch(key) is not None and plan.planner(planner) is not None
