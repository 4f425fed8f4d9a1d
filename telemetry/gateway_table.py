"""The metrics of the HTTP gateway: OpenTelemetry's for HTTP servers, and two of our own. Part of `metric_table`."""

from typing import Final

from argosy.telemetry import names
from argosy.telemetry.metric import HTTP_SECONDS, Metric, Teller

_GATEWAY: Final[tuple[Teller, ...]] = ("gateway",)

HTTP_DURATION: Final = Metric(
    "http.server.request.duration",
    "histogram",
    "s",
    "Duration of HTTP server requests",
    HTTP_SECONDS,
    _GATEWAY,
    (names.HTTP_METHOD, names.HTTP_ROUTE, names.HTTP_STATUS, names.ERROR_TYPE),
)
HTTP_ACTIVE: Final = Metric(
    "http.server.active_requests",
    "updown",
    "{request}",
    "Requests under way",
    tellers=_GATEWAY,
    labels=(names.HTTP_METHOD,),
)
WATCHERS: Final = Metric(
    "argosy.gateway.watchers", "updown", "{stream}", "Event streams that are open", tellers=_GATEWAY
)
EVENTS_DROPPED: Final = Metric(
    "argosy.gateway.events.dropped",
    "counter",
    "{event}",
    "Events that a watcher was too slow for",
    tellers=_GATEWAY,
)

GATEWAY: Final = HTTP_DURATION, HTTP_ACTIVE, WATCHERS, EVENTS_DROPPED
