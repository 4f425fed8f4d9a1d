"""Who may come in to the dashboard, and what an answer may do in a browser."""

import asyncio
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.requests import Request
from starlette.types import Message

from argosy.console import dashboard_guard
from argosy.console.dashboard_guard import HEADERS, check_exposure, here, read_form
from argosy.console.dashboard_session import TRIES, key_of
from argosy.schemas.dashboard_settings import DashboardSettings
from argosy.schemas.errors import ConfigurationError
from support.all_logged import all_logged
from support.dashboard import HOSTILE, KEY, ORIGIN, csrf_of, lonely_dashboard

TOKEN = "sixteen characters and more"  # noqa: S105 - of a test


@pytest.mark.parametrize(
    "path", ["/", "/?fail=1", "/nothing", "/static/style.css", "/login", "/static/%2e%2e/base.html"]
)
async def test_every_answer_has_the_headers_that_guard_a_browser(path: str) -> None:
    async with lonely_dashboard() as dashboard:
        answer = await dashboard.http.get(path)
        assert {name: answer.headers[name] for name in HEADERS} == dict(HEADERS)
        assert "unsafe" not in answer.headers["Content-Security-Policy"]


async def test_a_page_that_cannot_be_shown_now_is_asked_for_again_by_the_browser_itself() -> None:
    async with lonely_dashboard() as dashboard:
        answer = await dashboard.http.get("/?away=1")
        assert answer.status_code == 503
        assert (answer.headers["Refresh"], answer.headers["Retry-After"]) == ("5", "5")
        assert "asked for again every 5 seconds" in answer.text
        for path in ("/?gone=1", "/runs/nobody-knows-it"):  # nothing that asking again mends
            assert "Refresh" not in (await dashboard.http.get(path)).headers


async def test_without_a_token_another_host_name_is_turned_away() -> None:
    async with lonely_dashboard() as dashboard:
        assert (await dashboard.http.get("/", headers={"Host": "evil.example"})).status_code == 421
        assert (await dashboard.http.get("/", headers={"Host": "localhost:8090"})).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"Origin": "null"}, {"Origin": "http://evil.example"}])
async def test_a_form_of_another_origin_is_not_taken(headers: dict[str, str]) -> None:
    async with lonely_dashboard() as dashboard:
        await dashboard.sign_in()
        data = {"csrf": await dashboard.csrf(), "confirmed": "yes"}
        assert (await dashboard.http.post("/do/thing", data=data, headers=headers)).status_code == 403
        assert dashboard.done == []


@pytest.mark.parametrize("csrf", ["", "0" * 32])
async def test_a_form_without_our_word_is_not_taken(csrf: str) -> None:
    async with lonely_dashboard() as dashboard:
        await dashboard.sign_in()
        answer = await dashboard.http.post(
            "/do/thing", data={"csrf": csrf, "confirmed": "yes"}, headers=ORIGIN
        )
        assert (answer.status_code, dashboard.done) == (403, [])


async def test_nobody_acts_who_has_not_signed_in_even_on_loopback() -> None:
    async with lonely_dashboard() as dashboard:
        data = {"csrf": await dashboard.csrf(), "confirmed": "yes"}
        answer = await dashboard.http.post("/do/thing", data=data, headers=ORIGIN)
        assert (answer.status_code, dashboard.done) == (403, [])
        assert "some.key" in answer.text


async def test_an_action_is_asked_first_then_done_then_told_once(caplog: pytest.LogCaptureFixture) -> None:
    del caplog
    async with lonely_dashboard() as dashboard:
        assert (await dashboard.sign_in()).status_code == 303
        data = {"csrf": await dashboard.csrf(), "what": HOSTILE}
        asked = await dashboard.http.post("/do/thing", data=data, headers=ORIGIN)
        assert (asked.status_code, dashboard.done) == (200, [])
        assert "<script>document" not in asked.text
        assert "\x1b" not in asked.text
        assert "\u202e" not in asked.text
        done = await dashboard.http.post("/do/thing", data={**data, "confirmed": "yes"}, headers=ORIGIN)
        assert (done.status_code, done.headers["Location"]) == (303, "/")
        assert dashboard.done == [{"what": HOSTILE}]
        assert "It was done." in (await dashboard.http.get("/")).text
        assert "It was done." not in (await dashboard.http.get("/")).text


