"""The schedules of the chaos app: every coordinator runs them, and each slot has its one run, whoever dies when."""

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from pydantic import BaseModel

from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.pipeline import Pipeline
from argosy.pipelines.schedule import Schedule
from argosy.testing.chaos_finding import Finding
from argosy.testing.chaos_runs import RunSeen
from argosy.testing.chaos_work import work


class Tick(BaseModel):
    """What a run of a schedule answers."""

    value: str


@agent(concurrency=16, retries=3, backoff_seconds=0.2)
async def ticks(ctx: Context, number: int) -> Tick:
    """Do the work of a slot."""
    del number
    return Tick(value=await work(ctx))


beats = Pipeline("beats", takes=int, gives=Tick)
beats.returns(beats.step(ticks, beats.input))

beat = Schedule("beat", "*/2 * * * * *", beats, 1, missed="all", overlap="allow")
turn = Schedule("turn", "*/3 * * * * *", beats, 2, missed="all", overlap="queue")
SCHEDULES: Final[tuple[Schedule[Any], ...]] = (beat, turn)


def beaten(runs: Mapping[str, RunSeen], last_ms: Mapping[str, int]) -> Finding:
    """Look at each slot since a first result was known; `last_ms`: the last one that was noted as submitted.

    Until then nothing tells a schedule from a new one, once Redis has forgotten it: a new one begins now, and its first
    slot waits for none.
    """
    found = Finding("each slot of a schedule has its one run, and those that wait for one another do")
    for schedule in SCHEDULES:
        accepted = {run_id: run for run_id, run in runs.items() if run.accepted is not None}
        seen = {
            slot_ms: run
            for run_id, run in accepted.items()
            if (slot_ms := _slot(schedule, run_id)) is not None
        }
        known_ms = min((run.answered_ms for run in seen.values() if run.answered_ms), default=None)
        if known_ms is None:
            continue
        last = max(*seen, last_ms.get(schedule.name, 0))
        for slot_ms in schedule.slots(known_ms):
            if slot_ms > last:
                break
            found.look(slot_ms in seen, f"{schedule.run_id(slot_ms)} never ran")
        if schedule.overlap == "queue":
            first_ms = next(iter(schedule.slots(known_ms)))
            for (_, before), (slot_ms, after) in pairwise(sorted(seen.items(), key=lambda slot: slot[0])):
                if slot_ms <= first_ms:
                    continue
                waited = before.ended is not None and after.accepted_ms >= before.ended_ms
                found.look(
                    waited, f"{schedule.run_id(slot_ms)} began before the run of the slot before ended"
                )
    return found


def _slot(schedule: Schedule[Any], run_id: str) -> int | None:
    """Read the slot out of the id of its run, epoch milliseconds; None: it is no run of this schedule."""
    lead, _, stamp = run_id.rpartition("-")
    if lead != schedule.name:
        return None
    slot_ms = round(datetime.strptime(f"{stamp}+0000", "%Y%m%dT%H%M%SZ%z").timestamp() * 1000)
    return slot_ms if schedule.run_id(slot_ms) == run_id else None
