"""The metrics of the HTTP gateway: OpenTelemetry's for HTTP servers, and two of our own for event streams.

Run ids are never labels: a label's values must be few. Nothing here is told once per task.
"""

from functools import cache
from typing import Final

from opentelemetry import metrics as api

from argosy.telemetry import names

SCOPE: Final = "argosy.gateway"
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 60.0)
"""The buckets that the HTTP conventions advise, and two more: a long poll may take a minute."""

METHOD: Final = "http.request.method"
ROUTE: Final = "http.route"
STATUS: Final = "http.response.status_code"

_WRONG: Final = 500
_METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"}
)


def answered(method: str, route: str, status: int, seconds: float) -> None:
    """Record a request that was answered after `seconds`: an event stream when it ended. No `route`: no such path."""
    labels: dict[str, str | int] = {METHOD: _known(method), STATUS: status}
    if route:
        labels[ROUTE] = route
    if status >= _WRONG:
        labels[names.ERROR_TYPE] = str(status)
    _duration().record(max(0.0, seconds), labels)


def asking(method: str, change: int) -> None:
    """Count a request that came (1), or was answered (-1)."""
    _active().add(change, {METHOD: _known(method)})


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
    return _meter().create_histogram(
        "http.server.request.duration",
        "s",
        "Duration of HTTP server requests",
        explicit_bucket_boundaries_advisory=list(SECONDS),
    )


@cache
def _active() -> api.UpDownCounter:
    return _meter().create_up_down_counter("http.server.active_requests", "{request}", "Requests under way")


@cache
def _watchers() -> api.UpDownCounter:
    return _meter().create_up_down_counter(
        "argosy.gateway.watchers", "{stream}", "Event streams that are open"
    )


@cache
def _dropped() -> api.Counter:
    return _meter().create_counter(
        "argosy.gateway.events.dropped", "{event}", "Events that a watcher was too slow for"
    )


def _meter() -> api.Meter:
    return api.get_meter(SCOPE)
