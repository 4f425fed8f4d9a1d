"""What goes on beside the work of one agent: commits, figures, and whether its consumer still consumes."""

import asyncio
from collections.abc import Callable
from typing import Final

from argosy.agents.desk import Desk
from argosy.agents.intake import Intake
from argosy.agents.lease import EndProcess
from argosy.broker.watchdog import ConsumerFacts, verdict
from argosy.schemas.errors import Refused, StaleGeneration, Unreachable
from argosy.telemetry import logs, metrics

COMMIT_SECONDS: Final = 0.5
"""Between commits: what a crash hands out again is claimed again, and found settled."""
FIGURES_SECONDS: Final = 5.0


async def commits(intake: Intake) -> None:
    """Commit what is finished, again and again."""
    while True:
        await asyncio.sleep(COMMIT_SECONDS)
        await intake.commit()


async def figures(agent: str, desk: Desk) -> None:
    """Tell how much waits, runs and is parked here."""
    while True:
        await asyncio.sleep(FIGURES_SECONDS)
        metrics.lag_seen(agent, "in_flight", messages=desk.running)
        metrics.lag_seen(agent, "parked", messages=desk.parked)


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
