"""What a metric is, and the buckets of those that are distributions."""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["counter", "histogram", "gauge", "updown"]
Teller = Literal["worker", "coordinator", "gateway"]

# The buckets that the messaging conventions advise end at 10 s: far too short for work that asks a model.
TASK_SECONDS: Final = (
    0.005,
    0.025,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    1800.0,
)
CALL_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
RUN_SECONDS: Final = (0.05, 0.25, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 86400.0)
TOKENS: Final = tuple(float(4**power) for power in range(14))
HTTP_SECONDS: Final = (
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 60.0,
)  # fmt: skip
"""The buckets that the HTTP conventions advise, and two more: a long poll may take a minute."""
SHARES: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0, 1.5, 2.0)


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One metric: what it is called, what it counts, and in which unit (UCUM). Compared as itself: it is looked up."""

    name: str
    kind: Kind
    unit: str
    description: str
    buckets: tuple[float, ...] = ()
    tellers: tuple[Teller, ...] = ("worker",)
    """Which processes tell it; a label's values are few in all of them (`label_bounds`)."""
    labels: tuple[str, ...] = ()
