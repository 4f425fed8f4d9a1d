"""What is started on the dashboard is shown once there is something to show."""

from typing import Any, cast

from argosy.client.run import Run, RunStatus
from argosy.console.dashboard_run_actions import until_accepted
from argosy.schemas.errors import Unreachable


class Told:
    """A run whose state is asked again and again."""

    def __init__(self, *states: RunStatus) -> None:
        self.left = list(states)

    async def state(self) -> RunStatus:
        if not self.left:
            raise Unreachable("Redis is away")
        return self.left.pop(0)


async def waited(told: Told) -> list[RunStatus]:
    await until_accepted(cast("Run[Any]", told))
    return told.left


async def test_a_run_that_was_just_sent_is_waited_for_until_it_is_known() -> None:
    assert await waited(Told("unknown", "unknown", "running", "succeeded")) == ["succeeded"]


async def test_nobody_waits_for_a_redis_that_is_away() -> None:
    assert await waited(Told("unknown")) == []
