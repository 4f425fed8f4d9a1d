"""Set up traces, metrics and logs of one process, and stop them in bounded time.

Nothing is exported unless an endpoint or a folder is set. Exporting happens in threads of its own behind
bounded queues: when the other side is slow or gone, telemetry is dropped, never work.
"""

import logging
import os
import threading
import uuid
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, TextIO
from urllib.parse import unquote

from opentelemetry import metrics as metrics_api
from opentelemetry import trace as trace_api
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from argosy.schemas import redact
from argosy.schemas.secrets import secrets_in
from argosy.schemas.settings import TelemetrySettings
from argosy.telemetry import content, instruments, logs, served
from argosy.telemetry.light_spans import Provider
from argosy.telemetry.sampling import sampler

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricExporter, MetricReader
    from opentelemetry.sdk.trace.export import SpanExporter

    from argosy.telemetry.losses import Batches
    from argosy.telemetry.metrics_page import MetricsServer, Page

QUEUE_SPANS: Final = 8_192
EXPORT_SECONDS: Final = 5
METRICS_MILLIS: Final = 10_000
FLUSH_SECONDS: Final = 5.0
_FORMS: Final = (
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What `start` set up. Call `stop` once, at the very end of the process."""

    tracer_provider: TracerProvider
    meter_provider: "MeterProvider | None" = None
    page: "Page | None" = None
    """What `/metrics` serves, if it is to be served."""
    _servers: "list[MetricsServer]" = field(default_factory=list["MetricsServer"])
    _batches: "tuple[Batches, ...]" = ()
    _stopped: list[bool] = field(default_factory=list[bool])

    def stop(self, within_seconds: float = FLUSH_SECONDS) -> bool:
        """Export what is queued; after `within_seconds` give up and return False. Repeats do nothing."""
        if self._stopped:
            return True
        self._stopped.append(True)
        ends: list[Callable[[], object]] = [
            self.tracer_provider.shutdown,
            *(each.close for each in self._servers),
        ]
        if self.meter_provider is not None:
            ends.append(self.meter_provider.shutdown)
        threads = [threading.Thread(target=end, name="telemetry-stop", daemon=True) for end in ends]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(within_seconds / len(threads))
        for processor in self._batches:
            processor.tell()
        return not any(thread.is_alive() for thread in threads)

    def serve(self, host: str, port: int) -> None:
        """Serve `/metrics` until `stop`, and tell where; a port that can't be had is no error."""
        if self.page is None:
            return
        from argosy.telemetry import metrics_page  # noqa: PLC0415 (who wants no page doesn't pay)

        server = metrics_page.listen(self.page, host, port)
        if server is not None:
            self._servers.append(server)
            served.at(server.url)
            logs.get("argosy.metrics").info("metrics are served", url=server.url)


def start(service: str, settings: TelemetrySettings, *, log_stream: TextIO | None = None) -> Telemetry:
    """Set up the process `service` (`coordinator`, `worker-research`, …) and install it.

    A process that set up OpenTelemetry itself before keeps its own providers; only logs and content are ours
    then.
    """
    redact.know(secrets_in(os.environ))
    logs.configure(settings.log_format, settings.log_level, log_stream)
    content.use(settings.content)
    telemetry = build(service, settings)
    if isinstance(trace_api.get_tracer_provider(), trace_api.ProxyTracerProvider):
        trace_api.set_tracer_provider(telemetry.tracer_provider)
    if telemetry.meter_provider is not None and not isinstance(
        metrics_api.get_meter_provider(), type(telemetry.meter_provider)
    ):
        metrics_api.set_meter_provider(telemetry.meter_provider)
        instruments.tally(on=_as_usual())
        if settings.metrics_port is not None:
            telemetry.serve(settings.metrics_host, settings.metrics_port)
    return telemetry


def build(service: str, settings: TelemetrySettings) -> Telemetry:
    """Make the providers without installing them."""
    resource = Resource.create({
        "service.name": f"{settings.service_namespace}-{service}",
        "service.namespace": settings.service_namespace,
        "service.instance.id": str(uuid.uuid4()),
        "service.version": version("argosy"),
    })  # fmt: skip
    span_exporters, metric_exporters = _exporters(service, settings)
    # With nobody to export to, spans still carry ids: logs of one run share a trace id all the same.
    chosen = sampler(settings.sample_per_mille) if span_exporters else ALWAYS_OFF
    processors = _batches(span_exporters)
    tracer_provider = Provider(chosen, resource, processors)
    # An exporter that can't reach its collector says so in every batch: once in a while is enough.
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)
    if not metric_exporters and settings.metrics_port is None:
        return Telemetry(tracer_provider, _batches=processors)
    meters, page = _metered(settings, resource, metric_exporters)
    return Telemetry(tracer_provider, meters, page, _batches=processors)


