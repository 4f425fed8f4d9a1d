"""Looking at pages in the machine's own Chromium, with everything that it complains of kept."""

import http.client
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Final, Literal

from playwright.sync_api import Browser, ConsoleMessage, Error, Page, expect, sync_playwright

from support.missing import not_run
from support.scrape import fetch

_CHROMIUM: Final = "/usr/bin/chromium"
ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS: Final = 120_000
"""What a browser is waited for on a busy machine, whatever it is to do: its own 5 s and 30 s are too short there."""

Theme = Literal["light", "dark"]


@dataclass
class Looks:
    """A browser on one dashboard. `complaints` holds errors of the console, of scripts and of the policy."""

    browser: Browser
    url: str
    complaints: list[str] = field(default_factory=list[str])

    def open(self, path: str, *, theme: Theme = "light", width: int = 1280) -> Page:
        """Open a page; it is closed with the browser."""
        page = self.browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
        page.set_default_timeout(WAIT_MS)
        page.on("console", self._said)
        page.on("pageerror", self._failed)
        page.goto(f"{self.url}{path}")
        return page

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _failed(self, error: Error) -> None:
        self.complaints.append(str(error))


def chromium(what: str) -> str:
    """Return where the browser is; a machine without it is told of in the summary, as `what` that was not run."""
    if not Path(_CHROMIUM).exists():
        not_run(what, f"there is no {_CHROMIUM}")
    return _CHROMIUM


def measured(url: str, *paths: str) -> None:
    """Wait until all that these pages show was measured once.

    A page waits 2 s for a first measure, then it says that asking goes on: on a busy machine that is what is seen.
    """
    end = monotonic() + WAIT_MS / 1000
    for path in paths:
        while got(url, path)[0] == http.client.SERVICE_UNAVAILABLE:
            assert monotonic() < end, f"still not measured: {path}"
            sleep(0.1)


def got(url: str, path: str) -> tuple[int, str]:
    """Ask for a page without a browser: (status, text)."""
    return fetch(f"{url}{path}", WAIT_MS / 1000)


@contextmanager
def looking(url: str) -> Generator[Looks]:
    """Start the browser."""
    program = chromium("the dashboard in a browser")
    with sync_playwright() as playwright:
        expect.set_options(timeout=WAIT_MS)
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS, timeout=WAIT_MS)
        try:
            yield Looks(browser, url.rstrip("/"))
        finally:
            browser.close()


def until(page: Page, condition: Callable[[], bool], what: str, *, seconds: float = 150.0) -> None:
    """Let the page live until the condition holds; AssertionError that names `what`."""
    end = monotonic() + seconds
    while not condition():
        assert monotonic() < end, f"still not so: {what}"
        page.wait_for_timeout(50)
