"""What a run waits for that a person can give, told on its own pages with the way to answer. Pure."""

from dataclasses import dataclass
from typing import Final

from argosy.console.run_history import History
from argosy.console.why_waits import waits_of
from argosy.coordinator.edge import asking_of

MOST: Final = 5
"""Of them, on the page of their run."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A question. `answered` is how an answer names it in a form: the run, the step, the hash of its value."""

    step: str
    kind: str
    said: str
    answered: str


def asks(history: History) -> tuple[Ask, ...]:
    """List what the run waits for from outside: not sleeps, nor approvals whose value the lane has not looked at."""
    run_id, state = history.run_id, history.state
    if state is None or state.st != "active" or history.ended is not None:
        return ()
    found = [
        Ask(each.step, each.kind, each.question, f"{run_id} {each.step} {each.about}")
        for each in waits_of(history)
        if each.kind == "signal" or (each.kind == "approval" and each.about)
    ]
    asking = asking_of(state)
    if asking.waiting:
        found.append(Ask("budget", "budget", asking.said, run_id))
    return tuple(found)
