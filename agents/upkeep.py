"""What goes on beside the work of one agent: commits, figures, and whether its consumer still consumes."""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from argosy.agents.desk import Desk
from argosy.agents.intake import Intake
from argosy.agents.lease import EndProcess
from argosy.broker.watchdog import ConsumerFacts, verdict
from argosy.schemas.errors import Refused, StaleGeneration, Unreachable
from argosy.telemetry import logs, metrics

if TYPE_CHECKING:
    from argosy.broker.presence import Held

COMMIT_SECONDS: Final = 0.5
"""Between commits: what a crash hands out again is claimed again, and found settled."""
FIGURES_SECONDS: Final = 5.0


async def commits(intake: Intake) -> None:
    """Commit what is finished, again and again."""
    while True:
        await asyncio.sleep(COMMIT_SECONDS)
        await intake.commit()
        await intake.put_right()


async def figures(agent: str, desk: Desk) -> None:
    """Tell how much waits, runs and is parked here: a fleet's lag is the sum over its workers, its age the largest."""
    while True:
        await asyncio.sleep(FIGURES_SECONDS)
        await tell_figures(agent, desk)


async def tell_figures(agent: str, desk: Desk) -> None:
    """Tell them once."""
    hand = desk.in_hand()
    states: dict[metrics.LagState, Held] = {"in_flight": hand.running, "parked": hand.parked}
    for state, held in states.items():
        metrics.lag_seen(agent, state, messages=held.count, tokens=sum(held.tokens.values()))
    metrics.slots(agent, hand.slots)
    try:
        unfinished = await desk.intake.unfinished()
    except (Unreachable, Refused, StaleGeneration) as error:
        logs.get("argosy.worker").debug("the consumer's lag can't be asked", error=str(error))
        return
    waiting = max(0, unfinished - hand.running.count - hand.parked.count)
    oldest_ms, mean = desk.intake.oldest()
    tokens = None if mean is None and waiting else round((mean or 0) * waiting)
    metrics.lag_seen(agent, "waiting", messages=waiting, tokens=tokens)
    age_ms = 0 if oldest_ms is None or not waiting else max(0, time.time_ns() // 1_000_000 - oldest_ms)
    metrics.lag_age_seen(agent, age_ms / 1000)


async def watch(
    group: str, desk: Desk, limit_seconds: float, clock: Callable[[], float], end: EndProcess
) -> None:
    """End the process when the consumer is stuck: its partitions lag, nothing is in hand, nothing comes.

    Seen twice in a row: after a long idle time the first message may have been appended just when we looked.
    """
    seen: float | None = None
    while True:
        await asyncio.sleep(limit_seconds / 4)
        why = verdict(await _facts(group, desk, clock), limit_seconds)
        if why is None:
            seen = None
        elif seen == desk.intake.moved_at:
            end(why)
        else:
            seen = desk.intake.moved_at


async def _facts(group: str, desk: Desk, clock: Callable[[], float]) -> ConsumerFacts:
    intake = desk.intake
    try:
        lagging = await intake.lagging()
    except (Unreachable, Refused, StaleGeneration) as error:
        # What can't be asked is no fact: Kafka being away is not the consumer's fault.
        logs.get("argosy.worker").debug("the consumer's lag can't be asked", error=str(error))
        lagging = 0
    return ConsumerFacts(
        group=group,
        assigned=intake.assigned_count,
        lagging=lagging,
        in_flight=intake.open - desk.parked,
        parked=desk.parked,
        still_seconds=clock() - intake.moved_at,
    )
