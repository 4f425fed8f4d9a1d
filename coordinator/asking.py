"""Tasks that were refused at the edge of their run's budget: they wait until it is raised, where the run asks.

Nothing of a task that waits is out, and no attempt of it is used up. From rules 2 on, as budgets are.
"""

from typing import Final

from argosy.coordinator import edge
from argosy.coordinator.decision import Changed, Withdraw
from argosy.coordinator.edge import asking_of, budget_of, put_asking
from argosy.coordinator.kept import TaskResult, TaskState
from argosy.coordinator.place import Place
from argosy.coordinator.turn import Turn
from argosy.schemas.asking import BUDGET_TIMER
from argosy.schemas.fault import MESSAGE_CHARACTERS, Fault
from argosy.schemas.runlog import BudgetReceived

SPENT: Final = "budget_spent"
_LIMITS: Final = ("limit_tokens", "limit_micros")
"""Figures of a fault: by which budget of the run the call was refused. Those of a tenant's have none."""


def refused(turn: Turn, place: Place, task: TaskState, fault: Fault) -> bool:
    """Take a failure that may be a refusal: the task is ordered again, or waits. False: it has failed."""
    if fault.code != SPENT or not any(name in fault.figures for name in _LIMITS):
        return False
    asking = asking_of(turn.state)
    again = task._replace(earlier=turn.event.traceparent)
    if task.cause < asking.raised and _was_less(turn, fault):
        turn.decisions.append(Withdraw(place.local, place.agent))
        turn.order(place, again, refused=True)
        return True
    if turn.state.pinned.on_spent != "ask" or asking.closed:
        return False
    turn.decisions.append(Withdraw(place.local, place.agent))
    edge.hold(turn.state, place.local, again, TaskResult(fault=fault, traceparent=turn.event.traceparent))
    if asking.waiting == 0:
        asking.since_ms, asking.until_ms = turn.event.time_ms, _until_ms(turn)
        turn.arm(BUDGET_TIMER, asking.until_ms)
    asking.waiting += 1
    asking.said = fault.message
    put_asking(turn.state, asking)
    turn.changed("a", place, task.attempt, fault.message)
    return True


def _was_less(turn: Turn, fault: Fault) -> bool:
    """Say whether a call was refused by a smaller budget than the run has by now."""
    now = zip(_LIMITS, budget_of(turn.state), strict=True)
    return any(limit is not None and fault.figures.get(name, limit) < limit for name, limit in now)


def _until_ms(turn: Turn) -> int:
    """Say until when to wait for an answer: never past the run's deadline."""
    pinned = turn.state.pinned
    if pinned.ask_ms is None:
        return pinned.deadline_ms
    return min(pinned.deadline_ms, turn.event.time_ms + pinned.ask_ms)


def raise_to(turn: Turn, answer: BudgetReceived) -> None:
    """Raise the budget, and order what waits; an answer that raises nothing changes nothing."""
    before, asked = budget_of(turn.state), (answer.tokens, answer.micros)
    now = tuple(
        old if old is None or new is None else max(old, new) for old, new in zip(before, asked, strict=True)
    )
    if now == before:
        turn.decisions.append(Changed("budget_kept", reason=f"it is {_told(before)} already{_by(answer)}"))
        return
    edge.put_budget(turn.state, *now)
    asking = asking_of(turn.state)
    asking.raised, asking.closed = turn.event.offset, False
    put_asking(turn.state, asking)
    turn.decisions.append(Changed("budget_raised", reason=f"to {_told(now)}{_by(answer)}"))
    for local, task in edge.waiting(turn.state):
        place = turn.plan.find(local)
        if place is not None:
            turn.release(place)
            turn.order(place, task, refused=True)


def close(turn: Turn, why: str) -> None:
    """Ask nobody any more: what waits is to fail, and so is what will be refused."""
    asking = asking_of(turn.state)
    asking.closed = True
    put_asking(turn.state, asking)
    turn.decisions.append(Changed("budget_denied", reason=why))


def denied(turn: Turn, local: str, why: str) -> TaskResult:
    """Say what a task leaves that waited in vain: its refusal, and what came of the question."""
    found = turn.state.result(local)
    fault = found.fault or Fault(code=SPENT, message="")
    text = f"{fault.message}; {why}"[:MESSAGE_CHARACTERS]
    return TaskResult(fault=fault.model_copy(update={"message": text}), traceparent=found.traceparent)


def refusal(answer: BudgetReceived) -> str:
    """Say what an answer that is a no says."""
    text = f"it is not raised{_by(answer)}"
    return f"{text}: {answer.reason}" if answer.reason else text


def _by(answer: BudgetReceived) -> str:
    return f", says {answer.by}" if answer.by else ""


def _told(budget: tuple[int | None, ...]) -> str:
    kinds = zip(budget, ("tokens", "millionths of money"), strict=True)
    return " and ".join(f"{limit} {what}" for limit, what in kinds if limit is not None) or "no budget"
