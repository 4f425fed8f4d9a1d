"""The status of a group, and of a partition, in a word, by one table: the first rule that holds says it.

`docs/lag.md` has the same table; a test compares them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

Status = Literal["stopped", "nobody there", "ok", "stalled", "behind"]
STILL_SECONDS: Final = 60.0
"""A minute without any progress, with work and somebody to do it, is a stall."""

NEW_SECONDS: Final = 2.0
"""What has just come is no delay: between two commits something always lies there."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at. `waiting` counts what nobody has in hand, here and in the coordinators' queues."""

    members: int
    unfinished: int
    waiting: int
    in_hand: int = 0
    """In flight or parked, as living workers say."""
    workers: int = 0
    silent: int = 0
    seconds: float = 0.0
    """Age of the oldest unfinished message."""
    done: int | None = None
    """Messages that were finished in the last minute; None: not known."""
    held_seconds: float = 0.0
    """Age of the oldest task that a full window holds back."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A word, when it is the right one (as the docs say it), and what to do then."""

    word: Status
    when: str
    cure: str
    holds: Callable[[Facts], bool]


RULES: Final = (
    Rule(
        "stopped",
        "the group has no member, and nothing is unfinished",
        "nothing; start workers before the next runs",
        lambda facts: not facts.members and not facts.unfinished and not facts.waiting,
    ),
    Rule(
        "nobody there",
        "the group has no member, and work lies there",
        "start a worker (`argosy worker APP:AGENT`), or a coordinator",
        lambda facts: not facts.members,
    ),
    Rule(
        "stalled",
        "work lies there, and all workers that said they have it fell silent",
        "they were killed, are cut off from Redis, or a handler blocks the event loop: `silent` names them",
        lambda facts: bool(facts.unfinished and facts.silent and not facts.workers),
    ),
    Rule(
        "stalled",
        "work older than a minute lies there, nobody has any of it in hand, and nothing was finished for a minute",
        "the members of the group hang: look at their logs; killing one is safe",
        lambda facts: bool(
            facts.unfinished and not facts.in_hand and facts.done == 0 and facts.seconds > STILL_SECONDS
        ),
    ),
    Rule(
        "ok",
        "nothing waits (what is unfinished, if anything, is in flight or parked), or nothing that is older than 2 s",
        "nothing",
        lambda facts: not facts.waiting or max(facts.seconds, facts.held_seconds) < NEW_SECONDS,
    ),
    Rule(
        "behind",
        "work waits, and the group works on it",
        "look at TREND and DRAIN: if it grows, or the time to drain is too long, more workers",
        lambda _facts: True,
    ),
)


def status(facts: Facts) -> Status:
    """Say how it stands."""
    return next(rule.word for rule in RULES if rule.holds(facts))
