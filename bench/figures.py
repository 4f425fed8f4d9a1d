"""Figures: what was measured how often, as rows of a table and of a JSON file."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

DID_NOT_FINISH = "did not finish"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing: a value for each repeat. `goal` is what is hoped for, in words."""

    arm: str
    """The letter of its part of the bench."""
    name: str
    unit: str
    values: Sequence[float]
    goal: str = ""

    @property
    def shown(self) -> tuple[str, str, str]:
        """Minimum, median and maximum, to three digits."""
        if not self.values:
            return DID_NOT_FINISH, "", ""
        low, middle, high = self._three()
        return f"{low:.4g}", f"{middle:.4g}", f"{high:.4g}"

    def as_json(self) -> dict[str, object]:
        """Give all of it; a figure without values did not finish."""
        about: dict[str, object] = {"arm": self.arm, "name": self.name, "unit": self.unit, "goal": self.goal}
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
