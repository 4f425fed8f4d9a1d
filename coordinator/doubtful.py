"""Runs that a rebuild from a cut log must not bring back to life.

A run accepted before the horizon and not ended at the end of the rebuild may be a repeated submit of one that
ended, and whose beginning is no longer in the log.
"""

from argosy.broker.store import Store
from argosy.coordinator.fold import leave_newer
from argosy.coordinator.lane_state import LaneState
from argosy.coordinator.sweep import literal


async def doubtful(store: Store, state: LaneState, horizon_ms: int) -> list[str]:
    """Find them by reading every run of the lane: rare, and only after a loss.

    Raises Unreachable, and NewerVersion: what a newer release pinned, and when, is for that release to judge.
    """
    prefix = state.keys.run(state.epoch, "")
    found = state.quarantine.accepted_before(horizon_ms)
    async for key in store.scan(f"{literal(prefix)}*"):
        run_id = key.decode().removeprefix(prefix)
        if run_id in state.quarantine:
            continue  # its own record says when it was accepted: its hash may be what is damaged
        await state.runs.load([run_id])
        run = state.runs[run_id]
        leave_newer(run)
        if run is not None and run.st in ("active", "ending") and run.pinned.accepted_ms < horizon_ms:
            found.append(run_id)
        else:
            state.runs.forget(run_id)
    return sorted(set(found))
