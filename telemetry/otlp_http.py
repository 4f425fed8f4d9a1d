"""The official exporter to a collector over HTTP, with our own writer for our own spans."""

from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from argosy.telemetry.ended_spans import Ended
from argosy.telemetry.otlp_proto import written


class HttpSpans(OTLPSpanExporter):
    """Sends spans; what it can't take a short way goes the official one."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send one batch, with the official client: its headers, retries, compression and time limit."""
        client = getattr(self, "_client", None)
        if (
            client is None
            or getattr(self, "_shutdown", True)
            or not any(isinstance(each, Ended) for each in spans)
        ):
            return super().export(spans)
        return SpanExportResult.SUCCESS if client.export(written(spans)).success else SpanExportResult.FAILURE
