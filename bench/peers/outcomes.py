"""What came out: an outcome for each round of each arm, their ratios to ours of the same round, and goals."""

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

OURS = "argosy"


class Done(BaseModel):
    """One round of one arm. `rate` is in its work's unit; CPU is told for a task, in microseconds.

    `cpu_us` is what the peer's own processes used, `servers_us` what the servers did that it stands on.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["done"] = "done"
    round: int
    rate: float
    cpu_us: float
    servers_us: float
    note: str = ""


class Missed(BaseModel):
    """A round that gave no figure, and why: that too is a result."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["missed"] = "missed"
    round: int
    because: str


Outcome = Annotated[Done | Missed, Field(discriminator="kind")]


class Spread(BaseModel):
    """The least, the middle and the most of some rounds."""

    model_config = ConfigDict(frozen=True)

    least: float
    median: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        """Summarise; None: there was nothing."""
        if not values:
            return None
        least, middle, most = (round(value, 4) for value in (min(values), median(values), max(values)))
        return cls(least=least, median=middle, most=most)

    @property
    def shown(self) -> str:
        """Give it in words, to three digits."""
        return f"{_short(self.median)} ({_short(self.least)} to {_short(self.most)})"


class Arm(BaseModel):
    """Who did which work how: as it stands beside the figures."""

    model_config = ConfigDict(frozen=True)

    work: str
    unit: str
    peer: str
    settings: str
    guarantees: str


class Standing(Arm):
    """An arm with all its rounds."""

    outcomes: tuple[Outcome, ...] = ()

    @property
    def done(self) -> dict[int, Done]:
        """Give the rounds that gave a figure."""
        return {each.round: each for each in self.outcomes if isinstance(each, Done)}


class Compared(Standing):
    """A standing beside ours, its rounds summed up: `ratio` is our rate by its own, of the same round."""

    rate: Spread | None
    cpu_us: Spread | None
    servers_us: Spread | None
    ratio: Spread | None
    goal: float | None
    met: bool | None
    """By the median; None: there is no goal, or nothing to judge it by."""


def compare(standings: Sequence[Standing], goals: dict[tuple[str, str], float]) -> list[Compared]:
    """Put each arm beside ours of the same work. A goal of ours is for the rate itself, a peer's for the ratio."""
    return list(_compared(standings, goals))


def _compared(standings: Sequence[Standing], goals: dict[tuple[str, str], float]) -> Iterator[Compared]:
    ours = {standing.work: standing.done for standing in standings if standing.peer == OURS}
    for standing in standings:
        mine, rounds = ours.get(standing.work, {}), standing.done
        rate = Spread.of([each.rate for each in rounds.values()])
        pairs = [mine[each.round].rate / each.rate for each in rounds.values() if each.round in mine]
        ratio = None if standing.peer == OURS else Spread.of(pairs)
        goal = goals.get((standing.work, standing.peer))
        judged = rate if standing.peer == OURS else ratio
        yield Compared(
            **dict(standing),
            rate=rate,
            cpu_us=Spread.of([each.cpu_us for each in rounds.values()]),
            servers_us=Spread.of([each.servers_us for each in rounds.values()]),
            ratio=ratio,
            goal=goal,
            met=None if goal is None or judged is None else judged.median >= goal,
        )


def joined(earlier: Sequence[Standing], later: Sequence[Standing]) -> list[Standing]:
    """Add the rounds of a later run to those of an earlier one, numbered on; arms keep their order."""
    first = 1 + max((each.round for standing in earlier for each in standing.outcomes), default=-1)
    found = {(standing.work, standing.peer): standing for standing in earlier}
    for standing in later:
        key = (standing.work, standing.peer)
        before = found[key].outcomes if key in found else ()
        after = tuple(each.model_copy(update={"round": first + each.round}) for each in standing.outcomes)
        found[key] = standing.model_copy(update={"outcomes": before + after})
    return list(found.values())


def _short(value: float) -> str:
    if value >= 100:  # noqa: PLR2004 - three digits
        return f"{value:,.0f}"
    return f"{value:.3g}"