# Who exports nothing loads nothing of it: with the SDK's metrics and protobuf that is a tenth of a worker's start.


def _batches(exporters: "list[SpanExporter]") -> "tuple[Batches, ...]":
    if not exporters:
        return ()
    from argosy.telemetry.losses import Batches  # noqa: PLC0415 (see above)

    return tuple(Batches(exporter, QUEUE_SPANS, 1_000) for exporter in exporters)


def _metered(
    settings: TelemetrySettings, resource: Resource, exporters: "list[MetricExporter]"
) -> "tuple[MeterProvider, Page | None]":
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 (see above)

    from argosy.telemetry.tally_reader import Reader  # noqa: PLC0415 (see above)

    beside = instruments.DISTRIBUTIONS.values()
    readers: list[MetricReader] = [
        Reader(exporter, METRICS_MILLIS, resource, beside) for exporter in exporters
    ]
    page: Page | None = None
    if settings.metrics_port is not None:
        from argosy.telemetry import metrics_page  # noqa: PLC0415 (see above)

        reader = metrics_page.PageReader(resource, beside)
        readers.append(reader)
        page = metrics_page.Page(reader.registry)
    return MeterProvider(readers, resource, shutdown_on_exit=False), page


def _as_usual() -> bool:
    """Say that nobody asked for histograms in a form that ours don't have."""
    return not any(os.environ.get(name) for name in _FORMS)


def _exporters(
    service: str, settings: TelemetrySettings
) -> "tuple[list[SpanExporter], list[MetricExporter]]":
    spans: list[SpanExporter] = []
    found: list[MetricExporter] = []
    if settings.otlp_endpoint is not None:
        span_exporter, metric_exporter = _otlp(settings, settings.otlp_endpoint)
        spans.append(span_exporter)
        found.append(metric_exporter)
    if settings.folder is not None:
        from argosy.telemetry.otlp_files import MetricFile, SpanFile  # noqa: PLC0415 (who wants no files doesn't pay)

        suffix = f"{service}-{os.getpid()}.jsonl"
        spans.append(SpanFile(settings.folder / f"traces-{suffix}"))
        found.append(MetricFile(settings.folder / f"metrics-{suffix}"))
    return spans, found


def _otlp(settings: TelemetrySettings, endpoint: str) -> "tuple[SpanExporter, MetricExporter]":
    """Make the exporters of one protocol; the other's packages are not loaded (gRPC is heavy)."""
    headers = _headers(settings.otlp_headers.get_secret_value()) if settings.otlp_headers else None
    if settings.otlp_protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (  # noqa: PLC0415 (see above)
            OTLPMetricExporter,
        )

        from argosy.telemetry.otlp_grpc import GrpcSpans  # noqa: PLC0415 (see above)

        spans = GrpcSpans(endpoint, headers=headers, timeout=EXPORT_SECONDS)
        return spans, OTLPMetricExporter(endpoint, headers=headers, timeout=EXPORT_SECONDS)
    from opentelemetry.exporter.otlp.proto.http import metric_exporter  # noqa: PLC0415 (see above)

    from argosy.telemetry.otlp_http import HttpSpans  # noqa: PLC0415 (see above)

    base = endpoint.rstrip("/")
    return (
        HttpSpans(f"{base}/v1/traces", headers=headers, timeout=EXPORT_SECONDS),
        metric_exporter.OTLPMetricExporter(f"{base}/v1/metrics", headers=headers, timeout=EXPORT_SECONDS),
    )


def _headers(text: str) -> dict[str, str]:
    """Read `key=value,key=value`, as OTEL_EXPORTER_OTLP_HEADERS has it: with `%20` for a blank, and so on."""
    pairs = (part.partition("=") for part in text.split(",") if "=" in part)
    return {key.strip().lower(): unquote(value.strip()) for key, _equals, value in pairs}
