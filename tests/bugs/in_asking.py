"""Bugs at the edge of budgets: what a refusal costs, whom a raise reaches, which answers count."""

# ruff: noqa: SLF001 - scripts and rules are their modules' own
# pyright: reportPrivateUsage=false

from typing import Final

from argosy.agents import budget
from argosy.coordinator import asking, edge, settled
from bugs.bug import Bug
from bugs.planting import Edit

ASKING_BUGS: Final = (
    Bug(
        "refusals_use_attempts_up",
        "an attempt that the budget refused counts as one of those that its agent has",
        (Edit(settled._failed, "task.attempt - task.refused", "task.attempt"),),
    ),
    Bug(
        "raises_miss_who_comes_late",
        "a task that was refused by less than its run has by now waits for another raise",
        (Edit(asking.refused, "if task.cause < asking.raised and _was_less(turn, fault):", "if False:"),),
    ),
    Bug(
        "answers_count_twice",
        "a repeated no ends what waits since a raise that came after it",
        (Edit(edge.know, "if answer_id in asking.answers:", "if False:"),),
    ),
    Bug(
        "handlers_keep_old_budgets",
        "a handler that is at work has the budget that its dispatch told, whatever was raised meanwhile",
        (Edit([budget._BUDGET], "math.max(limits[name], raised)", "limits[name]"),),
    ),
)
