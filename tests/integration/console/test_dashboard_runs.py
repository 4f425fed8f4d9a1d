"""Pages of runs in a browser, on a fleet of real processes: live, by keyboard, in both themes; and their actions."""

import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from playwright.sync_api import APIResponse, Page, expect

from support.operated import Operated
from support.page_looks import Looks, Theme, got, looking, measured, until
from support.stack import StackThread

pytestmark = pytest.mark.timeout(600)

APP = Path(__file__).parents[2] / "support" / "pages_app.py"


class Fleet(Operated):
    """A fleet of the app, with a dashboard."""

    def begin(self) -> str:
        """Start all; return the dashboard's address."""
        (self.folder / "app.py").write_text(APP.read_text())
        self.coordinator()
        self.start("worker", "worker", "app.py", "--drain-seconds", "0.5")
        self.start("dashboard", "dashboard", "--port", "0")
        self.argosy("publish", "app.py")
        measured(self.url, "/approvals", "/pipelines")
        return self.url

    @property
    def url(self) -> str:
        """Where the dashboard is."""
        return (self.folder / "dashboard.ready").read_text().strip()

    @property
    def key(self) -> str:
        """What signs in."""
        return (self.folder / ".argosy" / "dashboard.key").read_text().strip()

    def run_one(self, pipeline: str, value: object, run_id: str) -> None:
        """Submit a run, and wait until it is accepted: before that its page says that there is no such run."""
        self.argosy(
            "run", pipeline, "--app", "app.py", "--input", json.dumps(value), "--run-id", run_id, "--detach"
        )
        self.until(lambda: got(self.url, f"/runs/{run_id}")[0] == HTTPStatus.OK, f"{run_id} has a page")


@pytest.fixture(scope="module")
def world(stack: StackThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Fleet, Looks]]:
    """A fleet and a browser."""
    fleet = Fleet(tmp_path_factory.mktemp("pages"), stack, "pages")
    try:
        with looking(fleet.begin()) as looks:
            yield fleet, looks
    finally:
        fleet.end_all()


@pytest.fixture
def fleet(world: tuple[Fleet, Looks]) -> Fleet:
    return world[0]


@pytest.fixture
def looks(world: tuple[Fleet, Looks]) -> Iterator[Looks]:
    """The browser; whatever it complained of in a test fails it."""
    looks = world[1]
    looks.complaints.clear()
    yield looks
    assert not looks.complaints


def signed_in(fleet: Fleet, looks: Looks, path: str) -> Page:
    """Sign in, and go on to a page."""
    page = looks.open(f"/login?next={path}")
    page.get_by_label("Key").fill(fleet.key)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{path}")
    return page


def filled(page: Page) -> dict[str, str | float | bool]:
    """Read the question's form as a browser would send it."""
    data: dict[str, str | float | bool] = page.evaluate(
        "Object.fromEntries(new FormData(document.querySelector('main form')))"
    )
    return data


def sent(page: Page, looks: Looks, action: str, form: dict[str, str | float | bool]) -> APIResponse:
    """Send a form once more, with the cookies of a page."""
    return page.request.post(f"{looks.url}/do/{action}", form=form, headers={"Origin": looks.url})


def state_of(page: Page) -> str:
    """Read how the run of a page stands."""
    return page.locator("[data-region=head] .state").inner_text()


def stands(page: Page, word: str) -> None:
    """Wait, without a reload, until the run stands so."""
    until(page, lambda: word in state_of(page), f"the run is {word}")


def test_a_run_goes_on_before_the_eyes_of_who_looks(fleet: Fleet, looks: Looks) -> None:
    fleet.run_one("many", ["slow one", "two", "three"], "live-1")
    page = looks.open("/runs")
    page.get_by_role("link", name="live-1").click()
    stands(page, "active")
    box = page.locator(".dag a.box[aria-label^='each:']")
    until(page, lambda: "2 of 3" in (box.get_attribute("aria-label") or ""), "two of three are done")
    page.evaluate("window.here = true")
    (fleet.folder / "go").touch()
    stands(page, "succeeded")
    until(page, lambda: "3 of 3" in (box.get_attribute("aria-label") or ""), "three of three are done")
    assert page.evaluate("window.here")
    expect(page.locator("[data-region=result]")).to_contain_text("what is known of slow one")
    expect(page.locator("[data-region=actions]")).to_contain_text("Replay")
    page.close()


RENEWED = """
new Promise((done) => {
  let renewed = 0;
  const source = new EventSource(document.body.dataset.live);
  source.addEventListener("change", (event) => {
    if (JSON.parse(event.data).region === "rows" && ++renewed === 3) done(source.close());
  });
})
"""
"""Of who watches the same page beside it: all rows, as it begins, then twice what changed."""


