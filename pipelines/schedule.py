"""A pipeline that is run by the clock."""

from collections.abc import Iterator
from typing import Any, Final, Generic, Literal, TypeVar, get_args

from argosy.pipelines import slots
from argosy.pipelines.pipeline import Pipeline
from argosy.pipelines.terms import check_name
from argosy.schemas.errors import BuildError, InvalidResult

In = TypeVar("In")

Missed = Literal["skip", "once", "all"]
Overlap = Literal["skip", "queue", "allow"]
_CHOICES: Final = {"missed": get_args(Missed), "overlap": get_args(Overlap)}


class Schedule(Generic[In]):
    """Runs a pipeline with one value at the times of a cron expression; found in a module like a Pipeline.

    Any number of coordinators with the app may do it: the run of a slot has the id `<name>-<time in UTC>`, whoever
    submits it, so it is one run.
    """

    def __init__(  # noqa: PLR0913 - the options of a schedule, all by name
        self,
        name: str,
        cron: str,
        pipeline: Pipeline[In, Any],
        value: In,
        *,
        timezone: str = "UTC",
        missed: Missed = "skip",
        overlap: Overlap = "skip",
    ) -> None:
        """Declare one. `cron`: minute hour day month weekday, in the clock of `timezone`.

        `missed`: what becomes of slots at which no coordinator was there: none is made up for, the last one, or all
        (of the last two days). `overlap`: while the run of the slot before goes on, a slot is left out, waits, or
        runs beside it. BuildError for what is wrong.
        """
        check_name(name, kind="a schedule")
        slots.check(name, cron, timezone)
        for option, given in (("missed", missed), ("overlap", overlap)):
            if given not in _CHOICES[option]:
                raise BuildError(
                    what=f"schedule {name!r} has {option}={given!r}",
                    why=f"it can be {', '.join(_CHOICES[option])}",
                    do="give one of these",
                )
        try:
            pipeline.takes.encode(value)
        except InvalidResult as error:
            raise BuildError(
                what=f"schedule {name!r} gives {pipeline.name!r} another value than it takes",
                why=str(error),
                do=f"give a {pipeline.takes}",
            ) from None
        self.name, self.cron, self.timezone = name, cron, timezone
        self.pipeline, self.value = pipeline, value
        self.missed: Missed = missed
        self.overlap: Overlap = overlap

    def slots(self, after_ms: int) -> Iterator[int]:
        """Yield its times after a moment, epoch milliseconds."""
        return slots.slots(self.cron, self.timezone, after_ms)

    def run_id(self, slot_ms: int) -> str:
        """Name the run of a slot."""
        return f"{self.name}-{slots.stamp(slot_ms)}"

    def __repr__(self) -> str:
        """Show what it runs, and when."""
        return f"<schedule {self.name}: {self.pipeline.name} at {self.cron} {self.timezone}>"
