"""The official exporter to a collector over gRPC, with our own writer for our own spans."""

from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan

from argosy.telemetry.otlp_proto import written


class GrpcSpans(OTLPSpanExporter):
    """Sends spans; protobuf reads what we wrote in a hundredth of the time that it takes to make the messages."""

    def _translate_data(self, data: Sequence[ReadableSpan]) -> ExportTraceServiceRequest:
        request: ExportTraceServiceRequest = ExportTraceServiceRequest.FromString(written(data))
        return request
