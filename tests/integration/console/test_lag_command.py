"""`argosy lag` and `argosy top` on a real fleet: what is held back, in retry, the number to scale by, HTTP, pages."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from support.operated import Operated
from support.stack import StackThread
from support.terminal import CTRL_C, terminal

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def fleet(tmp_path: Path, stack: StackThread) -> Iterator[Operated]:
    made = Operated(tmp_path, stack, f"lag-{uuid4().hex[:8]}")
    made.environment["ARGOSY_FLEET__DISPATCH_WINDOW"] = "6"
    yield made
    made.end_all()


def of(told: dict[str, Any], agent: str) -> dict[str, Any]:
    groups: list[dict[str, Any]] = [each for each in told["groups"] if each["agent"] == agent]
    (group,) = groups
    return group


def busy(fleet: Operated) -> dict[str, Any]:
    """Start a fleet that has four tasks in hand, two on the topic, and four held back; return what lag tells of it."""
    fleet.coordinator()
    fleet.worker("patient")
    fleet.submit_all("waits", [f"w{number}" for number in range(10)])
    told: list[dict[str, Any]] = []

    def is_so() -> bool:
        told.append(of(fleet.ask("lag"), "patient"))
        amounts = [told[-1][name]["messages"] for name in ("in_flight", "waiting", "held")]
        return amounts == [4, 2, 4]

    fleet.until(is_so, "four run, two wait, four are held back", told=told)
    return told[-1]


def test_what_a_full_window_holds_back_and_what_backs_off_is_told_by_agent(fleet: Operated) -> None:
    group = busy(fleet)
    assert (group["slots"], group["drain_seconds"], group["retry"]["messages"]) == (4, None, 0)
    assert [part["owner"] for part in group["partitions"]] == group["workers"] * 2
    told_to_people = fleet.argosy("lag")
    assert "+ 4 held back" in told_to_people.stdout
    assert group["window"] == {"tasks": 6, "lanes": 1, "smallest": 6, "largest": 6}
    assert "dispatch windows let out at most 6 of patient" in " ".join(told_to_people.stderr.split())
    fleet.worker("later")
    fleet.submit("retries", "not-there", "r")
    told: list[dict[str, Any]] = []

    def in_retry() -> bool:
        told.append(of(fleet.ask("lag"), "later"))
        return bool(told[-1]["retry"]["messages"] == 1)

    fleet.until(in_retry, "one is tried again later", told=told)
    assert 300 < told[-1]["retry_due_seconds"] <= 600
    assert (told[-1]["unfinished"]["messages"], told[-1]["status"]) == (0, "ok")
    for number in range(10):
        (fleet.folder / f"w{number}").touch()

    def drained() -> bool:
        told.append(of(fleet.ask("lag"), "patient"))
        return told[-1]["unfinished"]["messages"] + told[-1]["held"]["messages"] == 0 and bool(
            told[-1]["pace"]
        )

    fleet.until(drained, "all is done, and the worker has said how fast", told=told)
    assert (told[-1]["status"], told[-1]["drain_seconds"]) == ("ok", 0.0)
    assert told[-1]["finishing"] <= told[-1]["pace"]


def test_one_number_scales_an_agent(fleet: Operated) -> None:
    fleet.argosy("topics", "apply", "--app", "app.py")
    assert fleet.argosy("lag", "--agent", "patient", "--scale").stdout == "0\n"
    assert "--agent NAME" in fleet.argosy("lag", "--scale", expect=3).stderr
    assert "agents with a topic: " in fleet.argosy("lag", "--scale", "--agent", "nobody", expect=5).stderr
    busy(fleet)
    assert (
        fleet.argosy("lag", "--agent", "patient", "--scale").stdout == "2\n"
    )  # 10 by 4 are 3; partitions are 2
    told = fleet.ask("lag", "--agent", "patient", "--scale")
    assert (told["replicas"], told["now"], told["most"], told["messages"]) == (2, 1, 2, 10)
    fleet.end("worker-patient", signal.SIGKILL)
    assert [each["agent"] for each in fleet.ask("lag", "--agent", "patient")["groups"]] == ["patient"]


def got(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=120) as answer:  # noqa: S310 - our own, on loopback
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_lag_is_served_for_autoscalers_and_prometheus(fleet: Operated) -> None:
    busy(fleet)
    fleet.start("lag", "lag", "--listen", "127.0.0.1:0")
    url = (fleet.folder / "lag.ready").read_text().strip()
    fleet.until(lambda: got(f"{url}/health")[0] == 200, "it has measured")
    scaled = json.loads(got(f"{url}/scale/patient")[1])
    assert (scaled["replicas"], scaled["messages"]) == (2, 10)
    assert json.loads(got(f"{url}/scale/patient?slots=1&goal=5")[1])["replicas"] == 2
    assert [got(f"{url}/scale/{rest}")[0] for rest in ("nobody", "patient?goal=nan", "patient?slots=0")] == [
        404,
        400,
        400,
    ]
    assert of(json.loads(got(f"{url}/lag")[1]), "patient")["held"]["messages"] == 4
    page = got(f"{url}/metrics")[1]
    assert 'argosy_fleet_lag_messages{agent="patient",state="in_flight"} 4.0' in page
    assert 'argosy_fleet_replicas_wanted{agent="patient"} 2.0' in page
    stranger = urllib.request.Request(f"{url}/lag", headers={"Host": "example.org"})  # noqa: S310 - as above
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(stranger, timeout=120)  # noqa: S310 - as above
    fleet.end("lag")


def test_top_and_a_watch_renew_themselves_in_place_and_obey_keys(fleet: Operated) -> None:
    busy(fleet)
    with terminal(fleet.folder, fleet.environment, "top", "--every", "0.5", columns=130) as page:
        page.until("10 tasks to do, 4 in flight")
        page.type("p")
        page.until("partition 1: ")
        page.type("s")
        page.until("(messages)")
        page.type("q")
        assert page.ended() == 0
        assert page.shown.count("\x1b[?1049h") == page.shown.count("\x1b[?1049l") == 1
    with terminal(fleet.folder, fleet.environment, "lag", "--watch", columns=200) as page:
        page.until("+ 4 held back")
        page.until("\x1b[1A")  # it goes up again
        page.type(CTRL_C)
        assert page.ended() == 130
    for form, first in ((["--json"], "{"), ([], "WHO\t")):
        watching = subprocess.Popen(
            [sys.executable, "-P", "-m", "argosy", "top", *form],
            cwd=fleet.folder,
            env={**os.environ, **fleet.environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert watching.stdout is not None
        with watching:
            assert watching.stdout.readline().startswith(first)
            watching.stdout.close()
            assert watching.wait(timeout=240) == 141


def test_a_stopped_worker_stalls_what_it_has_until_it_goes_on_and_a_killed_one_leaves_nobody(
    fleet: Operated,
) -> None:
    # So long the stopped worker is a member and keeps its tasks, while others find out that it stands still.
    fleet.environment |= {"ARGOSY_KAFKA__SESSION_TIMEOUT_SECONDS": "60", "ARGOSY_FLEET__LEASE_SECONDS": "120"}
    busy(fleet)
    told: list[dict[str, Any]] = []

    def stands(status: str) -> bool:
        told.append(of(fleet.ask("lag"), "patient"))
        return bool(told[-1]["status"] == status)

    worker = fleet.processes["worker-patient"]
    worker.send_signal(signal.SIGSTOP)
    fleet.until(lambda: stands("stalled"), "its worker stands still", told=told)
    assert [each["name"].endswith(f"-{worker.pid}") for each in told[-1]["silent"]] == [True]
    assert {part["status"] for part in told[-1]["partitions"] if part["unfinished"]["messages"]} == {
        "stalled"
    }
    assert told[-1]["waiting"]["messages"] == told[-1]["unfinished"]["messages"] == 6
    worker.send_signal(signal.SIGCONT)
    fleet.until(lambda: stands("behind"), "it goes on", told=told)
    fleet.end("worker-patient", signal.SIGKILL)
    fleet.until(lambda: stands("nobody there"), "the group has no member any more", told=told)
    assert (told[-1]["members"], told[-1]["finishing"], told[-1]["drain_seconds"]) == (0, 0.0, None)
