"""PromQL made from the metrics' table: no name is written down twice."""

from typing import Final

from argosy.telemetry import metric_table as table
from argosy.telemetry import names
from argosy.telemetry.metric import Metric
from argosy.telemetry.prometheus_names import family, label, series

AGENT: Final = label(names.GEN_AI_AGENT)
STATE: Final = label(names.LAG_STATE)
ERROR: Final = label(names.ERROR_TYPE)
MODEL: Final = label(names.REQUEST_MODEL)
PIPELINE: Final = label(names.PIPELINE)


def picked(name: str, **wanted: str) -> str:
    """Select series: `key="value"`; a value that begins with `!` or `~` is another way to compare."""
    if not wanted:
        return name
    signs = {"!": "!=", "~": "=~"}
    parts = (f'{key}{signs.get(value[:1], "=")}"{value.lstrip("!~")}"' for key, value in wanted.items())
    return f"{name}{{{','.join(parts)}}}"


def rate(metric: Metric, *by: str, over: str = "5m", **wanted: str) -> str:
    """Sum the rate of a counter, by labels."""
    return f"{summed(*by)} (rate({picked(series(metric), **wanted)}[{over}]))"


def grown(metric: Metric, *by: str, over: str, **wanted: str) -> str:
    """Sum what a counter grew by, by labels."""
    return f"{summed(*by)} (increase({picked(series(metric), **wanted)}[{over}]))"


def counted(metric: Metric, *by: str, over: str = "5m", **wanted: str) -> str:
    """Sum the rate of a histogram's values, by labels."""
    return f"{summed(*by)} (rate({picked(family(metric) + '_count', **wanted)}[{over}]))"


def totalled(metric: Metric, *by: str, over: str = "5m", **wanted: str) -> str:
    """Sum the rate of the sum of a histogram, by labels."""
    return f"{summed(*by)} (rate({picked(family(metric) + '_sum', **wanted)}[{over}]))"


def quantile(share: float, metric: Metric, *by: str, over: str = "5m", **wanted: str) -> str:
    """Estimate a quantile of a histogram, by labels."""
    buckets = picked(family(metric) + "_bucket", **wanted)
    return f"histogram_quantile({share}, {summed('le', *by)} (rate({buckets}[{over}])))"


def summed(*by: str) -> str:
    """Begin a sum."""
    return f"sum by ({', '.join(by)})" if by else "sum"


def gauge(metric: Metric, how: str, *by: str, **wanted: str) -> str:
    """Take the `sum`, the `max`, … of a gauge, by labels."""
    head = f"{how} by ({', '.join(by)})" if by else how
    return f"{head} ({picked(series(metric), **wanted)})"


ERROR_SHARE: Final = f"{rate(table.ERRORS, AGENT)} / {rate(table.TASKS, AGENT)}"
CALLS_FAILED: Final = (
    f"{counted(table.CALL_DURATION, MODEL, **{ERROR: '!'})} / {counted(table.CALL_DURATION, MODEL)}"
)