def test_a_link_that_is_renewed_while_it_is_pressed_leads_where_it_led(fleet: Fleet, looks: Looks) -> None:
    fleet.run_one("report", ["tides"], "pressed-1")
    page = looks.open("/runs?text=pressed-1")
    page.get_by_role("link", name="pressed-1").hover()
    page.mouse.down()
    page.evaluate(RENEWED)
    page.mouse.up()
    page.wait_for_url("**/runs/pressed-1")
    page.close()


def test_a_button_that_was_let_go_outside_the_window_holds_nothing_up_once_the_pointer_is_back(
    fleet: Fleet, looks: Looks
) -> None:
    fleet.run_one("report", ["tides"], "outside-1")
    page = looks.open("/runs?text=outside-")
    page.get_by_role("link", name="outside-1").hover()
    page.mouse.down()
    fleet.run_one("report", ["tides"], "outside-2")
    page.evaluate(RENEWED)
    assert page.get_by_role("link", name="outside-2").count() == 0
    page.evaluate("dispatchEvent(new PointerEvent('pointermove', { buttons: 0 }))")
    expect(page.get_by_role("link", name="outside-2")).to_be_visible()
    page.close()


def test_an_approval_lets_the_run_go_on(fleet: Fleet, looks: Looks) -> None:
    fleet.run_one("report", ["tides", "shaky winds", "bad stars"], "approve-1")
    page = signed_in(fleet, looks, "/approvals")
    card = page.locator("li.card", has_text="approve-1")
    card.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Approve: Shall it be published?")
    assert "what is known of tides" in page.locator("main").inner_text()
    page.get_by_label("Who answers").fill("ann")
    page.get_by_label("Reason").fill("it is <b>good</b>")
    page.get_by_role("button", name="Approve").click()
    stands(page, "succeeded")
    expect(page.locator("[data-region=result]")).to_contain_text("let out by ann")
    log = (fleet.folder / "dashboard.log").read_text()
    said = [line for line in log.splitlines() if '"dashboard action"' in line or "dashboard action" in line]
    assert any("approve" in line and "approve-1" in line for line in said)
    assert fleet.key not in log
    page.close()


def test_a_refusal_ends_what_was_asked(fleet: Fleet, looks: Looks) -> None:
    fleet.run_one("report", ["tides", "winds"], "refuse-1")
    page = signed_in(fleet, looks, "/approvals")
    page.locator("li.card", has_text="refuse-1").get_by_role("button", name="Refuse").click()
    page.get_by_label("Reason").fill("no")
    page.get_by_role("button", name="Refuse").click()
    until(page, lambda: "active" not in state_of(page), "the run has ended")
    page.goto(f"{looks.url}/runs/refuse-1/log")
    expect(page.locator("table")).to_contain_text("signal ok")
    page.close()


def test_a_cancel_cancels_and_a_second_one_is_told(fleet: Fleet, looks: Looks) -> None:
    fleet.run_one("report", ["tides"], "cancel-1")
    page = signed_in(fleet, looks, "/runs/cancel-1")
    stands(page, "active")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_label("Reason").fill("enough")
    form = filled(page)
    page.get_by_role("button", name="Cancel the run").click()
    stands(page, "cancelled")
    expect(page.locator("[data-region=head]")).to_contain_text("enough")
    # The page reads it in the run log, which Redis follows.
    until(
        page,
        lambda: "has ended already: cancelled" in sent(page, looks, "cancel", form).text(),
        "a second one is told that the run has ended",
    )
    page.close()


def test_a_redrive_and_a_replay_make_runs_and_sent_twice_one(fleet: Fleet, looks: Looks) -> None:
    fleet.run_one("many", ["bad one", "good one"], "again-1")
    page = signed_in(fleet, looks, "/runs/again-1")
    stands(page, "failed")
    (fleet.folder / "mended").touch()
    page.get_by_role("button", name="Redrive").click()
    expect(page.locator("main")).to_contain_text("Run anew")
    page.get_by_role("button", name="Start the new run").click()
    page.wait_for_url("**/runs/again-1.r1")
    stands(page, "succeeded")
    expect(page.locator("[data-region=facts]")).to_contain_text("again-1")
    page.get_by_role("button", name="Replay").click()
    page.get_by_label("Another input").fill('["one", "two", "three"]')
    page.get_by_label("Id of the new run").fill("again-2")
    form = filled(page)
    page.get_by_role("button", name="Start the new run").click()
    page.wait_for_url("**/runs/again-2")
    stands(page, "succeeded")
    # The page was read from the log alone, perhaps; the list of runs, which knows that it is there, follows.
    until(page, lambda: "again-2" in got(looks.url, "/runs")[1], "the new run is listed")
    again = sent(page, looks, "replay", form)
    assert again.url.endswith("/runs/again-2")
    assert "is there already: nothing was sent" in again.text()
    other = sent(page, looks, "replay", {**form, "new_run_id": "again-1"})
    assert other.status == 422
    assert "there is a run again-1 already, and it is another one" in other.text()
    page.goto(f"{looks.url}/compare?left=again-1&right=again-1.r1")
    expect(page.locator("main")).to_contain_text("They part at each.0")
    (fleet.folder / "mended").unlink()
    page.close()


