"""The reader that exports our distributions beside what the SDK has collected; `metrics_page` has the other."""

import time
from collections.abc import Iterable

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricsData,
    PeriodicExportingMetricReader,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from argosy.telemetry import names
from argosy.telemetry.label_bounds import Labels
from argosy.telemetry.tallies import Cell, Distribution


class Reader(PeriodicExportingMetricReader):
    """Exports by an interval. The SDK collects something whenever there is a distribution: counters go with them."""

    def __init__(
        self, exporter: MetricExporter, interval_ms: int, resource: Resource, beside: Iterable[Distribution]
    ) -> None:
        """`resource` is the provider's."""
        self._resource, self._beside = resource, tuple(beside)
        super().__init__(exporter, interval_ms)

    def _receive_metrics(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: object
    ) -> None:
        super()._receive_metrics(  # pyright: ignore[reportUnknownMemberType]  # its **kwargs have no type
            together(metrics_data, self._resource, self._beside), timeout_millis, **kwargs
        )


def together(data: MetricsData, resource: Resource, beside: Iterable[Distribution]) -> MetricsData:
    """Put our distributions beside what the SDK has collected."""
    ours = [metric for each in beside if (metric := metric_of(each)) is not None]
    return _beside(data, resource, ours) if ours else data


def _beside(data: MetricsData, resource: Resource, metrics: list[Metric]) -> MetricsData:
    """Put metrics into our scope: exporters know each scope of a resource once only."""
    found, others = list(metrics), list[ResourceMetrics]()
    for each in data.resource_metrics:
        scopes: list[ScopeMetrics] = []
        for scope in each.scope_metrics:
            if scope.scope.name == names.SCOPE:
                found.extend(scope.metrics)
            else:
                scopes.append(scope)
        if scopes:
            others.append(ResourceMetrics(each.resource, scopes, each.schema_url))
    ours = ScopeMetrics(InstrumentationScope(names.SCOPE), found, "")
    for index, each in enumerate(others):
        if each.resource == resource:
            others[index] = ResourceMetrics(resource, [*each.scope_metrics, ours], each.schema_url)
            return MetricsData(others)
    return MetricsData([*others, ResourceMetrics(resource, [ours], "")])


def metric_of(distribution: Distribution) -> Metric | None:
    """Return a distribution in the SDK's form; None if nothing was recorded."""
    now_ns = time.time_ns()
    found = distribution.collected()
    points = [_point(distribution, labels, cell, now_ns) for labels, cell in found]
    if not points:
        return None
    data = Histogram(points, AggregationTemporality.CUMULATIVE)
    return Metric(distribution.name, distribution.description, distribution.unit, data)


def _point(distribution: Distribution, labels: Labels, cell: Cell, now_ns: int) -> HistogramDataPoint:
    return HistogramDataPoint(
        attributes=dict(labels),
        start_time_unix_nano=distribution.began_ns,
        time_unix_nano=now_ns,
        count=cell.count,
        sum=cell.total,
        bucket_counts=cell.buckets,
        explicit_bounds=distribution.bounds,
        min=cell.least,
        max=cell.most,
    )
