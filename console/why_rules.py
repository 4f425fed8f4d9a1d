"""From facts to the verdict: the deepest cause first. Pure."""

from argosy.console.why_facts import Facts
from argosy.console.why_fleet import fleet_cause
from argosy.console.why_limits import budget_note
from argosy.console.why_tasks import join_cause, look_cause, task_causes
from argosy.console.why_verdict import Cause, Verdict
from argosy.console.why_waits import wait_cause


def judge(facts: Facts) -> Verdict:
    """Name the true cause, and what else holds. Of tasks the ones that somebody must mend come first."""
    state = "unknown" if facts.run is None else facts.run.outcome or "active"
    outside = fleet_cause(facts)
    if outside is not None:
        return Verdict(facts.run_id, state, outside)
    causes = [
        *task_causes(facts),
        *map(look_cause, facts.looks),
        *(wait_cause(wait, facts.now_ms) for wait in facts.waits),
        *(join_cause(join, facts.now_ms) for join in facts.joins),
    ]
    if not causes:
        causes = [
            Cause(
                "going_on", "nothing holds the run up", "no task is open and no join is short", "look again"
            )
        ]
    note = budget_note(facts)
    others = (*causes[1:], *(() if note is None else (note,)))
    return Verdict(facts.run_id, state, causes[0], others, facts.more_tasks)
