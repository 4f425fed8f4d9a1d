"""Around pages: what the layout needs to know, errors as pages."""

from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from argosy.console.dashboard_page import View
from argosy.console.dashboard_pen import draw_page
from argosy.console.output import three_parts
from argosy.schemas.errors import Advice, ArgosyError, BadArgument, BadMessage, NotFound
from argosy.telemetry import logs

if TYPE_CHECKING:
    from argosy.console.dashboard_session import Session

_NOT_FOUND: Final = 404
_WRONG: Final = 422
_AWAY: Final = 503
AGAIN_SECONDS: Final = 5
"""A page that can't be shown now is asked for again after so long, by the browser itself."""


def around_of(request: Request, nav: str = "") -> dict[str, object]:
    """Give what the layout needs: who looks, what was said, where it is."""
    session: Session | None = request.state.session
    said = None
    if session is not None:
        said, session.said = session.said, None
    query = f"?{request.url.query}" if request.url.query else ""
    return {
        "active": nav,
        "signed_in": session is not None and session.signed_in,
        "csrf": "" if session is None else session.csrf,
        "said": said,
        "path": f"{request.url.path}{query}",
        "live": "",
        "seen": "",
    }


def error_page(request: Request, error: ArgosyError) -> Response:
    """Show an error of ours."""
    match error:
        case NotFound():
            status = _NOT_FOUND
        case BadArgument() | BadMessage():
            status = _WRONG
        case _:
            status = _AWAY
    if isinstance(error, Advice):
        what, why, do = error.what, error.why, error.do
    else:
        what, why, do = three_parts(str(error))
    around = around_of(request)
    # Only what is looked at: an action is its reader's to repeat. And not away from what was said of the last one.
    again = status == _AWAY and error.retriable and request.method == "GET" and around["said"] is None
    facts = {
        "what": what,
        "why": why or error.why,
        "do": do or error.do,
        "status": status,
        "again_seconds": AGAIN_SECONDS if again else None,
    }
    headers = {"Refresh": str(AGAIN_SECONDS), "Retry-After": str(AGAIN_SECONDS)} if again else None
    page = draw_page("error.html", View("Not shown", (), facts), around)
    return HTMLResponse(page, status, headers)


async def unforeseen(request: Request, error: Exception) -> Response:
    """Say that we failed; the log says how."""
    logs.get("argosy.dashboard").error(
        "page failed", path=request.url.path[:200], error=f"{type(error).__name__}: {error}"[:500]
    )
    return PlainTextResponse(f"the dashboard failed ({type(error).__name__}): its log says how\n", 500)


def redirect(path: str) -> Response:
    """Go on with a page."""
    return RedirectResponse(path, 303)