def test_nothing_is_done_for_who_has_not_signed_in_or_sends_no_form_of_ours(
    fleet: Fleet, looks: Looks
) -> None:
    fleet.run_one("report", ["tides"], "guarded-1")
    form: dict[str, str | float | bool] = {"run_id": "guarded-1", "confirmed": "yes"}
    stranger = looks.open("/runs/guarded-1")
    assert sent(stranger, looks, "cancel", form).status == 403
    stranger.get_by_role("button", name="Cancel").click()
    expect(stranger.get_by_role("heading", level=1)).to_have_text("Sign in")
    page = signed_in(fleet, looks, "/runs/guarded-1")
    assert sent(page, looks, "cancel", form).status == 403
    assert page.request.post(f"{looks.url}/do/cancel", form=filled(page)).status == 403
    page.reload()
    assert "active" in state_of(page)
    looks.complaints.clear()  # the browser's own words for 403
    page.close()


PAGES = (
    "/runs",
    "/runs/ready-1",
    "/runs/ready-1/steps/research",
    "/runs/ready-1/tasks/research.1",
    "/runs/ready-1/log",
    "/runs/ready-1/why",
    "/runs/ready-1/blame",
    "/compare?left=ready-1&right=ready-1",
    "/pipelines",
    "/pipelines/report@1",
    "/approvals",
)


@pytest.fixture(scope="module")
def ready(world: tuple[Fleet, Looks]) -> str:
    """A run with hostile content that waits for approval."""
    fleet, _ = world
    fleet.run_one("report", ["tides", "shaky winds", "bad <b>stars</b>"], "ready-1")
    fleet.until(
        lambda: any(one["run_id"] == "ready-1" for one in fleet.ask("runs", "waiting")["waiting"]), "it waits"
    )
    return "ready-1"


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_page_shows_hostile_content_as_text_in_both_themes_and_on_a_phone(
    fleet: Fleet, looks: Looks, theme: Theme
) -> None:
    page = signed_in(fleet, looks, "/runs")
    page.emulate_media(color_scheme=theme)
    for path in PAGES:
        page.goto(f"{looks.url}{path}")
        is_live = page.locator("body").get_attribute("data-live") is not None
        assert is_live != any(part in path for part in ("/why", "/blame", "/compare"))
        if is_live:
            expect(page.locator("#live")).to_have_attribute("data-state", "on")
        assert "owned" not in page.title()
        assert page.locator("main img, main script").count() == 0
        assert "\u202e" not in page.content()
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", dark)[:3])) < 200) == (theme == "dark")
    page.set_viewport_size({"width": 390, "height": 844})
    for path in PAGES:
        page.goto(f"{looks.url}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    page.close()


@pytest.mark.usefixtures("ready")
def test_a_task_is_reached_by_keyboard_alone(looks: Looks) -> None:
    page = looks.open("/runs?text=ready-1")
    page.keyboard.press("Tab")
    for _ in range(40):
        if page.evaluate("document.activeElement.textContent") == "ready-1":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/ready-1")
    for _ in range(60):
        if "check:" in (page.evaluate("document.activeElement.getAttribute('aria-label')") or ""):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/tasks/check")
    expect(page.locator("main")).to_contain_text("Attempts")
    page.close()


@pytest.mark.usefixtures("ready")
def test_values_are_those_of_the_run_alone(looks: Looks) -> None:
    page = looks.open("/runs/ready-1/tasks/check")
    page.locator("[data-region=inputs] .hash a").first.click()
    page.wait_for_url("**/values/*")
    expect(page.locator("pre")).to_contain_text("what is known of tides")
    for path in (
        f"/runs/ready-1/values/{'0' * 64}",
        "/runs/..%2f..%2fetc/log",
        "/runs/ready-1/tasks/..%2f..%2fx",
    ):
        assert page.request.get(f"{looks.url}{path}").status == 404
    page.close()
