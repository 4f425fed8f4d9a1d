"""What `bench-check` decides: the ratios that are kept, and whether those of today lie too far above."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

KEPT = Path(__file__).with_name("kept.json")


@dataclass(frozen=True, slots=True)
class Kept:
    """CPU times as multiples of the yardstick's, and how far above them one may come."""

    tolerance: float
    ratios: Mapping[str, float]

    @classmethod
    def read(cls, file: Path = KEPT) -> "Kept":
        """Read what is in the repository."""
        found = json.loads(file.read_text(encoding="utf-8"))
        return cls(found["tolerance"], found["ratios"])

    def write(self, about: Mapping[str, object], file: Path = KEPT) -> None:
        """Write it there; `about` is for people."""
        document = {**about, "tolerance": self.tolerance, "ratios": dict(self.ratios)}
        file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Judged:
    """One ratio beside the one that is kept."""

    name: str
    ratio: float
    kept: float | None
    tolerance: float

    @property
    def is_too_dear(self) -> bool:
        """Whether it lies above what is tolerated; a ratio that nobody kept can't."""
        return self.kept is not None and self.ratio > self.kept * self.tolerance

    def __str__(self) -> str:
        """Say it in a line."""
        if self.kept is None:
            return f"{self.name}: {self.ratio:.2f} yardsticks; none is kept yet: `--keep` does"
        beside = f"{self.name}: {self.ratio:.2f} yardsticks, kept {self.kept:.2f}, {self.ratio / self.kept:.2f} of it"
        if self.is_too_dear:
            return f"{beside}: TOO DEAR, at most {self.tolerance:.2f} is tolerated"
        return beside


def ratios(costs: Mapping[str, Sequence[float]], yardsticks: Sequence[float]) -> dict[str, float]:
    """Divide the least of each by the least yardstick: what others do on the machine only ever makes work dearer."""
    unit = min(yardsticks)
    return {name: round(min(values) / unit, 3) for name, values in costs.items()}


def judge(kept: Kept, found: Mapping[str, float]) -> list[Judged]:
    """Hold each to the one that is kept."""
    return [Judged(name, ratio, kept.ratios.get(name), kept.tolerance) for name, ratio in found.items()]
