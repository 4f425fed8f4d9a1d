"""OTLP-JSON files: one line per batch, as the OpenTelemetry Collector's file receiver reads them.

https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/. The official file exporter's release doesn't
go with that of the SDK; this one stands on the official encoder for metrics, and for spans, which are many, on
`otlp_json`.
"""

import base64
import errno
import io
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import orjson
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped] # ships no types
from google.protobuf.message import Message  # type: ignore[import-untyped] # ships no types
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from pydantic import JsonValue

from argosy.telemetry.otlp_json import written

_LOG: Final = logging.getLogger(__name__)
_IDS: Final = frozenset({"traceId", "spanId", "parentSpanId"})


class SpanFile(SpanExporter):
    """Appends spans to one file; a disk that is full loses telemetry, never work."""

    def __init__(self, path: Path) -> None:
        """Make the folder; the file is opened for each batch, so that it may be moved away at any time."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Append one line."""
        wrote = _append(self._path, written(spans))
        return SpanExportResult.SUCCESS if wrote else SpanExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 (the interface's)
        """Nothing is held back."""
        return True


class MetricFile(MetricExporter):
    """Appends metrics to one file."""

    def __init__(self, path: Path) -> None:
        """Make the folder."""
        super().__init__()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path

    def export(
        self,
        metrics_data: MetricsData,
        timeout_millis: float = 10_000,  # noqa: ARG002 (the interface's)
        **_kwargs: object,
    ) -> MetricExportResult:
        """Append one line."""
        wrote = _append(self._path, _encoded(_dictionary(encode_metrics(metrics_data))))
        return MetricExportResult.SUCCESS if wrote else MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 10_000) -> bool:  # noqa: ARG002 (the interface's)
        """Nothing is held back."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: object) -> None:
        """Nothing is held open."""


def _append(path: Path, line: bytes) -> bool:
    try:
        _write(path, line + b"\n")
    except OSError as error:
        _LOG.warning("telemetry was not written to %s: %s", path, error)
        return False
    return True


def _write(path: Path, data: bytes) -> None:
    # Unbuffered: what a full disk has no room for is not to come later, behind what was told as lost.
    with path.open("a+b", buffering=0) as file:
        whole = data if _ends_a_line(file) else b"\n" + data
        if file.write(whole) != len(whole):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _ends_a_line(file: io.FileIO) -> bool:
    """Say whether the last line is whole: of one that the disk had no room for, the next would be a part."""
    if file.seek(0, io.SEEK_END) == 0:
        return True
    file.seek(-1, io.SEEK_END)
    return file.read(1) == b"\n"


def _encoded(document: JsonValue) -> bytes:
    try:
        return orjson.dumps(document)
    except TypeError:  # a lone surrogate in some text
        return json.dumps(document).encode()


def _dictionary(message: Message) -> JsonValue:
    document: JsonValue = MessageToDict(message, use_integers_for_enums=True)
    return _hexadecimal(document)


def _hexadecimal(node: JsonValue) -> JsonValue:
    """Write ids as OTLP-JSON wants them: in hexadecimal, where protobuf's JSON has base64."""
    if isinstance(node, dict):
        return {
            key: base64.b64decode(str(value)).hex() if key in _IDS else _hexadecimal(value)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_hexadecimal(item) for item in node]
    return node
