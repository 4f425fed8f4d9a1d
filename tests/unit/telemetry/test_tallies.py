import json
import threading
from pathlib import Path

import pytest
from opentelemetry.metrics import CallbackOptions
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

from argosy.telemetry.otlp_files import MetricFile
from argosy.telemetry.tallies import Count, Distribution
from argosy.telemetry.tally_reader import Reader, metric_of

BOUNDS = (0.1, 1.0, 10.0)
VALUES = (0.0, 0.1, 0.1000001, 1.0, 5.0, 10.0, 11.0, 0.5)


def test_a_distribution_is_what_the_sdk_makes_of_the_same_values() -> None:
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("t")
    theirs = meter.create_histogram("h", "s", "text", explicit_bucket_boundaries_advisory=list(BOUNDS))
    ours = Distribution("h", "s", "text", BOUNDS)
    for value in VALUES:
        theirs.record(value, {"agent": "a"})
        ours.record([value], ("agent", "a"))
    theirs.record(3.0, {"agent": "b"})
    ours.record([3.0], ("agent", "b"))
    data = reader.get_metrics_data()
    assert data is not None
    (wanted,) = data.resource_metrics[0].scope_metrics[0].metrics
    found = metric_of(ours)
    assert found is not None
    assert (found.name, found.unit, found.description) == (wanted.name, wanted.unit, wanted.description)
    for one, other in zip(found.data.data_points, wanted.data.data_points, strict=True):
        assert isinstance(one, HistogramDataPoint)
        assert isinstance(other, HistogramDataPoint)
        assert dict(one.attributes or {}) == dict(other.attributes or {})
        assert list(one.bucket_counts) == list(other.bucket_counts)
        assert tuple(one.explicit_bounds) == tuple(other.explicit_bounds)
        assert (one.count, one.min, one.max) == (other.count, other.min, other.max)
        assert one.sum == pytest.approx(other.sum)


def test_nothing_recorded_is_nothing_told() -> None:
    assert metric_of(Distribution("h", "s", "text", BOUNDS)) is None
    assert list(Count().observe(CallbackOptions())) == []


def test_nothing_is_lost_between_threads() -> None:
    count, spread = Count(), Distribution("h", "s", "text", BOUNDS)

    def work() -> None:
        for _ in range(5_000):
            count.add(("agent", "a"))
            spread.record([1.0], ("agent", "a"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [observed.value for observed in count.observe(CallbackOptions())] == [20_000]
    ((_, cell),) = spread.collected()
    assert (cell.count, cell.total, sum(cell.buckets)) == (20_000, 20_000.0, 20_000)


def test_a_reader_exports_counts_and_distributions_at_the_end_of_the_process_too(tmp_path: Path) -> None:
    spread, count, resource = Distribution("h", "s", "text", BOUNDS), Count(), Resource({"service.name": "w"})
    reader = Reader(MetricFile(tmp_path / "m"), 3_600_000, resource, [spread])
    provider = MeterProvider([reader], resource, shutdown_on_exit=False)
    provider.get_meter("argosy").create_observable_counter("c", [count.observe])
    provider.get_meter("a library").create_counter("other").add(1)
    count.add(("agent", "a"))
    spread.record([5.0], ("agent", "a"))
    provider.shutdown()
    (line,) = (tmp_path / "m").read_text().splitlines()
    groups = json.loads(line)["resourceMetrics"]
    found = {
        metric["name"]: metric
        for group in groups
        for scope in group["scopeMetrics"]
        if scope["scope"]["name"] == "argosy"
        for metric in scope["metrics"]
    }
    assert found["c"]["sum"]["dataPoints"][0]["asInt"] == "1"
    assert found["h"]["histogram"]["dataPoints"][0]["bucketCounts"] == ["0", "0", "1", "0"]
    scopes = [scope["scope"]["name"] for group in groups for scope in group["scopeMetrics"]]
    assert sorted(scopes) == ["a library", "argosy"]
    assert {group["resource"]["attributes"][0]["value"]["stringValue"] for group in groups} == {"w"}