async def test_with_a_token_nothing_is_seen_before_signing_in() -> None:
    async with lonely_dashboard(token=TOKEN) as dashboard:
        dashboard.text = "what runs hold"
        for path in ("/", "/nothing"):
            answer = await dashboard.http.get(path)
            assert (answer.status_code, "what runs hold" in answer.text) == (303, False)
            assert answer.headers["Location"].startswith("/login?next=")
        assert (await dashboard.http.get("/live/")).status_code == 401
        assert (await dashboard.http.post("/do/thing", headers=ORIGIN)).status_code == 401
        assert (await dashboard.sign_in("wrong")).status_code == 403
        assert (await dashboard.sign_in(TOKEN)).status_code == 303
        assert "what runs hold" in (await dashboard.http.get("/")).text


async def test_the_cookie_is_for_the_server_alone_and_a_new_one_after_signing_in() -> None:
    async with lonely_dashboard() as dashboard:
        before = (await dashboard.http.get("/login")).headers["Set-Cookie"]
        after = (await dashboard.sign_in()).headers["Set-Cookie"]
        assert "HttpOnly" in after
        assert "SameSite=strict" in after
        assert before.partition(";")[0] != after.partition(";")[0]
        assert KEY not in after


async def test_after_some_wrong_keys_none_is_looked_at_for_a_while() -> None:
    async with lonely_dashboard() as dashboard:
        tried = [(await dashboard.sign_in("wrong")).status_code for _ in range(TRIES)]
        assert tried == [403] * TRIES
        assert (await dashboard.sign_in()).status_code == 429


async def test_signing_out_takes_the_right_to_act() -> None:
    async with lonely_dashboard() as dashboard:
        await dashboard.sign_in()
        csrf = await dashboard.csrf()
        await dashboard.http.post("/logout", data={"csrf": csrf}, headers=ORIGIN)
        again = await dashboard.http.post(
            "/do/thing", data={"csrf": csrf, "confirmed": "yes"}, headers=ORIGIN
        )
        assert (again.status_code, dashboard.done) == (403, [])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


async def test_who_signed_out_is_told_of_no_more_changes() -> None:
    async with lonely_dashboard(token=TOKEN) as dashboard:
        await dashboard.sign_in(TOKEN)
        csrf = csrf_of(await dashboard.http.get("/"))
        seen = asyncio.create_task(dashboard.http.get("/live/"), name="watch")
        await until(lambda: dashboard.looks > 1)
        await dashboard.http.post("/logout", data={"csrf": csrf}, headers=ORIGIN)
        dashboard.text = "what came later"
        answer = await asyncio.wait_for(seen, 60)  # it ends by itself
        assert "quiet" in answer.text
        assert "what came later" not in answer.text
        assert (await dashboard.http.get("/live/")).status_code == 401


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https://evil.example", "evil", "/a\nb"]
)
def test_after_signing_in_nobody_is_led_elsewhere(target: str) -> None:
    assert here(target) == "/"
    assert here("/runs?state=active") == "/runs?state=active"


@pytest.mark.parametrize(
    "path",
    ["/static/../base.html", "/static/base.html", "/static/%2e%2e%2fdashboard.py", "/static//etc/passwd"],
)
async def test_only_what_stands_in_the_table_is_served(path: str) -> None:
    async with lonely_dashboard() as dashboard:
        assert (await dashboard.http.get(path)).status_code == 404


async def test_what_is_too_large_is_turned_away() -> None:
    async with lonely_dashboard() as dashboard:
        await dashboard.sign_in()
        csrf = csrf_of(await dashboard.http.get("/login"))
        data = {"csrf": csrf, "confirmed": "yes", "what": "x" * 100_000}
        assert (await dashboard.http.post("/do/thing", data=data, headers=ORIGIN)).status_code == 413
        assert (await dashboard.http.get(f"/?q={'x' * 5000}")).status_code == 414
        assert dashboard.done == []


