"""Tells a consumer that waits from one that is stuck: a client library can stop consuming for ever and say nothing.

The facts are our own, never the library's. What can't be asked (Kafka doesn't answer) is no fact: then there is no
verdict.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConsumerFacts:
    """What is known of one consumer, now."""

    group: str
    assigned: int
    """Partitions."""
    lagging: int
    """Messages between what was received and the log end (asked of the broker); paused partitions don't count."""
    in_flight: int
    """Received and unfinished: waiting for a slot or running."""
    parked: int
    still_seconds: float
    """Monotonic time since anything was received, finished or assigned."""


def verdict(facts: ConsumerFacts, limit_seconds: float) -> str | None:
    """Return why the process must end, in words for its last log line; None: all is well, or it can't be told."""
    idle = facts.in_flight == 0 and facts.parked == 0
    if facts.assigned == 0 or facts.lagging == 0 or not idle or facts.still_seconds < limit_seconds:
        return None
    return (
        f"group {facts.group}: {facts.lagging} messages wait in {facts.assigned} partitions of ours, nothing is in "
        f"flight, and for {facts.still_seconds:.0f} s nothing came: the consumer is stuck; the process ends, "
        "so that a fresh one takes over"
    )
