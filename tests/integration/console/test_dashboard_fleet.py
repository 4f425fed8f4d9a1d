"""Pages of the fleet in a browser, on real processes; and a dashboard that dies."""

import asyncio
import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as TooLate

from support.operated import Operated
from support.page_looks import WAIT_MS, Looks, Theme, looking, measured, until
from support.stack import StackThread

pytestmark = pytest.mark.timeout(600)

T = TypeVar("T")

HOSTILE: Final = (
    "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\x1b[31m\u202edet"
)
PATHS: Final = ("/", "/agents/quick", "/limits", "/lanes", "/dead", "/dead/0", "/login", "/nothing")
COMPLAINED: Final = "Failed to load resource"
"""What a browser's console says of our own page for an address that isn't there."""


@pytest.fixture(scope="module")
def world(stack: StackThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Operated, Looks]]:
    fleet = Operated(tmp_path_factory.mktemp("dash"), stack, "dash")
    try:
        fleet.coordinator()
        fleet.worker("quick")
        fleet.argosy("publish", "app.py")
        fleet.send("tasks.quick", HOSTILE.encode(), (("ce_type", HOSTILE.encode()),))
        fleet.until(lambda: bool(fleet.ask("dead", "list")["dead"]), "the letter is dead")
        fleet.start("dashboard", "dashboard", "--port", "0")
        url = (fleet.folder / "dashboard.ready").read_text().strip()
        measured(url, *PATHS)
        with looking(url) as looks:
            yield fleet, looks
    finally:
        fleet.end_all()


@pytest.fixture
def fleet(world: tuple[Operated, Looks]) -> Operated:
    return world[0]


@pytest.fixture
def looks(world: tuple[Operated, Looks]) -> Iterator[Looks]:
    """The browser; whatever it complained of in a test fails it, violations of the policy above all."""
    world[1].complaints.clear()
    yield world[1]
    assert [each for each in world[1].complaints if COMPLAINED not in each] == []


def test_the_page_renews_itself_while_runs_go_on(fleet: Operated, looks: Looks) -> None:
    page = looks.open("/")
    expect(page.locator("#live")).to_have_text("live")
    expect(page.locator("[data-region=agents] tr")).to_have_count(1)
    page.evaluate("window.same = true")
    apart(lambda: fleet.submit_all("fast", ["a", "b", "bad"]))
    attempts = page.locator("[data-region=figures]").get_by_text(re.compile(r"[1-9]\d* in the last hour"))
    expect(attempts).to_be_visible()
    expect(page.locator("[data-region=charts] svg[role=img] path.bars[d^=M]").first).to_be_attached()
    assert page.evaluate("window.same") is True


def test_an_agent_s_page_tells_its_failures_and_its_terms(fleet: Operated, looks: Looks) -> None:
    apart(lambda: fleet.submit_all("fast", ["bad"]))
    page = looks.open("/agents/quick")
    expect(page.locator("[data-region=failures] tr").first).to_contain_text("a bad text")
    expect(page.locator("main")).to_contain_text("Safe threshold")
    expect(page.locator("[data-region=parts] tr")).to_have_count(2)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_whole_in_both_themes_and_on_a_phone(looks: Looks, theme: Theme, width: int) -> None:
    for path in PATHS:
        page = looks.open(path, theme=theme, width=width)
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 28)"
        assert dark == (theme == "dark"), path
        assert page.evaluate("document.title") != "owned", path
        page.close()


def test_the_button_chooses_a_theme_and_it_is_kept(looks: Looks) -> None:
    page = looks.open("/lanes", theme="light")
    for theme in ("light", "dark"):
        page.locator("#theme").click()
        expect(page.locator("#theme")).to_have_text(f"Theme: {theme}")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_hostile_letter_is_shown_as_text_and_put_back_by_who_signed_in(
    fleet: Operated, looks: Looks
) -> None:
    page = looks.open("/dead")
    page.locator("[data-region=letters] a").first.click()
    expect(page.locator("pre")).to_contain_text("<script>document.title='owned'</script>")
    expect(page.locator("pre")).to_contain_text("U+202E")
    assert page.locator("main img, main script").count() == 0
    page.get_by_role("button", name="Put back").click()
    expect(page.get_by_role("alert").last).to_contain_text("signs in first")
    key = (fleet.folder / ".argosy" / "dashboard.key").read_text().strip()
    page.get_by_label("Key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/dead/0")
    page.get_by_role("button", name="Put back").click()
    expect(page.locator("h1")).to_contain_text("Put dead letter 0 back?")
    assert len(fleet.ask("dead", "list")["dead"]) == 1
    page.get_by_role("button", name="Put it back").click()
    expect(page.locator(".said.good")).to_contain_text("was put back")
    expect(page.locator("[data-region=letters] tr")).to_have_count(2)  # it is no better than before
    log = (fleet.folder / "dashboard.log").read_text()
    assert '"action":"redrive-letter"' in log
    assert key not in log


def test_pages_are_reached_by_keyboard_alone(looks: Looks) -> None:
    page = looks.open("/dead")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("g l is only text here")
    page.keyboard.press("Escape")
    _go(page, "l", "**/limits")
    _go(page, "n", "**/lanes")


def test_pages_are_whole_without_a_script(looks: Looks) -> None:
    context = looks.browser.new_context(java_script_enabled=False)
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.goto(f"{looks.url}/")
    expect(page.locator("[data-region=agents] tr")).to_have_count(1)
    expect(page.locator("[data-region=charts] svg[role=img]")).to_have_count(4)
    context.close()


def test_a_dashboard_that_is_killed_is_missed_by_nobody(fleet: Operated, looks: Looks) -> None:
    groups = apart(lambda: asyncio.run(_groups(fleet)))
    fleet.start("another", "dashboard", "--port", "0")
    url = (fleet.folder / "another.ready").read_text().strip()
    measured(url, "/")
    page = looks.browser.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{url}/")
    expect(page.locator("#live")).to_have_text("live")
    apart(lambda: fleet.submit_all("fast", [f"text {number}" for number in range(20)]))
    fleet.end("another", signal.SIGKILL)
    fleet.submit("fast", "after", "after-the-kill")
    assert fleet.why("after-the-kill", "ended")["state"] == "succeeded"
    # Kafka drops empty groups of tests before this one when it likes.
    assert apart(lambda: asyncio.run(_groups(fleet))) <= groups
    expect(page.locator("#live")).to_have_text("reconnecting")
    page.close()
    page = looks.open("/")
    until(page, lambda: "text" not in page.locator(".notes").inner_text(), "the other one serves on")


def apart(work: Callable[[], T]) -> T:
    """Work in a thread of its own: the browser's driver has an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def _go(page: Page, key: str, url: str) -> None:
    """Press both keys until they lead there: a busy machine may take longer between them than a page waits."""

    def gone() -> bool:
        page.keyboard.press("g")
        page.keyboard.press(key)
        try:
            page.wait_for_url(url, timeout=10_000)
        except TooLate:
            return False
        return True

    until(page, gone, f"g {key} leads to {url}")


async def _groups(fleet: Operated) -> set[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=fleet.stack.bootstrap_servers)
    await admin.start()
    try:
        return {str(group[0]) for group in await admin.list_consumer_groups()}
    finally:
        await admin.close()
