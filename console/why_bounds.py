"""What Redis knows of the limits that a run may wait for: buckets of models, its budget, its tenant's day."""

from typing import Final

from argosy.agents.bucket_figures import buckets, model_waits
from argosy.agents.budget_figures import budget_of_run, tenants
from argosy.broker.keys import LaneKeys
from argosy.console.process_life import Services
from argosy.console.why_facts import LimitsAre
from argosy.schemas.asking import RAISED_FIELD, budget_now
from argosy.schemas.ids import lane_of
from argosy.schemas.runlog import RunAccepted

NONE: Final = LimitsAre()


async def ask_limits(
    services: Services, run_id: str, accepted: RunAccepted, epoch: str, now_ms: int
) -> LimitsAre:
    """Ask for all of it; changes nothing. `epoch` of the lane's state. Raises Unreachable and Refused."""
    store, settings = services.store, services.settings
    prefix = settings.redis.key_prefix
    found = await buckets(store, prefix, now_ms)
    budget = None
    if accepted.budget is not None or accepted.budget_micros is not None:
        keys = LaneKeys(prefix, lane_of(run_id, settings.fleet.lanes))
        (raised,) = await store.hmget(keys.run(epoch, run_id), [RAISED_FIELD])
        most = budget_now(accepted.budget, accepted.budget_micros, raised)
        budget = await budget_of_run(store, keys.budget(run_id), keys.run(epoch, run_id), most, now_ms)
    tenant = None
    if accepted.tenant is not None:
        days = await tenants(store, prefix, settings.model.tenant_budgets, now_ms)
        tenant = next((each for each in days if each.tenant == accepted.tenant), None)
    return LimitsAre(found, await model_waits(store, prefix, found, run_id, now_ms), budget, tenant)
