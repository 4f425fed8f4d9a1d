"""The story of a run from the logs of its processes alone: retried, joined, and with a worker killed in the middle."""

import asyncio
import json
import os
import signal
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from argosy.telemetry.handoffs import ALWAYS, HANDOFFS
from support.fleet import real_fleet
from support.model_server import Script, answer
from support.waiting import eventually

pytestmark = pytest.mark.timeout(600)

APP = Path(__file__).parents[2] / "support" / "traced_app.py"
SUBMIT = """
import asyncio, sys
from argosy import Argosy
from argosy.telemetry import logs
from support.traced_app import Book, book

async def main():
    async with Argosy.connect() as client:
        given = Book(chapters=["one", "two flaky", "three"], wait_for=sys.argv[1])
        run = await client.submit(book, given, run_id="run-1", deadline_seconds=400)
        print(await run.result())

logs.configure("json")
asyncio.run(main())
"""
ATTEMPTS = {
    ("run-1/read.0", 1): ["succeeded"],
    ("run-1/read.1", 1): ["failed"],
    ("run-1/read.1", 2): ["succeeded"],
    ("run-1/read.2", 1): ["succeeded"],
    ("run-1/judge", 1): ["succeeded"],
    ("run-1/gate", 1): ["succeeded"],
    ("run-1/bind", 1): ["succeeded"],
}

Line = dict[str, Any]


async def test_the_story_of_a_run_is_told_by_its_handoffs(tmp_path: Path, httpserver: HTTPServer) -> None:
    wanted = tmp_path / "go"
    script = Script(httpserver, answer("good"))
    assert script.settings.api_key is not None
    variables = {
        "ARGOSY_MODEL__BASE_URL": str(script.settings.base_url),
        "ARGOSY_MODEL__API_KEY": script.settings.api_key.get_secret_value(),
        # Nothing is sent again meanwhile, nor claimed anew, because a process stood still for some seconds.
        "ARGOSY_FLEET__PATIENCE_SECONDS": "600",
        "ARGOSY_FLEET__LEASE_SECONDS": "12",
        "ARGOSY_KAFKA__SESSION_TIMEOUT_SECONDS": "12",
    }
    workers = [("read", "judge", "bind"), ("gate",)]
    async with real_fleet(tmp_path, workers=workers, app=APP, variables=variables) as fleet:
        client = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            SUBMIT,
            str(wanted),
            env={**os.environ, **fleet.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await _until_held(wanted, 1)
        os.kill(_holders(wanted)[0], signal.SIGKILL)
        await _until_held(wanted, 2)
        wanted.touch()
        said, told = await client.communicate()
        assert said == b"3 good open\n", told.decode()
    texts = [told.decode(), *(file.read_text() for file in (fleet.stack.folder / "logs").glob("*.log"))]
    lines = _handoffs(texts)
    _has_the_fields_of_the_table(lines)
    _tells_the_run(lines)


async def _until_held(wanted: Path, processes: int) -> None:
    async def held() -> bool:
        return len(_holders(wanted)) == processes

    await eventually(held, f"{processes} processes ran the gate's handler")


def _holders(wanted: Path) -> list[int]:
    return [int(file.name.rpartition(".")[2]) for file in wanted.parent.glob(f"{wanted.name}.*")]


def _handoffs(texts: list[str]) -> list[Line]:
    found: list[Line] = []
    for text in texts:
        for line in text.splitlines():
            if line.startswith("{"):
                read: Line = json.loads(line)
                if read.get("logger") == "argosy.handoff" and read.get("run_id") == "run-1":
                    found.append(read)
    return found


def _has_the_fields_of_the_table(lines: list[Line]) -> None:
    for line in lines:
        told = HANDOFFS[line["event"]]
        assert set(told.fields) <= set(line), line
        assert set(line) <= {*told.fields, *told.sometimes, *ALWAYS}, line


def _tells_the_run(lines: list[Line]) -> None:
    counts = Counter(line["event"] for line in lines)
    assert {event: counts[event] for event in ("submitted", "accepted", "joined", "ended", "dead")} == {
        "submitted": 1,
        "accepted": 1,
        "joined": 1,
        "ended": 1,
        "dead": 0,
    }
    by_attempt: dict[tuple[str, int], dict[str, list[Line]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        if "task_id" in line and line.get("attempt") is not None:
            by_attempt[line["task_id"], line["attempt"]][line["event"]].append(line)
    taken = {key: [line["outcome"] for line in told["taken"]] for key, told in by_attempt.items()}
    assert {key: outcomes for key, outcomes in taken.items() if outcomes} == ATTEMPTS
    for key, told in by_attempt.items():
        (dispatched,), (outcome,) = told["dispatched"], told["taken"]
        assert dispatched["cause"] < outcome["offset"], key  # causes come first, whatever the clocks said
        assert [line["outcome"] for line in told["settled"]] == ATTEMPTS[key]
        deliveries = [1, 2] if key == ("run-1/gate", 1) else [1]
        assert sorted(line["delivery"] for line in told["claimed"]) == deliveries, key
    (joined,) = [line for line in lines if line["event"] == "joined"]
    (binding,) = by_attempt["run-1/bind", 1]["dispatched"]
    before = [told["taken"][0]["offset"] for key, told in by_attempt.items() if key[0] != "run-1/bind"]
    assert joined["task_id"] == "run-1/bind"
    assert (joined["parents"], joined["holes"]) == (5, 0)
    assert joined["cause"] == binding["cause"] == max(before)
    (ended,) = [line for line in lines if line["event"] == "ended"]
    assert (ended["outcome"], ended["tasks"]) == ("succeeded", 6)
