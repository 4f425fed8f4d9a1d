import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import INVALID_SPAN_CONTEXT
from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from argosy.schemas.settings import TelemetrySettings
from argosy.telemetry import names, setup

LIVE = """
import sys
from pathlib import Path
from argosy.schemas.settings import TelemetrySettings
from argosy.telemetry import calls, logs, metrics, setup, steps
settings = TelemetrySettings(folder=Path(sys.argv[1]), sample_per_mille=int(sys.argv[2]))
telemetry = setup.start("worker-critic", settings)
with steps.submit("argosy.inbox", "r", "p@1") as step:
    with calls.of_model("openai", "m", {}):
        logs.handoff("submitted", traceparent=step.trace.traceparent, run_id="r")
metrics.task_retried("critic")
print(step.trace.traceparent)
sys.exit(0 if telemetry.stop() else 1)
"""


def live(folder: Path, per_mille: int) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", LIVE, str(folder), str(per_mille)]
    return subprocess.run(command, check=True, capture_output=True, text=True)


def spans_of(file: Path) -> list[dict[str, object]]:
    documents = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [
        span
        for document in documents
        for resource in document["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def test_files_hold_otlp_json_with_hexadecimal_ids(tmp_path: Path) -> None:
    done = live(tmp_path / "new", 1000)
    traceparent = done.stdout.strip()
    (traces,) = (tmp_path / "new").glob("traces-worker-critic-*.jsonl")
    chat, submit = spans_of(traces)
    assert chat["name"] == "chat m"
    assert submit["traceId"] == chat["traceId"] == traceparent[3:35]
    assert submit["spanId"] == chat["parentSpanId"] == traceparent[36:52]
    assert submit["kind"] == 4
    assert str(submit["startTimeUnixNano"]).isdigit()
    (metric_file,) = (tmp_path / "new").glob("metrics-*.jsonl")
    assert '"argosy.task.retries"' in metric_file.read_text(encoding="utf-8")
    assert json.loads(done.stderr.splitlines()[0])["trace_id"] == traceparent[3:35]


def test_a_run_that_is_not_sampled_still_has_a_trace_id_in_its_logs(tmp_path: Path) -> None:
    done = live(tmp_path, 0)
    assert done.stdout.strip().endswith("-00")
    assert json.loads(done.stderr.splitlines()[0])["trace_id"] == done.stdout.strip()[3:35]
    assert not list(tmp_path.glob("traces-*"))


MIDDLE = """
from argosy.schemas.settings import TelemetrySettings
from argosy.telemetry import calls, setup, steps
from argosy.telemetry.propagation import Trace
telemetry = setup.start("coordinator", TelemetrySettings())
before = Trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "vendor=abc")
with steps.dispatch("t", steps.Work("r", "r/a", "a", 1), before) as step:
    assert step.trace == before
    with calls.of_model("openai", "m", {}) as inner:
        assert inner.trace == before
telemetry.stop()
"""


def test_a_process_that_exports_nothing_does_not_break_the_trace_between_two_that_do() -> None:
    subprocess.run([sys.executable, "-c", MIDDLE], check=True)


def test_without_endpoint_or_folder_nothing_is_sampled_but_ids_are_made() -> None:
    telemetry = setup.build("worker", TelemetrySettings())
    span = telemetry.tracer_provider.get_tracer(names.SCOPE).start_span("x")
    assert not span.is_recording()
    assert span.get_span_context() != INVALID_SPAN_CONTEXT
    assert telemetry.meter_provider is None
    assert telemetry.stop()
    assert telemetry.stop()


def test_spans_reach_an_otlp_collector_with_our_headers(httpserver: HTTPServer) -> None:
    received: list[Request] = []

    def collect(request: Request) -> Response:
        received.append(request)
        return Response(status=200)

    httpserver.expect_request("/v1/traces").respond_with_handler(collect)
    httpserver.expect_request("/v1/metrics").respond_with_handler(lambda _request: Response(status=200))
    settings = TelemetrySettings(
        otlp_endpoint=httpserver.url_for("/"), otlp_headers=SecretStr("x-team=blue, Authorization=Bearer%20t")
    )
    telemetry = setup.build("coordinator", settings)
    telemetry.tracer_provider.get_tracer(names.SCOPE).start_span("x").end()
    assert telemetry.stop(within_seconds=60)
    (request,) = received
    assert request.headers["x-team"] == "blue"
    assert request.headers["authorization"] == "Bearer t"
    body = ExportTraceServiceRequest.FromString(request.get_data())
    resource = {item.key: item.value.string_value for item in body.resource_spans[0].resource.attributes}
    assert resource["service.name"] == "argosy-coordinator"
    assert body.resource_spans[0].scope_spans[0].spans[0].name == "x"


HELD = """
import sys
from argosy.schemas.settings import TelemetrySettings
from argosy.telemetry import names, setup
endpoint, protocol = sys.argv[1:]
settings = TelemetrySettings.model_validate({"otlp_endpoint": endpoint, "otlp_protocol": protocol})
telemetry = setup.start("worker", settings)
tracer = telemetry.tracer_provider.get_tracer(names.SCOPE)
for _ in range(setup.QUEUE_SPANS * 2):
    tracer.start_span("x").end()
print(telemetry.stop(within_seconds=0.2), flush=True)
"""


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_collector_that_never_answers_does_not_hold_the_process(protocol: str) -> None:
    """A process of its own: the exporter's threads go on, and use `random` as no thread may beside Hypothesis."""
    with socket.create_server(("127.0.0.1", 0)) as black_hole:
        endpoint = f"http://127.0.0.1:{black_hole.getsockname()[1]}"
        command = [sys.executable, "-c", HELD, endpoint, protocol]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=240)
    assert done.stdout == "False\n"
    # On a busy machine a batch's time is over before all spans are made: what was lost by then is told before.
    *_, told = [json.loads(line) for line in done.stderr.splitlines() if "spans lost" in line]
    assert told["lost"] == 2 * setup.QUEUE_SPANS
    assert told["delivered"] == 0


def test_a_folder_that_cannot_be_written_loses_telemetry_not_work(tmp_path: Path) -> None:
    folder = tmp_path / "traces"
    telemetry = setup.build("worker", TelemetrySettings(folder=folder))
    telemetry.tracer_provider.get_tracer(names.SCOPE).start_span("x").end()
    folder.rmdir()
    folder.write_text("a file is in the way", encoding="utf-8")
    assert telemetry.stop(within_seconds=60)
