"""What people say to a run whose budget is spent: more, or no; and what it means if they say nothing in time."""

from argosy.coordinator import asking, edge
from argosy.coordinator.decision import Changed
from argosy.coordinator.settled import task_ended
from argosy.coordinator.turn import Turn
from argosy.schemas.runlog import BudgetReceived


def answered(turn: Turn, answer: BudgetReceived) -> None:
    """Take an answer once. It may come before anybody asked; one to a run without a budget changes nothing."""
    if edge.budget_of(turn.state) == (None, None):
        turn.decisions.append(Changed("budget_kept", reason="this run has no budget"))
        return
    known = edge.asking_of(turn.state)
    if not edge.know(known, answer.answer_id):
        return
    edge.put_asking(turn.state, known)
    if answer.refused:
        deny(turn, asking.refusal(answer))
    else:
        asking.raise_to(turn, answer)


def timed_out(turn: Turn) -> None:
    """Take silence for a no."""
    known = edge.asking_of(turn.state)
    deny(turn, f"nobody raised it within {(known.until_ms - known.since_ms) // 1000} s")


def deny(turn: Turn, why: str) -> None:
    """Fail what waits; from now on what is refused fails at once, until the budget is raised after all."""
    asking.close(turn, why)
    for local, task in edge.waiting(turn.state):
        place = turn.plan.find(local)
        if place is not None:
            result = asking.denied(turn, local, why)
            turn.end_task(place, "f", task, result)
            task_ended(turn, place, result)
