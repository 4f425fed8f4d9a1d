"""The plan of one run: that of its pipeline, with what its planners planned."""

from argosy.coordinator.plan import Plan, plan_of
from argosy.coordinator.planned_steps import RunSteps, steps_under
from argosy.coordinator.state import RunState
from argosy.coordinator.step_plan import StepPlan


class RunPlan(Plan):
    """Its steps are read of the run's state: a plan that is taken over is in it at once."""

    @classmethod
    def of(cls, plan: Plan, state: RunState) -> "RunPlan":
        """Make it of the pipeline's; what that has worked out is not worked out again."""
        _ = plan.singles
        made = object.__new__(cls)
        vars(made).update(vars(plan))
        vars(made).update(steps=RunSteps(plan.steps, state), state=state)
        return made

    state: RunState

    def within(self, scope: str) -> tuple[StepPlan, ...]:
        """List the steps of a scope as `Plan.within` does, each planned task before the step that planned it."""
        found: list[StepPlan] = []
        for step in super().within(scope):
            found += steps_under(self.state, step).values()
            found.append(step)
        return tuple(found)


def plan_in(state: RunState) -> Plan:
    """Return the plan of a run that was accepted; KeyError if it is a tombstone."""
    plan = plan_of(state.pinned.identity, state.get("plan") or b"")
    return RunPlan.of(plan, state) if plan.plans else plan
