"""Timers of runs in people's words: what happens when one fires."""

from typing import Final

from argosy.schemas.asking import BUDGET_TIMER

DEADLINE: Final = "deadline"
_WHOLE: Final = {
    DEADLINE: "the run's deadline",
    BUDGET_TIMER: "the question for a larger budget ends",
}
_KINDS: Final = {
    "retry": "{} is tried again",
    "sleep": "{} wakes up",
    "wait": "{} stops waiting",
    "join": "the join of {} goes on with what it has",
    "step": "the deadline of {}",
}


def timer_words(name: str) -> str:
    """Say what a timer is for; of one that a later release made, its name."""
    kind, colon, step = name.partition(":")
    if colon and kind in _KINDS:
        return _KINDS[kind].format(step)
    return _WHOLE.get(name, f"timer {name}")
