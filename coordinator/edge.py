"""The budget of a run, and the tasks that wait at its edge: what their run's hash holds of them.

A task that waits has the letter `a`, and its refusal as what it left; the fields `b` and `ask` are in `schemas.asking`.
"""

from collections.abc import Iterator
from typing import Final

from argosy.coordinator.kept import TaskResult, TaskState
from argosy.coordinator.state import RunState
from argosy.schemas.asking import ASKING, ASKING_FIELD, RAISED_FIELD, Asking, budget_now

MOST_ANSWERS: Final = 64
"""Ids of answers that a run keeps: a repeat comes soon after."""


def budget_of(state: RunState) -> tuple[int | None, int | None]:
    """Say how many tokens, and how much money in millionths, a run may take by now; None: no limit of that kind."""
    pinned = state.pinned
    if pinned.budget is None and pinned.budget_micros is None:
        return None, None
    return budget_now(pinned.budget, pinned.budget_micros, state.get(RAISED_FIELD))


def put_budget(state: RunState, tokens: int | None, micros: int | None) -> None:
    """Keep what the budget was raised to."""
    state.put(RAISED_FIELD, b"%d %d" % (tokens or 0, micros or 0))


def asking_of(state: RunState) -> Asking:
    """Read how the budget was asked for; of a run that nobody asked or answered for: nothing."""
    raw = state.get(ASKING_FIELD)
    return Asking() if raw is None else ASKING.validate_json(raw)


def put_asking(state: RunState, asking: Asking) -> None:
    """Write how it was asked for."""
    state.put(ASKING_FIELD, ASKING.dump_json(asking, exclude_defaults=True))


def know(asking: Asking, answer_id: str) -> bool:
    """Remember an answer; False if it was known."""
    if answer_id in asking.answers:
        return False
    asking.answers = (*asking.answers, answer_id)[-MOST_ANSWERS:]
    return True


def hold(state: RunState, local: str, task: TaskState, refusal: TaskResult) -> None:
    """Let a task wait that was refused."""
    state.put_task(local, task.become("a"))
    state.put_result(local, refusal)


def let_go(state: RunState, local: str) -> bool:
    """Take back that a task waits, which is ordered again or ends; True if it was the last one."""
    asking = asking_of(state)
    asking.waiting -= 1
    state.drop(f"v:{local}")
    put_asking(state, asking)
    return asking.waiting == 0


def waiting(state: RunState) -> Iterator[tuple[str, TaskState]]:
    """List the tasks that wait, by name; each is looked at when it is its turn: the end of one may end others."""
    for local in state.tasks():
        task = state.task(local)
        if task is not None and task.letter == "a":
            yield local, task
