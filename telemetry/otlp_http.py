"""The official exporter to a collector over HTTP, with our own writer for our own spans."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from argosy.telemetry.ended_spans import Ended
from argosy.telemetry.otlp_proto import written
from argosy.telemetry.partly import Refusals

if TYPE_CHECKING:
    from requests import Response


class HttpSpans(OTLPSpanExporter):
    """Sends spans; what it can't take a short way goes the official one."""

    def __init__(self, endpoint: str, *, headers: Mapping[str, str] | None, timeout: float) -> None:
        """Send to the URL `endpoint`."""
        super().__init__(endpoint, headers=headers, timeout=timeout)
        self._refusals = Refusals()
        transport: object = getattr(getattr(self, "_client", None), "_transport", None)
        hooks: object = getattr(getattr(transport, "_session", None), "hooks", None)
        if isinstance(hooks, dict):
            hooks["response"] = [self._look]

    def refused(self) -> int:
        """Return how many spans the collector refused since this was asked, in batches that it took."""
        return self._refusals.taken()

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

    def _look(self, response: "Response", *_: object, **_more: object) -> None:
        if response.ok and "protobuf" in response.headers.get("Content-Type", ""):
            self._refusals.take(response.content)
