"""Spans that never came to whom they were for: counted, and told in the log; the work goes on without them.

The queue is bounded: when it is full, spans are dropped. A batch that a collector doesn't take in time is lost.
"""

import threading
import time
from collections.abc import Callable, Sequence, Sized
from typing import Final

import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from argosy.telemetry import logs, metrics
from argosy.telemetry.ended_spans import Ended
from argosy.telemetry.partly import Partly

TELL_SECONDS: Final = 60.0
"""Losses are told at once, and then so often at most; the rest at the end."""


class Counting(SpanExporter):
    """An exporter that counts what it could not deliver."""

    def __init__(self, exporter: SpanExporter, look: Callable[[], None]) -> None:
        """Export by `exporter`; whatever that raises is a loss, never an error of ours.

        `look` is called after each batch.
        """
        self._exporter, self._look = exporter, look
        self.seen = self.delivered = self.failed = 0
        self._told, self._told_at = 0, -TELL_SECONDS
        self._lock = threading.Lock()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Deliver a batch, or count it."""
        self.seen += len(spans)
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:  # the exporter may raise: the SDK lets nothing out
            whole = len(spans)
            self._count(whole, self._refused(whole) if result is SpanExportResult.SUCCESS else whole)
            self._look()
        return result

    def _refused(self, most: int) -> int:
        """Return how many of a batch that was taken were refused all the same."""
        return min(most, self._exporter.refused()) if isinstance(self._exporter, Partly) else 0

    def _count(self, spans: int, lost: int) -> None:
        self.delivered += spans - lost
        if lost:
            self.failed += lost
            metrics.spans_lost("not_taken", lost)
            self.tell(self.failed)

    def tell(self, lost: int, *, last: bool = False) -> None:
        """Tell how many spans are lost by now, unless that was told just now."""
        if not structlog.is_configured():
            return  # a script's output is its own
        with self._lock:
            now = time.monotonic()
            if lost <= self._told or (not last and now - self._told_at < TELL_SECONDS):
                return
            self._told, self._told_at = lost, now
        logs.get("argosy.telemetry").warning(
            "spans lost",
            lost=lost,
            delivered=self.delivered,
            hint="the collector is away, slow or refusing; work goes on without them",
        )

    def shutdown(self) -> None:
        """Deliver nothing more."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Deliver what is under way."""
        return self._exporter.force_flush(timeout_millis)


class Batches(BatchSpanProcessor):
    """Delivers spans in batches, from a bounded queue, in a thread of its own."""

    def __init__(self, exporter: SpanExporter, most: int, delay_millis: int) -> None:
        """Keep `most` spans at most."""
        self._counting = Counting(exporter, self._look_for_dropped)
        self._ended = self._dropped = 0
        super().__init__(self._counting, max_queue_size=most, schedule_delay_millis=delay_millis)
        inner: object = getattr(self, "_batch_processor", None)
        self._take: Final[Callable[[ReadableSpan], None]] = getattr(inner, "emit", super().on_end)
        """The SDK's queue, for spans that are sampled; its own way in asks each, which makes a light one's context."""
        self._queue: Final[Sized] = getattr(inner, "_queue", range(most))

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span that has ended."""
        if isinstance(span, Ended):
            self._take(span)
        else:
            super().on_end(span)
        self._ended += 1  # not quite right under several threads: a number for people, and each step costs

    @property
    def lost(self) -> int:
        """Count the spans that ended and were not delivered, those that still wait among them."""
        return self._ended - self._counting.delivered

    def _look_for_dropped(self) -> None:
        """Count what the queue had no room for."""
        dropped = self._ended - self._counting.seen - len(self._queue) - self._dropped
        if dropped > 0:
            self._dropped += dropped
            metrics.spans_lost("queue_full", dropped)

    def tell(self) -> None:
        """Tell, at the end, what was lost."""
        self._counting.tell(self.lost, last=True)
