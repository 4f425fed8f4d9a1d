"""What a running fleet tells: every metric of the table, all that the operator's files read, and no secret."""

import http.client
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress

import pytest

from argosy.telemetry.gateway_table import EVENTS_DROPPED
from argosy.telemetry.metric_table import SPANS_LOST, TABLE
from argosy.telemetry.prometheus_names import label, names_of
from support.canaries import CANARIES, found_in, found_under
from support.monitoring import expressions, series_in
from support.scrape import Sample, fetch
from support.stack import StackThread
from support.telling_fleet import TellingFleet, told_fleet

pytestmark = pytest.mark.timeout(600)

NEVER = {EVENTS_DROPPED, SPANS_LOST}
"""It takes a watcher that stands still for a mebibyte, or a collector in trouble: `test_gateway_feed` and `test_losses`
have those."""

DATA = {
    "pattern in an input", "field of an input", "pattern in a model's answer", "field of a model's answer",
    "pattern in a tool's answer", "field of a tool's answer",
}  # fmt: skip
"""What stands in inputs, results and memos is the fleet's data: it travels as it is."""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, stack: StackThread) -> Iterator[TellingFleet]:
    with told_fleet(tmp_path_factory.mktemp("told"), stack) as made:
        yield made


@pytest.fixture(scope="module")
def samples(fleet: TellingFleet) -> list[Sample]:
    found: list[Sample] = []

    def all_there() -> bool:
        found[:] = fleet.samples()
        return not _missing(found)

    try:
        fleet.operated.until(all_there, "every metric is told")
    except AssertionError:
        assert _missing(found) == []
    return found


def _missing(samples: list[Sample]) -> list[str]:
    told = {sample.name for sample in samples}
    return [metric.name for metric in TABLE if metric not in NEVER and not set(names_of(metric)) <= told]


def test_every_metric_of_the_table_is_told_by_a_fleet_that_runs(samples: list[Sample]) -> None:
    assert _missing(samples) == []


def test_every_series_that_the_operators_files_read_is_in_a_real_scrape(samples: list[Sample]) -> None:
    told = (
        {sample.name for sample in samples} | {"up"} | {name for metric in NEVER for name in names_of(metric)}
    )
    for where, expr in expressions().items():
        assert series_in(expr) <= told, where


def test_labels_are_those_of_the_table_and_hold_no_ids(samples: list[Sample]) -> None:
    allowed: dict[str, set[str]] = defaultdict(set)
    for metric in TABLE:
        for name in names_of(metric):
            allowed[name] = {label(each) for each in metric.labels} | {"le"}
    runs = {"waits", "asks", "poor", "begs", "breaks", "nobody"}
    for sample in samples:
        if sample.name in allowed:
            assert set(sample.labels) <= allowed[sample.name], sample.name
            assert not runs & set(sample.labels.values()), sample
            assert not any(
                "/" in value and value.split("/")[0] in runs for value in sample.labels.values()
            ), sample


COUNTS: tuple[tuple[str, dict[str, str], float], ...] = (
    ("argosy_runs_total", {"argosy_run_outcome": "succeeded"}, 2),
    ("argosy_runs_total", {"argosy_run_outcome": "failed"}, 2),
    ("argosy_runs_accepted_total", {}, 5),
    ("argosy_runs_asking", {"argosy_pipeline": "asking"}, 1),
    ("argosy_submits_refused_total", {"error_type": "unknown_pipeline"}, 1),
    ("argosy_leases_lost_total", {"gen_ai_agent_name": "patient", "argosy_lease": "taken_over"}, 1),
    ("argosy_task_errors_total", {"gen_ai_agent_name": "broken", "error_type": "handler_error"}, 2),
    ("argosy_task_retries_total", {"gen_ai_agent_name": "broken"}, 1),
    ("argosy_model_repairs_total", {}, 1),
    ("argosy_lanes", {"argosy_lane_state": "live"}, 1),
)


