"""A run of a simulated fleet, as its producer sees it."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final, Generic, Protocol, TypeVar

from pydantic import JsonValue

from argosy.client.awaited import Awaited
from argosy.client.links import RunEvent
from argosy.client.run import Run, RunStatus
from argosy.schemas.errors import ArgosyError
from argosy.schemas.runlog import RunEnded
from argosy.testing.trace import add_story

R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")

WAIT_SECONDS: Final = 600.0
__tracebackhide__ = True  # pytest shows the frames of who uses it


class Drive(Protocol):
    """Runs a coroutine inside the simulation until it is done."""

    async def __call__(self, begin: Callable[[], Awaitable[T]], /) -> T:
        """See `Fleet.drive`."""
        ...


class FleetRun(Generic[R_co]):
    """See `argosy.Run`. Waiting for it lets virtual time pass."""

    def __init__(self, run: Run[R_co], drive: Drive, story: Callable[[], str]) -> None:
        """Made by `Fleet.submit`."""
        self._run, self._drive, self._story = run, drive, story

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self._run.run_id

    async def result(self, *, timeout_seconds: float = WAIT_SECONDS) -> R_co:
        """Wait, in virtual seconds, for the end, and return the result. Raises as `Run.result` does.

        What it raises carries the last lines of the story.
        """
        return await self._told(lambda: self._run.result(timeout_seconds=timeout_seconds))

    async def ended(self, *, timeout_seconds: float = WAIT_SECONDS) -> RunEnded:
        """Wait for the end and return its record, whatever the outcome."""
        return await self._told(lambda: self._run.ended(timeout_seconds=timeout_seconds))

    async def state(self) -> RunStatus:
        """Look at the state now."""
        return await self._drive(self._run.state)

    async def cancel(self, reason: str = "") -> None:
        """Ask for the run's end; returns once Kafka has the request."""
        await self._drive(lambda: self._run.cancel(reason))

    async def signal(self, name: str, value: JsonValue = None, *, signal_id: str | None = None) -> None:
        """Send a signal; returns once Kafka has it."""
        await self._drive(lambda: self._run.signal(name, value, signal_id=signal_id))

    async def approve(
        self,
        step: str,
        *,
        approved: bool = True,
        reason: str = "",
        by: str = "",
        sha256: str | None = None,
    ) -> None:
        """Answer an approval; returns once Kafka has the answer."""
        await self._drive(
            lambda: self._run.approve(step, approved=approved, reason=reason, by=by, sha256=sha256)
        )

    async def raise_budget(self, tokens: int | None = None, **options: Any) -> None:  # noqa: ANN401
        """Raise its budget, with the options of `Run.raise_budget`."""
        await self._drive(lambda: self._run.raise_budget(tokens, **options))

    async def deny_budget(self, **options: Any) -> None:  # noqa: ANN401
        """Say that it won't be raised, with the options of `Run.deny_budget`."""
        await self._drive(lambda: self._run.deny_budget(**options))

    async def waiting(self) -> list[Awaited]:
        """List the signals and approvals that the run waits for now."""
        return await self._drive(self._run.waiting)

    async def events(self) -> AsyncGenerator[RunEvent]:
        """Yield what is told of the run until it has ended; each wait lets virtual time pass."""
        async with aclosing(self._run.events()) as events:

            async def following() -> RunEvent | None:
                return await anext(events, None)

            while (event := await self._drive(following)) is not None:
                yield event

    async def _told(self, begin: Callable[[], Awaitable[T]]) -> T:
        try:
            return await self._drive(begin)
        except ArgosyError as error:
            add_story(error, self._story())
            raise error.with_traceback(
                None
            ) from error.__cause__  # where in the fleet it was raised helps nobody
