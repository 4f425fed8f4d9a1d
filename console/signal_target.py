"""Whether a signal could count: the step of its name, as the run's lane knows it now. Looked at before one is sent."""

from typing import TYPE_CHECKING

from argosy.broker.keys import LaneKeys
from argosy.broker.redis_reads import RedisReads
from argosy.coordinator import waiting
from argosy.coordinator.kept import TERMINAL
from argosy.coordinator.plan import plan_of
from argosy.coordinator.state import RunState
from argosy.schemas.errors import BadArgument, NotFound
from argosy.schemas.ids import lane_of
from argosy.schemas.pipeline import ApprovalStep
from argosy.schemas.settings import Settings

if TYPE_CHECKING:
    from argosy.coordinator.step_plan import StepPlan


async def check_target(store: RedisReads, settings: Settings, run_id: str, name: str) -> None:
    """Raise NotFound or BadArgument for a signal that can't count; say nothing of a run that Redis doesn't know.

    Raises Unreachable.
    """
    keys = LaneKeys(settings.redis.key_prefix, lane_of(run_id, settings.fleet.lanes))
    (epoch,) = await store.hmget(keys.checkpoint, ["epoch"])
    if epoch is None:
        return
    fields = await store.hgetall(keys.run(epoch.decode(), run_id))
    if fields:
        judge(RunState(run_id, {key.decode(): value for key, value in fields.items()}), name)


def judge(state: RunState, name: str) -> None:
    """Raise NotFound if no step of this name waits for signals or will; BadArgument if it is an approval. Pure."""
    run_id = state.run_id
    raw = state.get("plan")
    if state.st != "active" or raw is None:
        raise NotFound(
            f"run {run_id} waits no more: nothing was sent",
            f"it has ended, or is about to ({state.st})",
            f"argosy runs show {run_id}",
        )
    plan = plan_of(state.pinned.identity, raw)
    step = plan.signalled(name)
    if step is None:
        waits = [each for each in waiting.names(state) if waiting.waiting_of(state, each).until_ms]
        raise NotFound(
            f"no step {name!r} of run {run_id} waits for signals: nothing was sent",
            f"{', '.join(waits) or 'no step'} of it waits now; one of a pipeline inside is named like c/ok, c.7/ok",
            f"argosy runs waiting --run {run_id}",
        )
    above: StepPlan | None = step
    while above is not None:
        if state.step(above.name).letter in TERMINAL:
            raise NotFound(
                f"step {name!r} of run {run_id} waits no more: nothing was sent",
                "it has its answer, or has ended without one" if above is step else f"{above.name} has ended",
                f"argosy runs show {run_id}",
            )
        above = None if above.owner is None else plan.steps[above.owner]
    if isinstance(step.step, ApprovalStep):
        raise BadArgument(
            f"step {name!r} of run {run_id} is an approval: nothing was sent",
            why="its answer must name the value that it is about, and a signal names none",
            do=f"argosy runs approve {run_id} {name}",
        )
