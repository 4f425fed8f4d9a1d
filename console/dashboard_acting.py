"""Signing in, and what changes the fleet: asked first, logged, only by who signed in, only with a form of ours."""

import hmac
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from argosy.console.dashboard_desk import Desk
from argosy.console.dashboard_frame import around_of, error_page, redirect
from argosy.console.dashboard_guard import here, over_tls, read_form
from argosy.console.dashboard_page import Action, View
from argosy.console.dashboard_pen import draw_page
from argosy.console.dashboard_session import SESSION_SECONDS, Session, Sessions
from argosy.schemas.errors import ArgosyError, NotFound
from argosy.telemetry import logs

_OURS: Final = frozenset({"csrf", "confirmed", "back"})
_UNLOGGED: Final = frozenset({"input"})
"""What a run is given may be anybody's data: that there was some is told, not what."""
_LOGGED_CHARACTERS: Final = 200


class Acting:
    """The routes that take forms."""

    def __init__(self, desk: Desk, sessions: Sessions, actions: Mapping[str, Action], cookie: str) -> None:
        """`cookie` names the session for browsers."""
        self._desk, self._sessions, self._actions, self._cookie = desk, sessions, actions, cookie

    async def login_page(self, request: Request) -> Response:
        """GET /login: ask for the token."""
        return self._asked_in(request, here(request.query_params.get("next", "/")))

    async def login(self, request: Request) -> Response:
        """POST /login: judge it."""
        form = await read_form(request)
        session: Session | None = request.state.session
        if form is None or session is None or not _same(form.get("csrf", ""), session.csrf):
            # Signed out meanwhile, or the dashboard was started again: ask once more.
            return self._asked_in(request, here((form or {}).get("next", "/")), "please try again")
        target = here(form.get("next", "/"))
        if self._sessions.too_many_tries:
            return self._asked_in(request, target, "too many wrong ones: try again in a minute", 429)
        made = self._sessions.sign_in(session, form.get("token", ""))
        if made is None:
            logs.get("argosy.dashboard").warning("sign-in failed", address=_address(request))
            return self._asked_in(request, target, "that is not it", 403)
        logs.get("argosy.dashboard").info("signed in", session=made.short, address=_address(request))
        return self._with_cookie(request, redirect(target), made)

    async def logout(self, request: Request) -> Response:
        """POST /logout."""
        form = await read_form(request)
        session: Session | None = request.state.session
        if form is not None and session is not None and _same(form.get("csrf", ""), session.csrf):
            self._sessions.sign_out(session)
        return redirect("/")

    async def act(self, request: Request) -> Response:
        """POST /do/{name}: ask; with `confirmed=yes` do it."""
        form, name = await read_form(request), request.path_params["name"]
        action = self._actions.get(name)
        if action is None:
            return error_page(request, NotFound(f"there is no action {name[:100]}"))
        if form is None:
            return PlainTextResponse("this is no form of ours, or it is too large\n", 413)
        session: Session | None = request.state.session
        if session is None or not session.signed_in:
            said = "who acts signs in first; then ask for it once more"
            return self._asked_in(request, here(form.get("back", "/")), said, 403)
        if not _same(form.get("csrf", ""), session.csrf):
            return PlainTextResponse("the form is too old: reload the page\n", 403)
        return await self._judged(request, action, form, session)

    async def _judged(
        self, request: Request, action: Action, form: Mapping[str, str], session: Session
    ) -> Response:
        back = here(form.get("back", "/"))
        given = {key: value for key, value in form.items() if key not in _OURS}
        try:
            if form.get("confirmed") != "yes":
                return await self._question(request, action, given, back)
            return await self._done(action, given, session)
        except ArgosyError as error:
            _log(action.name, given, session, "refused", str(error))
            return error_page(request, error)

    async def _question(
        self, request: Request, action: Action, given: Mapping[str, str], back: str
    ) -> Response:
        question = await action.ask(self._desk, given)
        asked = {field.name for field in question.fields}
        kept = {name: value for name, value in given.items() if name not in asked}
        facts = {"question": question, "name": action.name, "kept": kept, "back": back}
        return HTMLResponse(draw_page("ask.html", View(question.yes, (), facts), around_of(request)))

    async def _done(self, action: Action, given: Mapping[str, str], session: Session) -> Response:
        _log(action.name, given, session, "begun", "")
        done = await action.do(self._desk, given)
        _log(action.name, given, session, "done" if done.good else "failed", done.said)
        session.said = (done.said, done.good)
        return redirect(here(done.path))

    def _asked_in(self, request: Request, target: str, wrong: str = "", status: int = 200) -> Response:
        session = request.state.session or self._sessions.begin()
        request.state.session = session
        settings = self._desk.settings.dashboard
        facts = {
            "next": target,
            "wrong": wrong,
            "key_file": None if settings.token is not None else self._desk.key_file,
        }
        around = {**around_of(request), "csrf": session.csrf, "locked": settings.token is not None}
        page = HTMLResponse(draw_page("login.html", View("Sign in", (), facts), around), status)
        return self._with_cookie(request, page, session)

    def _with_cookie(self, request: Request, response: Response, session: Session) -> Response:
        response.set_cookie(
            self._cookie,
            session.name,
            max_age=SESSION_SECONDS,
            path="/",
            secure=over_tls(request),
            httponly=True,
            samesite="strict",
        )
        return response


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _address(request: Request) -> str:
    return "" if request.client is None else request.client.host


def _log(name: str, given: Mapping[str, str], session: Session, how: str, said: str) -> None:
    """Tell who did what: an action is never silent."""
    fields = {
        f"field_{key}"[:40]: f"{len(value)} characters" if key in _UNLOGGED else value[:_LOGGED_CHARACTERS]
        for key, value in given.items()
    }
    logs.get("argosy.dashboard").warning(
        "dashboard action", action=name, how=how, session=session.short, said=said[:1000], **fields
    )
