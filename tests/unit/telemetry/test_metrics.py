from functools import cache

import pytest
from opentelemetry import metrics as api
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint

from argosy.schemas.chat import Usage
from argosy.telemetry import dialect, gateway_metrics, metrics, propagation
from argosy.telemetry.inference_table import INFERENCE
from argosy.telemetry.metric import TASK_SECONDS
from argosy.telemetry.metric_table import TABLE
from argosy.telemetry.metrics import ModelCall

Point = NumberDataPoint | HistogramDataPoint


@cache
def reader() -> InMemoryMetricReader:
    # One for the process: OpenTelemetry allows no second provider.
    made = InMemoryMetricReader()
    api.set_meter_provider(MeterProvider([made], shutdown_on_exit=False))
    return made


def points(name: str, **labels: str) -> list[Point]:
    data = reader().get_metrics_data()
    found = [
        point
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.data.data_points
    ]
    wanted = {key.replace("__", "."): value for key, value in labels.items()}
    return [
        point
        for point in found
        if isinstance(point, NumberDataPoint | HistogramDataPoint)
        and wanted.items() <= dict(point.attributes or {}).items()
    ]


@pytest.fixture(autouse=True)
def _reading() -> None:
    reader()


def test_names_are_unique_and_histograms_have_rising_buckets() -> None:
    assert len({metric.name for metric in TABLE}) == len(TABLE)
    for metric in TABLE:
        assert bool(metric.buckets) == (metric.kind == "histogram"), metric.name
        assert list(metric.buckets) == sorted(set(metric.buckets)), metric.name


def test_every_metric_can_be_recorded_and_nothing_else_is() -> None:
    metrics.tasks_settled("all", "failed", [1.0], error_type="timeout")
    metrics.task_retried("all")
    metrics.handed_off("all", [0.1])
    metrics.duplicate_caught("all", "settled")
    metrics.context_used("all", 0.5)
    metrics.run_ended("p@1", "succeeded", 3.0)
    metrics.runs_under_way(3, 100, 0)
    metrics.runs_asking("p", 2)
    metrics.dead_lettered("t", "undecodable")
    metrics.lag_seen("all", "waiting", messages=3, tokens=100)
    metrics.lag_age_seen("all", 2.0)
    metrics.model_called(
        ModelCall("openai", "m", "all"), 1.0, Usage(input_tokens=5, output_tokens=2), error_type="timeout"
    )
    metrics.answer_repaired("all", "m")
    metrics.tool_called("all", "search", 0.1, error_type="tool_failed")
    metrics.turn_awaited("openai", "m", "all", 0.5)
    metrics.model_limited("openai", "m")
    metrics.bucket_seen("openai:m", tokens=5, rate_per_mille=900, held=1, waiting=2)
    metrics.malformed_trace()
    metrics.spans_lost("queue_full", 2)
    metrics.lease_lost("all", "taken_over")
    metrics.slots("all", 4)
    metrics.run_accepted("p")
    metrics.submit_refused("invalid")
    metrics.folded([0.1])
    metrics.lanes_are("live", 3)
    metrics.dispatched("all", 2, 256)
    metrics.model_cost(ModelCall("openai", "m", "all"), 12)
    metrics.budget_refused("all", "run")
    gateway_metrics.answered("GET", "/ready", 503, 0.1)
    gateway_metrics.asking("GET", 1)
    gateway_metrics.watching(1)
    gateway_metrics.dropped(1)
    data = reader().get_metrics_data()
    assert data is not None
    ours = {
        metric.name: set[str]().union(*(point.attributes or {} for point in metric.data.data_points))
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        if scope.scope.name.startswith("argosy")
        for metric in scope.metrics
    }
    assert set(ours) == {metric.name for metric in TABLE}
    for metric in TABLE:
        assert ours[metric.name] == set(metric.labels), metric.name


