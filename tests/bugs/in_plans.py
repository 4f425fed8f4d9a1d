"""Bugs in plans that agents make: which are taken over, what runs at once, what their tasks are given."""

# ruff: noqa: SLF001 - what is edited is private
# pyright: reportPrivateUsage=false

from typing import Final

from argosy.coordinator import inputs, plan_check, planned, settled
from bugs.bug import Bug
from bugs.planting import Edit

PLAN_BUGS: Final = (
    Bug(
        "bad_plans_are_run",
        "a success of a planner ends its task before its plan was looked at: it is never asked again",
        (Edit(settled._succeeded, "if bad is not None:", "if False:"),),
    ),
    Bug(
        "plans_in_a_circle",
        "a plan whose tasks wait for each other is taken over, and its run waits for its deadline",
        (Edit(plan_check._wrong, "if circle:", "if False:"),),
    ),
    Bug(
        "plans_know_no_bounds",
        "however many tasks of a plan could run, all of them do",
        (Edit(planned.is_held, "if state.open < owner.allowed.max_parallel:", "if True:"),),
    ),
    Bug(
        "plans_wash_taint",
        "what a planner made of a stranger's words is given to its tasks as the author's own",
        (Edit(inputs.inputs_of, "tainted(constant(given), step.taint)", "constant(given)"),),
    ),
    Bug(
        "skipped_keep_places",
        "a planned task that is skipped gives back a place that it never had",
        (Edit(planned.ended, "turn.state.task(inner.name) is not None", "True"),),
    ),
)
