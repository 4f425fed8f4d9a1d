"""The metrics of the HTTP gateway: OpenTelemetry's for HTTP servers, and two of our own for event streams.

Run ids are never labels: a label's values must be few. Nothing here is told once per task.
"""

from functools import cache
from typing import Final

from opentelemetry import metrics as api

from argosy.telemetry import names
from argosy.telemetry.gateway_table import EVENTS_DROPPED, HTTP_ACTIVE, HTTP_DURATION, WATCHERS

SCOPE: Final = "argosy.gateway"
_WRONG: Final = 500
_METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"}
)


def answered(method: str, route: str, status: int, seconds: float) -> None:
    """Record a request that was answered after `seconds`: an event stream when it ended. No `route`: no such path."""
    labels: dict[str, str | int] = {names.HTTP_METHOD: _known(method), names.HTTP_STATUS: status}
    if route:
        labels[names.HTTP_ROUTE] = route
    if status >= _WRONG:
        labels[names.ERROR_TYPE] = str(status)
    _duration().record(max(0.0, seconds), labels)


def asking(method: str, change: int) -> None:
    """Count a request that came (1), or was answered (-1)."""
    _active().add(change, {names.HTTP_METHOD: _known(method)})


def watching(change: int) -> None:
    """Count an event stream that began (1), or ended (-1)."""
    _watchers().add(change)


def dropped(events: int) -> None:
    """Count events that a watcher was too slow for; it is told so."""
    _dropped().add(events)


def forget() -> None:
    """Make the instruments anew at their next use: for who has set up another provider."""
    for instrument in (_duration, _active, _watchers, _dropped):
        instrument.cache_clear()


def _known(method: str) -> str:
    return method if method in _METHODS else "_OTHER"


@cache
def _duration() -> api.Histogram:
    metric = HTTP_DURATION
    return _meter().create_histogram(
        metric.name, metric.unit, metric.description, explicit_bucket_boundaries_advisory=list(metric.buckets)
    )


@cache
def _active() -> api.UpDownCounter:
    return _meter().create_up_down_counter(HTTP_ACTIVE.name, HTTP_ACTIVE.unit, HTTP_ACTIVE.description)


@cache
def _watchers() -> api.UpDownCounter:
    return _meter().create_up_down_counter(WATCHERS.name, WATCHERS.unit, WATCHERS.description)


@cache
def _dropped() -> api.Counter:
    return _meter().create_counter(EVENTS_DROPPED.name, EVENTS_DROPPED.unit, EVENTS_DROPPED.description)


def _meter() -> api.Meter:
    return api.get_meter(SCOPE)
