"""The instruments behind the table: counts and distributions of our own, and the SDK's gauges; all within bounds."""

from collections.abc import Sequence
from functools import cache
from typing import Final

from opentelemetry import metrics as api

from argosy.telemetry import names
from argosy.telemetry.gateway_table import GATEWAY
from argosy.telemetry.inference_table import INFERENCE
from argosy.telemetry.label_bounds import Labels, bounded
from argosy.telemetry.metric import Metric
from argosy.telemetry.metric_table import TABLE
from argosy.telemetry.tallies import Count, Distribution

# Instruments made before a provider is set up are proxies that count once it is: caching them is safe.


@cache
def counted(metric: Metric) -> Count:
    """Return the counter of a metric."""
    count = Count()
    api.get_meter(names.SCOPE).create_observable_counter(
        metric.name, [count.observe], metric.unit, metric.description
    )
    return count


DISTRIBUTIONS: Final = {
    metric.name: Distribution(metric.name, metric.unit, metric.description, metric.buckets)
    for metric in (*TABLE, *INFERENCE)
    if metric.kind == "histogram" and metric not in GATEWAY
}


class _Tallied:
    on = False


def tally(*, on: bool) -> None:
    """Keep distributions ourselves from now on: a reader tells `DISTRIBUTIONS`. Otherwise the SDK keeps them."""
    _Tallied.on = on


def record(metric: Metric, values: Sequence[float], *labels: tuple[str, str]) -> None:
    """Add values to a distribution."""
    if _Tallied.on:
        DISTRIBUTIONS[metric.name].record(values, *labels)
    else:
        histogram, found = _histogram(metric), _known(metric, labels)
        for value in values:
            histogram.record(value, found)


def set_to(metric: Metric, value: float, *labels: tuple[str, str]) -> None:
    """Set a gauge."""
    _gauge(metric).set(value, _known(metric, labels))


def kept(metric: Metric) -> tuple[Labels, ...]:
    """Return the labels under which the SDK keeps a metric of ours."""
    return tuple(_sets.get(metric.name, {}))


_sets: dict[str, dict[Labels, dict[str, str]]] = {}


def _known(metric: Metric, labels: Labels) -> dict[str, str]:
    """Return the labels of a metric that the SDK keeps, in bounds as those are that we keep."""
    mine = _sets.setdefault(metric.name, {})
    known = mine.get(labels)
    if known is None:
        within = bounded(labels, len(mine))
        known = mine.setdefault(within, dict(within))
    return known


@cache
def _histogram(metric: Metric) -> api.Histogram:
    return api.get_meter(names.SCOPE).create_histogram(
        metric.name, metric.unit, metric.description, explicit_bucket_boundaries_advisory=list(metric.buckets)
    )


@cache
def _gauge(metric: Metric) -> api._Gauge:
    return api.get_meter(names.SCOPE).create_gauge(metric.name, metric.unit, metric.description)
