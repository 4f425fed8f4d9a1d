"""What a simulation's faults have destroyed: a promise ends where the record itself was lost."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Damage:
    """What the oracle has to know of the faults. Times are virtual seconds."""

    losses: list[float] = field(default_factory=list[float])
    """When Redis lost something."""
    splits: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """From when to when somebody wrote to a primary whose writes were lost."""
    astray: set[str] = field(default_factory=set[str])
    """Processes that write to such a primary now."""
    runs: set[str] = field(default_factory=set[str])
    """Runs of which Kafka lost an acknowledged record, or retention one that nobody had read."""
    cut: set[str] = field(default_factory=set[str])
    """Runs that had ended when retention took their records."""
    rebuilt: bool = False
    """A lane was built again from its log, whatever was cut off."""
    tail: bool = False
    """A log lost its end."""
    payloads: bool = False
    """The payload store lost something: a run may end as failed for it."""
    slept: bool = False
    """Somebody slept for so long that deadlines passed."""
    offsets: bool = False
    """Kafka lost offsets of groups; a group that has nothing to commit since has none."""

    @property
    def resent(self) -> bool:
        """Whether a worker may have let go of work that it should have done: it is sent again (promise 5).

        One that asks an old primary is told of newer runs that they are over, and where the end of a log of work is
        lost, offsets are given twice.
        """
        return bool(self.splits) or self.tail

    @property
    def unpublished(self) -> bool:
        """Whether results may be missing: the fleet was down for longer than the window, and lost Redis.

        Those of runs that ended before are not published again; and a run that is older than what is left of a cut log
        and hadn't ended is dropped rather than run a second time (promise 7 names that price).
        """
        return self.slept and bool(self.losses or self.splits or self.rebuilt)

    def lost_between(self, first: float, last: float) -> bool:
        """Say whether Redis may have lost what was written from `first` to `last`."""
        return any(first <= loss <= last for loss in self.losses) or any(
            begin <= last and first <= end for begin, end in self.splits
        )

    def lost_since(self, first: float) -> bool:
        """Say whether Redis may have lost what was written at `first` or later."""
        return self.lost_between(first, float("inf"))

    def excuses(self, run_id: str) -> bool:
        """Say whether nothing is promised of a run any more: the log, or log and Redis, have lost of it."""
        return run_id in self.runs or (
            run_id in self.cut and (self.rebuilt or bool(self.losses or self.splits))
        )


UNHARMED = Damage()
