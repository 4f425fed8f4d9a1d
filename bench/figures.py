"""Figures: what was measured how often, as rows of a table and of a JSON file."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from statistics import fmean, median

DID_NOT_FINISH = "did not finish"


@dataclass(frozen=True, slots=True)
class Goal:
    """What is hoped for of a figure's median."""

    bound: float
    at_least: bool = False

    def __str__(self) -> str:
        """Say it as a table does."""
        return f"{'≥' if self.at_least else '≤'} {self.bound:,g}"

    def met_by(self, value: float) -> bool:
        """Judge one value."""
        return value >= self.bound if self.at_least else value <= self.bound


def at_most(bound: float) -> Goal:
    """Hope for no more."""
    return Goal(bound)


def at_least(bound: float) -> Goal:
    """Hope for no less."""
    return Goal(bound, at_least=True)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing: a value for each repeat."""

    arm: str
    """The name of its part of the bench."""
    name: str
    unit: str
    values: Sequence[float]
    goal: Goal | None = None

    @property
    def shown(self) -> tuple[str, str, str]:
        """Minimum, median and maximum, to three digits."""
        if not self.values:
            return DID_NOT_FINISH, "", ""
        low, middle, high = self._three()
        return f"{low:.4g}", f"{middle:.4g}", f"{high:.4g}"

    @property
    def is_met(self) -> bool | None:
        """Whether the median meets the goal; None: there is no goal. What did not finish met nothing."""
        if self.goal is None:
            return None
        return bool(self.values) and self.goal.met_by(median(self.values))

    @property
    def verdict(self) -> str:
        """Say goal and whether it is met, for a table."""
        return "" if self.goal is None else f"{self.goal}: {'met' if self.is_met else 'MISSED'}"

    def as_json(self) -> dict[str, object]:
        """Give all of it; a figure without values did not finish."""
        about: dict[str, object] = {"arm": self.arm, "name": self.name, "unit": self.unit}
        if self.goal is not None:
            about |= {"goal": str(self.goal), "met": self.is_met}
        if not self.values:
            return {**about, "finished": False}
        low, middle, high = self._three()
        values = [round(value, 4) for value in self.values]
        return {**about, "min": low, "median": middle, "max": high, "values": values}

    def _three(self) -> tuple[float, float, float]:
        low, middle, high = min(self.values), median(self.values), max(self.values)
        return round(low, 4), round(middle, 4), round(high, 4)


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Divide repeat by repeat: two arms of one repeat met the same machine."""
    return [mine / other for mine, other in zip(ours, theirs, strict=False) if other]


def share(values: Sequence[float], per_mille: int) -> float:
    """Give the value below which so many per mille of the others lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * per_mille // 1000)]


def slope(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Give the exponent of growth: of the straight line through the logarithms, by least squares."""
    across, up = [log(size) for size in sizes], [log(cost) for cost in costs]
    middle, level = fmean(across), fmean(up)
    spread = sum((x - middle) ** 2 for x in across)
    return sum((x - middle) * (y - level) for x, y in zip(across, up, strict=True)) / spread
