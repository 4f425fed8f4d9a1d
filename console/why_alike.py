"""What else holds of a run, told briefly: of many tasks that wait alike one line, with their number. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from argosy.console.why_verdict import Cause, Code, Verdict

_FEW: Final = 4
"""So many of a kind are told one by one."""
_NAMED: Final = 3
_TOGETHER: Final[dict[Code, str]] = {
    "awaiting_budget": "wait until somebody raises the run's budget",
    "awaiting_approval": "wait for approval",
    "awaiting_signal": "wait for a signal",
    "budget_reserved": "wait for room in the run's budget",
    "held_by_window": "are held by the dispatch window",
    "in_handler": "are in their handlers",
    "model_limit": "wait for their turns at a limited model",
    "on_its_way": "were ordered and are on their way to a worker",
    "retry_waiting": "wait to be tried again",
    "settling": "are done, their results are being published",
    "sleeping": "sleep",
    "suspect": "wait for their turns as suspects",
    "tenant_reserved": "wait for room in the tenant's budget of the day",
    "worker_behind": "wait in partitions whose workers are behind",
    "worker_gone": "were with a worker that is gone",
}
"""Of others than these each says the same, or something of its own."""


@dataclass(frozen=True, slots=True)
class Also:
    """What else holds: of one task, or of several."""

    what: str
    code: Code


def also(verdict: Verdict) -> list[Also]:
    """Tell what holds beside the true cause, in its order; what is said of several tasks alike is said once."""
    first = Also(verdict.cause.what, verdict.cause.code)
    kinds: dict[tuple[str, str], list[Cause]] = {}
    for cause in verdict.others:
        kinds.setdefault((cause.code, str(cause.figures.get("agent", ""))), []).append(cause)
    told = (line for causes in kinds.values() for line in _told(causes))
    return [line for line in dict.fromkeys(told) if line != first]


def _told(causes: Sequence[Cause]) -> Iterator[Also]:
    code = causes[0].code
    tasks = list(dict.fromkeys(cause.task for cause in causes if cause.task))
    together = _TOGETHER.get(code)
    if together is None or len(tasks) <= _FEW:
        yield from (Also(cause.what, code) for cause in causes)
        return
    named = f"{', '.join(tasks[:_NAMED])} and {len(tasks) - _NAMED} more"
    yield Also(f"{named} {together}", code)
