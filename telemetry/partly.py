"""What a collector says of a batch that it took in part: it refused spans, and its answer is a success all the same.

https://opentelemetry.io/docs/specs/otlp/#partial-success. The official exporters don't look.
"""

import threading
from typing import Final, Protocol, runtime_checkable

from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # ships no types
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse


@runtime_checkable
class Partly(Protocol):
    """An exporter that looks."""

    def refused(self) -> int:
        """Return how many spans were refused since this was asked."""
        ...


class Refusals:
    """Counts them, over the answers to one exporter."""

    def __init__(self) -> None:
        """None yet."""
        self._refused = 0
        self._lock: Final = threading.Lock()

    def take(self, answer: ExportTraceServiceResponse | bytes) -> None:
        """Look at an answer; what is none says nothing."""
        try:
            found = ExportTraceServiceResponse.FromString(answer) if isinstance(answer, bytes) else answer
        except DecodeError:
            return
        with self._lock:
            self._refused += max(0, found.partial_success.rejected_spans)

    def taken(self) -> int:
        """Give the count, and begin anew."""
        with self._lock:
            refused, self._refused = self._refused, 0
        return refused
