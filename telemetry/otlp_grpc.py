"""The official exporter to a collector over gRPC, with our own writer for our own spans."""

from collections.abc import Callable, Sequence
from typing import Final

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import ReadableSpan

from argosy.telemetry.otlp_proto import written
from argosy.telemetry.partly import Refusals


class GrpcSpans(OTLPSpanExporter):
    """Sends spans; protobuf reads what we wrote in a hundredth of the time that it takes to make the messages."""

    def __init__(self, endpoint: str, *, headers: dict[str, str] | None, timeout: float) -> None:
        """Send to `endpoint`."""
        self._refusals = Refusals()
        super().__init__(endpoint, headers=headers, timeout=timeout)

    def refused(self) -> int:
        """Return how many spans the collector refused since this was asked, in batches that it took."""
        return self._refusals.taken()

    def _initialize_channel_and_stub(self) -> None:
        super()._initialize_channel_and_stub()  # type: ignore[no-untyped-call]
        mine: dict[str, object] = vars(self)
        mine["_client"] = _Looking(getattr(mine["_client"], "Export"), self._refusals)  # noqa: B009 - of no type

    def _translate_data(self, data: Sequence[ReadableSpan]) -> ExportTraceServiceRequest:
        request: ExportTraceServiceRequest = ExportTraceServiceRequest.FromString(written(data))
        return request


class _Looking:
    """The official stub, whose answers are looked at."""

    def __init__(self, export: Callable[..., ExportTraceServiceResponse], refusals: Refusals) -> None:
        self._export: Final = export
        self._refusals: Final = refusals

    def Export(self, **given: object) -> ExportTraceServiceResponse:  # noqa: N802 - the stub's
        answer = self._export(**given)
        self._refusals.take(answer)
        return answer