def test_beyond_loopback_it_needs_a_token() -> None:
    with pytest.raises(ConfigurationError, match="needs a token"):
        check_exposure(DashboardSettings(host="0.0.0.0"))  # noqa: S104 - what is refused
    check_exposure(DashboardSettings(host="0.0.0.0", token=SecretStr(TOKEN)))  # noqa: S104


def test_the_key_is_kept_in_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "dashboard.key"
    key = key_of(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert key_of(file) == key
    file.chmod(0o644)
    assert key_of(file) != key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("target", ["/login?next=http://[", "/login?next=/[", "/?q=//["])
async def test_an_address_that_is_none_is_no_failure_of_ours(target: str) -> None:
    assert here("http://[") == "/"
    async with lonely_dashboard() as dashboard:
        assert (await dashboard.http.get(target)).status_code == 200
        data = {"csrf": await dashboard.csrf()}
        bad = await dashboard.http.post("/do/thing", data=data, headers={"Origin": "http://["})
        assert bad.status_code == 403
    async with lonely_dashboard(token=TOKEN) as dashboard:
        assert (await dashboard.http.get("/login", headers={"Host": "["})).status_code == 400


@pytest.mark.parametrize(
    ("site", "mode", "status"),
    [
        ("cross-site", "no-cors", 403),
        ("same-site", "cors", 403),
        ("cross-site", "navigate", 200),
        ("same-origin", "cors", 200),
        ("none", "navigate", 200),
    ],
)
async def test_a_stranger_s_page_has_nothing_made_behind_it(site: str, mode: str, status: int) -> None:
    async with lonely_dashboard() as dashboard:
        answer = await dashboard.http.get("/", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode})
        assert answer.status_code == status


async def test_an_action_is_logged_with_its_fields_but_not_with_what_a_run_is_given() -> None:
    async with lonely_dashboard() as dashboard:
        await dashboard.sign_in()
        data = {"csrf": await dashboard.csrf(), "confirmed": "yes", "run_id": "r-1", "input": '"a patient"'}
        with all_logged() as logged:
            await dashboard.http.post("/do/thing", data=data, headers=ORIGIN)
    actions = [each for each in logged if each["event"] == "dashboard action"]
    assert [each["how"] for each in actions] == ["begun", "done"]
    assert {(each["field_run_id"], each["field_input"]) for each in actions} == {("r-1", "11 characters")}
    assert "patient" not in str(logged)
    assert data["csrf"] not in str(logged)


@pytest.mark.parametrize(
    ("headers", "secure"),
    [
        (ORIGIN, False),
        ({"Origin": "https://127.0.0.1:8090"}, True),
        ({**ORIGIN, "X-Forwarded-Proto": "https"}, True),
        ({**ORIGIN, "X-Forwarded-Proto": "http"}, False),
    ],
)
async def test_behind_tls_the_cookie_is_for_tls_alone(headers: dict[str, str], secure: bool) -> None:  # noqa: FBT001 - a case
    async with lonely_dashboard() as dashboard:
        data = {"csrf": await dashboard.csrf(), "token": KEY, "next": "/"}
        answer = await dashboard.http.post("/login", data=data, headers=headers)
        assert answer.status_code == 303
        assert ("; secure" in answer.headers["Set-Cookie"].lower()) is secure


async def test_a_form_that_does_not_come_whole_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard_guard, "FORM_SECONDS", 0.01)

    async def dripping() -> AsyncIterator[bytes]:
        yield b"csrf="
        await asyncio.Event().wait()

    async def never() -> Message:
        async for part in parts:
            return {"type": "http.request", "body": part, "more_body": True}
        raise AssertionError

    parts = dripping()
    kind = (b"content-type", b"application/x-www-form-urlencoded")
    request = Request({"type": "http", "headers": [kind]}, never)
    assert await read_form(request) is None