def test_a_failed_attempt_counts_as_an_error() -> None:
    metrics.tasks_settled("errs", "failed", [0.2], error_type="model_failed")
    metrics.tasks_settled("errs", "succeeded", [0.2])
    (errors,) = points("argosy.task.errors", gen_ai__agent__name="errs")
    assert isinstance(errors, NumberDataPoint)
    assert errors.value == 1
    assert dict(errors.attributes or {})["error.type"] == "model_failed"
    assert len(points("argosy.tasks", gen_ai__agent__name="errs")) == 2


def test_tokens_are_told_by_type() -> None:
    metrics.model_called(ModelCall("openai", "tok"), 1.0, Usage(input_tokens=5, output_tokens=2))
    sums = {
        dict(point.attributes or {})["gen_ai.token.type"]: point.sum
        for point in points("gen_ai.client.token.usage", gen_ai__request__model="tok")
        if isinstance(point, HistogramDataPoint)
    }
    assert sums == {"input": 5, "output": 2}


def test_our_buckets_reach_the_sdk() -> None:
    metrics.tasks_settled("buckets", "succeeded", [400.0])
    (point,) = points("argosy.task.duration", gen_ai__agent__name="buckets")
    assert isinstance(point, HistogramDataPoint)
    assert tuple(point.explicit_bounds) == TASK_SECONDS


def test_a_clock_that_went_back_gives_no_negative_delay() -> None:
    metrics.handed_off("clock", [-5.0])
    (point,) = points("argosy.handoff.delay", gen_ai__agent__name="clock")
    assert isinstance(point, HistogramDataPoint)
    assert point.min == 0


def test_a_malformed_trace_is_counted() -> None:
    def count() -> float:
        return sum(
            point.value for point in points("argosy.trace.malformed") if isinstance(point, NumberDataPoint)
        )

    before = count()
    propagation.read([("traceparent", b"nonsense")])
    assert count() == before + 1


@pytest.mark.parametrize(
    ("words", "usual", "latest"),
    [("", 1, 0), ("gen_ai_latest_experimental", 0, 1), ("gen_ai/dup", 1, 1)],
)
def test_model_calls_are_told_by_the_names_that_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, words: str, usual: int, latest: int
) -> None:
    monkeypatch.setenv(dialect.VARIABLE, words)
    dialect.forget()
    try:
        call = ModelCall("openai", f"m {words}", "named")
        metrics.model_called(call, 1.0, Usage(input_tokens=5, output_tokens=2), error_type="timeout")
    finally:
        monkeypatch.undo()
        dialect.forget()
    whose = {"gen_ai__request__model": call.model, "gen_ai__agent__name": "named"}
    old = ("gen_ai.client.operation.duration", "gen_ai.client.token.usage")
    assert [len(points(name, **whose)) for name in old] == [usual, 2 * usual]
    found = {metric.name: points(metric.name, **whose) for metric in INFERENCE}
    assert {name: len(each) for name, each in found.items()} == dict.fromkeys(found, latest)
    if latest:
        duration, read, written = (each[0] for each in found.values())
        assert isinstance(duration, HistogramDataPoint)
        assert (duration.attributes or {})["error.type"] == "timeout"
        assert isinstance(read, NumberDataPoint)
        assert isinstance(written, NumberDataPoint)
        assert (read.value, written.value) == (5, 2)
    for metric in INFERENCE:
        for point in found[metric.name]:
            assert set(point.attributes or {}) <= set(metric.labels)


def test_poison_is_an_attempt_an_error_and_the_last_lost_lease_and_no_handler_s_time() -> None:
    metrics.poisoned("deadly")
    whose = {"gen_ai__agent__name": "deadly"}
    counted = (
        points("argosy.tasks", **whose, argosy__task__outcome="poison"),
        points("argosy.task.errors", **whose, error__type="poison"),
        points("argosy.leases.lost", **whose, argosy__lease="taken_over"),
    )
    assert [[point.value for point in found if isinstance(point, NumberDataPoint)] for found in counted] == [
        [1]
    ] * 3
    assert points("argosy.task.duration", **whose) == []
