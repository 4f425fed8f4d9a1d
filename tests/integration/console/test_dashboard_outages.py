"""A dashboard whose Kafka, Redis or collector is away: it says so, keeps nobody waiting, and goes on by itself."""

import http.client
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import pytest

from support.operated import Operated
from support.stack import StackThread

pytestmark = pytest.mark.timeout(300)

PATHS: Final = (
    "/", "/agents/quick", "/runs", "/runs/before", "/runs/before/log", "/runs/before/why", "/runs/before/blame",
    "/runs/before/tasks/quick", "/dead", "/limits", "/lanes", "/pipelines", "/approvals", "/runs/nobody-knows-it",
    "/compare?left=before&right=before",
)  # fmt: skip
KNOWN: Final = ("/", "/runs", "/runs/before", "/runs/before/log", "/runs/before/tasks/quick")
"""What the dashboard shows out of its own memory."""
MOST_SECONDS: Final = 20.0
"""A page asks a server that hangs for 10 s at most; a busy machine may take as long again."""
NAMES: Final = {"valkey": "Redis does not answer", "kafka": "Kafka does not answer"}

Harm = Callable[[StackThread, str], AbstractContextManager[None]]


@contextmanager
def stopped(stack: StackThread, name: str) -> Generator[None]:
    """SIGSTOP: its connections stay open, nobody answers."""
    pid = stack.pid(name)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def killed(stack: StackThread, name: str) -> Generator[None]:
    """Nobody listens until it is started again."""
    stack.hold(name)
    try:
        yield
    finally:
        stack.resume(name)


@pytest.fixture(scope="module")
def fleet(stack: StackThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    """A fleet that has done a run, and a dashboard; the collector that all of them are to tell is away."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        nobody = f"http://127.0.0.1:{server.getsockname()[1]}"
    away = {"ARGOSY_TELEMETRY__OTLP_ENDPOINT": nobody, "ARGOSY_TELEMETRY__OTLP_PROTOCOL": "http/protobuf"}
    fleet = Operated(tmp_path_factory.mktemp("outages"), stack, "outages", away)
    try:
        fleet.coordinator()
        fleet.worker("quick")
        fleet.argosy("publish", "app.py")
        fleet.submit("fast", "text", "before")
        fleet.start("dashboard", "dashboard", "--port", "0")
        fleet.until(lambda: "succeeded" in page(fleet, "/runs/before")[1], "the dashboard knows the run")
        yield fleet
    finally:
        fleet.end_all()


def page(fleet: Operated, path: str) -> tuple[int, str, float]:
    """Ask for a page: (status, text, seconds)."""
    began = time.monotonic()
    with closing(http.client.HTTPConnection(_host(fleet), timeout=60)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), time.monotonic() - began


@contextmanager
def watching(fleet: Operated, path: str) -> Generator[list[str]]:
    """Watch a page as its script does: what it was sent, as it comes."""
    told: list[str] = []
    connection = http.client.HTTPConnection(_host(fleet), timeout=60)
    connection.request("GET", f"/live{path}")
    answer = connection.getresponse()

    def listen() -> None:
        with suppress(OSError, ValueError, http.client.HTTPException):
            while line := answer.readline():
                told.append(line.decode())

    thread = threading.Thread(target=listen, name="watcher", daemon=True)
    thread.start()
    try:
        yield told
    finally:
        if connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=60)
        connection.close()


def noted(told: Sequence[str]) -> str:
    """Return the notes that a page shows which was sent all this: a note that goes is told by its own text."""
    notes = dict[str, str]()
    for line in tuple(told):
        if line.startswith("data: ") and line.endswith("\n"):
            change = json.loads(line.removeprefix("data: "))
            if change.get("region") == "notes":
                notes.update(change["put"])
                for key in change["gone"]:
                    notes.pop(key, None)
    return " ".join(notes.values())


@pytest.mark.parametrize("harm", [stopped, killed])
@pytest.mark.parametrize("name", ["valkey", "kafka"])
def test_it_says_who_is_away_and_answers_and_goes_on_by_itself(
    fleet: Operated, stack: StackThread, name: str, harm: Harm
) -> None:
    said = NAMES[name]
    with watching(fleet, "/") as told:
        with harm(stack, name):
            fleet.until(lambda: said in noted(told), "who watches is told")
            with ThreadPoolExecutor(len(PATHS)) as pool:
                found = dict(zip(PATHS, pool.map(partial(page, fleet), PATHS), strict=True))
            assert {path: took for path, (_, _, took) in found.items() if took > MOST_SECONDS} == {}
            for path in KNOWN:
                assert found[path][0] == http.client.OK, path
                assert said in found[path][1], path
            assert {status for status, _, _ in found.values()} <= {200, 404, 503}
        fleet.until(lambda: said not in page(fleet, "/runs")[1], "nobody is away any more")
        after = f"after-{name}-{harm.__name__}"
        fleet.submit("fast", "text", after)
        fleet.until(lambda: "succeeded" in page(fleet, f"/runs/{after}")[1], "new runs are shown")
        for path in PATHS:
            fleet.until(partial(_is_shown, fleet, path), f"{path} is shown")
        fleet.until(lambda: said not in noted(told), "who watches is told that nobody is away any more")
        before = len(told)
        fleet.until(lambda: len(told) > before, "who watches is told of what comes now")


def test_it_leaves_in_time_though_no_collector_takes_what_it_tells(fleet: Operated) -> None:
    process = fleet.processes["dashboard"]
    fleet.end("dashboard")
    assert process.poll() == 0
    log = (fleet.folder / "dashboard.log").read_text()
    assert "Traceback" not in log
    assert "page failed" not in log


def _is_shown(fleet: Operated, path: str) -> bool:
    return page(fleet, path)[0] == (http.client.NOT_FOUND if "nobody" in path else http.client.OK)


def _host(fleet: Operated) -> str:
    return urlsplit((fleet.folder / "dashboard.ready").read_text().strip()).netloc