def test_counts_are_what_was_done(fleet: TellingFleet) -> None:
    found: list[Sample] = []

    def total(name: str, labels: dict[str, str]) -> float:
        return sum(
            sample.value
            for sample in found
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def wrong() -> list[tuple[str, dict[str, str], float]]:
        return [
            (name, labels, total(name, labels))
            for name, labels, count in COUNTS
            if total(name, labels) != count
        ]

    def are_so() -> bool:  # a run that asks, and what was told of the last that ended, come when they come
        found[:] = fleet.samples()
        return not wrong()

    with suppress(AssertionError):
        fleet.operated.until(are_so, "every count is what was done")
    assert wrong() == []
    assert total("argosy_model_limited_total", {}) >= 1
    assert total("argosy_model_cost_total", {}) > 0
    assert total("argosy_trace_malformed_total", {}) >= 1


def test_files_of_otlp_are_written_beside_and_tell_the_same(
    fleet: TellingFleet, samples: list[Sample]
) -> None:
    fleet.operated.end("worker")
    told: set[str] = set()
    for path in (fleet.operated.folder / "otlp").glob("metrics-worker*.jsonl"):
        for line in path.read_text().splitlines():
            for resource in json.loads(line)["resourceMetrics"]:
                told |= {metric["name"] for scope in resource["scopeMetrics"] for metric in scope["metrics"]}
    scraped = {sample.name for sample in samples}
    for metric in TABLE:
        if metric.tellers == ("worker",) and set(names_of(metric)) <= scraped:
            assert metric.name in told, metric.name


def test_no_secret_is_in_anything_that_is_told(fleet: TellingFleet, samples: list[Sample]) -> None:
    for words in (
        ("config", "show"), ("config", "show", "--json"), ("doctor", "--json"), ("status",), ("lag",), ("limits",),
        ("why", "breaks"), ("why", "poor", "--json"), ("why", "begs"), ("runs", "show", "breaks"), ("runs", "list"),
        ("dead", "list"), ("dead", "list", "--json"), ("dead", "show", "0"), ("dead", "show", "0", "--json"),
        ("agents",), ("lane", "list"), ("monitoring", "targets"),
        ("trace", "asks"), ("trace", "breaks", "--json"), ("history", "breaks"), ("blame", "breaks"),
        ("runs", "show", "breaks", "--context", "broken"), ("runs", "show", "breaks", "--json"),
        ("runs", "history", "breaks", "--json"), ("runs", "show", "asks", "--context", "research"),
        ("blame", "breaks", "--json"), ("why", "asks"), ("why", "asks", "--json"), ("history", "asks"),
        ("dead", "show", "1"), ("dead", "show", "1", "--json"), ("diff", "asks", "poor"),
    ):  # fmt: skip
        fleet.ask(*words)
    fleet.operated.environment["ARGOSY_GATEWAY__TOKEN"] = CANARIES["gateway token"][:9]
    fleet.ask("config", "show")  # too short: an error that must not quote it
    fleet.operated.environment["ARGOSY_GATEWAY__TOKEN"] = CANARIES["gateway token"]
    assert found_in("\n".join(fleet.answers)) == [], "answers of commands and of the gateway"
    assert found_in("\n".join(sample.title for sample in samples)) == [], "metrics"
    assert found_in(fleet.command_lines()) == [], "command lines"
    assert found_in(fleet.topic("events")) == []
    assert found_in(fleet.topic("dead")) == ["field of a buried body"], "it is to be put back as it came"
    for topic in ("results", "runs", "tasks.research"):
        assert set(found_in(fleet.topic(topic))) <= DATA, topic
    assert found_under(fleet.operated.folder) == [], "logs, spans, metrics"


def test_what_shows_values_of_a_run_shows_no_secret_of_the_fleet(fleet: TellingFleet) -> None:
    shown = {
        words: found_in(fleet.shown(*words))
        for words in (
            ("runs", "show", "asks"), ("runs", "show", "asks", "--json"),
            ("history", "asks", "--json"), ("blame", "asks"), ("blame", "asks", "--json"),
            ("blame", "asks", "--about", "Scala"), ("blame", "asks", "--about", "Scala", "--json"),
        )
    }  # fmt: skip
    assert {words: found for words, found in shown.items() if not set(found) <= DATA} == {}
    assert any(shown.values()), "nothing was shown"


def test_no_secret_is_in_what_a_collector_is_sent(fleet: TellingFleet) -> None:
    def came() -> bool:
        metrics, traces = (fleet.collected.bodies(f"/v1/{each}") for each in ("metrics", "traces"))
        return b"argosy.tasks" in metrics and b"execute_tool look_up" in traces

    fleet.operated.until(came, "metrics and traces came")
    for path in ("/v1/metrics", "/v1/traces", "/v1/logs"):
        assert found_in(fleet.collected.bodies(path)) == [], path


def test_no_page_of_the_dashboard_shows_a_secret(fleet: TellingFleet) -> None:
    fleet.operated.start("dashboard", "dashboard", "--port", "0")
    url = (fleet.operated.folder / "dashboard.ready").read_text().strip().rstrip("/")
    paths = (
        "/", "/agents/research", "/agents/broken", "/runs", "/runs/asks", "/runs/breaks", "/runs/poor/why",
        "/runs/asks/log", "/runs/asks/tasks/research", "/runs/breaks/tasks/broken", "/dead", "/dead/0", "/limits",
        "/lanes", "/pipelines", "/approvals", "/nothing",
    )  # fmt: skip

    def seen() -> bool:
        return "breaks" in fetch(f"{url}/runs")[1]

    fleet.operated.until(seen, "the dashboard knows the runs")
    pages = {path: fetch(f"{url}{path}") for path in paths}
    assert {path: status for path, (status, _) in pages.items() if status != http.client.OK} == {
        "/nothing": 404
    }
    assert {path: found_in(text) for path, (_, text) in pages.items() if found_in(text)} == {}


def test_the_search_finds_what_is_there(fleet: TellingFleet) -> None:
    planted = found_in(fleet.topic("inbox"))
    assert {"pattern in an input", "field of an input", "header of a record"} <= set(planted)
