"""How many workers an agent needs now: the number that an autoscaler asks for. Pure.

Two bounds, the smaller of which counts: more workers than there are tasks for their slots find nothing to do, and
more than finish what lies there within the goal, at the pace of today, are not needed. What is parked waits for a
limit or a lane, and what is in retry for its time: more workers help neither, but one is kept for them. A topic's
partitions are the most that can work at all.
"""

import math
from dataclasses import dataclass
from typing import Final

from argosy.console.lag_standing import Standing
from argosy.console.lag_status import Status

GOAL_SECONDS: Final = 60.0
SLOTS: Final = 8
"""What a worker is taken to run at once while none is there to say it."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What an agent needs. `replicas` is the number to have; `drain_seconds` at today's pace, None: not known."""

    agent: str
    replicas: int
    now: int
    most: int
    """Its topic's partitions."""
    messages: int
    """Waiting, held back, in flight."""
    tokens: int | None
    seconds: float
    drain_seconds: float | None
    status: Status


def scale(standing: Standing, *, goal_seconds: float = GOAL_SECONDS, slots: int = SLOTS) -> Scale:
    """Say how many workers an agent needs to finish what lies there within the goal.

    `slots`: tasks that a worker runs at once, where no worker says so.
    """
    there, most = len(standing.workers), len(standing.partitions)
    per_worker = standing.slots / there if there and standing.slots else slots
    messages = standing.waiting.messages + standing.held.messages + standing.in_flight.messages
    wanted = math.ceil(messages / per_worker)
    if standing.pace and there:
        by_goal = math.ceil(messages / (standing.pace / there * goal_seconds))
        wanted = min(wanted, max(by_goal, math.ceil(standing.in_flight.messages / per_worker)))
    if standing.unfinished.messages or standing.held.messages or standing.retry.messages:
        wanted = max(1, wanted)
    return Scale(
        standing.agent or "",
        min(wanted, most),
        there,
        most,
        messages,
        standing.waiting.tokens,
        standing.unfinished.seconds or 0.0,
        standing.drain_seconds,
        standing.status,
    )
