"""What a metric and a label are called in Prometheus: as its exporter and the Collector's write them.

`argosy.lag.time` in seconds is `argosy_lag_time_seconds`, the counter `argosy.tasks` is `argosy_tasks_total`; a unit in
braces says nothing.
"""

import re
from typing import Final

from argosy.telemetry.metric import Metric

_UNITS: Final = {"s": "_seconds"}
_OUTSIDE: Final = re.compile(r"[^a-zA-Z0-9_]")


def family(metric: Metric) -> str:
    """Name a metric without what its kind adds: histograms have `_bucket`, `_sum` and `_count` behind it."""
    return label(metric.name) + _UNITS.get(metric.unit, "")


def series(metric: Metric) -> str:
    """Name the series of a counter or a gauge."""
    return family(metric) + ("_total" if metric.kind == "counter" else "")


def names_of(metric: Metric) -> tuple[str, ...]:
    """Name all series of a metric."""
    if metric.kind == "histogram":
        return tuple(f"{family(metric)}_{part}" for part in ("bucket", "sum", "count"))
    return (series(metric),)


def label(name: str) -> str:
    """Name a label."""
    return _OUTSIDE.sub("_", name)
