"""What the reference knows of budgets: who waits at the edge, who goes on after a raise, who fails after a no."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from argosy.schemas.runlog import BudgetReceived, TaskSettled

if TYPE_CHECKING:
    from support.reference import Reference
    from support.reference_values import Task


@dataclass
class Purse:
    """The budget of a whole run; nothing of it is there but where a test says so."""

    budget: int | None = None
    asks: bool = False
    closed: bool = False
    raises: int = 0
    """How often it was raised."""

    def __post_init__(self) -> None:
        self.known: set[str] = set()


def refused(purse: Purse, task: "Task", message: TaskSettled) -> bool:
    """Take a refusal: the task goes on at once, or waits; False: it has failed."""
    fault = message.fault
    if fault is None or fault.code != "budget_spent" or purse.budget is None:
        return False
    if task.ordered < purse.raises and fault.figures["limit_tokens"] < purse.budget:
        _again(purse, task)
        return True
    if purse.asks and not purse.closed:
        task.letter, task.result = "a", message
        return True
    return False


def answered(reference: "Reference", answer: BudgetReceived) -> None:
    """Take an answer, once."""
    purse = reference.purse
    if reference.outcome is not None or purse.budget is None or answer.answer_id in purse.known:
        return
    purse.known.add(answer.answer_id)
    if answer.refused:
        denied(reference)
    elif answer.tokens is not None and answer.tokens > purse.budget:
        purse.budget, purse.raises, purse.closed = answer.tokens, purse.raises + 1, False
        for task in reference.all_tasks().values():
            if task.letter == "a":
                _again(purse, task)


def denied(reference: "Reference") -> None:
    """Fail what waits, one after the other, and ask nobody any more."""
    reference.purse.closed = True
    for full in sorted(reference.all_tasks()):
        task = reference.all_tasks()[full]
        where, local = reference.at(full)
        if task.letter == "a" and where is not None:
            task.letter = "f"
            where.over(where.step_of_task(local), local, task)
            reference.drain()


def _again(purse: Purse, task: "Task") -> None:
    task.letter, task.result = "r", None
    task.attempt, task.refused, task.ordered = task.attempt + 1, task.refused + 1, purse.raises
