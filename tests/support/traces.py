"""One in-memory trace provider for the whole test process: OpenTelemetry allows no second one."""

from collections.abc import Sequence
from functools import cache

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


@cache
def _exporter() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


class Spans:
    """What was exported since this was made."""

    def __init__(self) -> None:
        """Forget what earlier tests exported."""
        _exporter().clear()

    def all(self) -> Sequence[ReadableSpan]:
        """In the order of their ends."""
        return _exporter().get_finished_spans()

    def one(self, name: str) -> ReadableSpan:
        """The only span of this name."""
        (found,) = [span for span in self.all() if span.name == name]
        return found


def attributes(span: ReadableSpan) -> dict[str, object]:
    """The span's attributes, never None."""
    return dict(span.attributes or {})
