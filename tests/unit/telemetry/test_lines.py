import asyncio
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import cast

import pytest
import structlog

from argosy.telemetry import logs

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
KEY = "sk-abcdefghijklmnop1234"


class Writes(io.StringIO):
    """Counts how often it is written to."""

    count = 0

    def write(self, text: str, /) -> int:
        self.count += 1
        return super().write(text)


@pytest.fixture
def out() -> Iterator[Writes]:
    stream = Writes()
    logs.configure("json", "info", stream)
    yield stream
    structlog.reset_defaults()
    root = logging.getLogger()
    for handler in [known for known in root.handlers if known.get_name() == "argosy"]:
        root.removeHandler(handler)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_handoff_is_the_line_that_any_logger_tells(out: Writes) -> None:
    with (
        logs.bound(traceparent=TRACEPARENT, agent="critic"),
        structlog.contextvars.bound_contextvars(user="u"),
    ):
        logs.handoff("parked", run_id="r", attempt=1, reason=None, seconds=0.5, ok=True)
        logs.get("argosy.handoff").info("parked", run_id="r", attempt=1, reason=None, seconds=0.5, ok=True)
    quick, usual = lines(out)
    for line in (quick, usual):
        assert str(line.pop("timestamp")).endswith("Z")
    assert quick == usual


def test_what_a_context_binds_with_an_odd_value_is_the_same_line_too(out: Writes) -> None:
    with structlog.contextvars.bound_contextvars(nested={"password": "p", "n": 1}, number=2**70, thing=[KEY]):
        logs.handoff("parked", run_id="r")
        logs.get("argosy.handoff").info("parked", run_id="r")
    quick, usual = lines(out)
    for line in (quick, usual):
        line.pop("timestamp")
    assert quick == usual
    assert KEY not in out.getvalue()


@pytest.mark.parametrize(
    "secret",
    [
        KEY,
        "xoxb-abcdefghijklmnop",
        "ghp_abcdefghijklmnop1234",
        "AKIAABCDEFGHIJKLMNOP",
        "AIzaabcdefghijklmnopqrstuvwxyz0123456789",
        "eyJabcdefghij.abcdefghij.sig",
        "bearer abcdefghijkl",
        "BaSiC abcdefghijkl",
        "redis://user:hunter22@host/0",
        "-----BEGIN PRIVATE KEY-----abc-----END PRIVATE KEY-----",
    ],
)
def test_each_kind_of_secret_is_masked_in_any_field(out: Writes, secret: str) -> None:
    logs.handoff("parked", reason=f"said {secret}", run_id="r")
    assert secret not in out.getvalue()
    assert "[redacted]" in out.getvalue()


def test_an_exception_or_bytes_in_a_field_hide_no_secret(out: Writes) -> None:
    logs.get().warning("refused", error=ValueError(f"for {KEY}"), sent=[KEY.encode()])
    logs.tell("dead", None, {"error": cast("str", ValueError(f"for {KEY}"))})
    assert KEY not in out.getvalue()
    assert [line["error"] for line in lines(out)] == ["ValueError('for [redacted]')"] * 2


def test_a_field_is_masked_by_its_name(out: Writes) -> None:
    logs.handoff("parked", api_key="abc", run_id="r")
    assert lines(out)[0]["api_key"] == "[redacted]"


def test_a_value_that_json_cannot_hold_still_gives_a_line(out: Writes) -> None:
    logs.handoff("parked", reason="\ud800", run_id="r")
    assert lines(out)[0]["run_id"] == "'r'"


async def test_the_lines_of_a_turn_are_one_write(out: Writes) -> None:
    for number in range(5):
        logs.handoff("taken", offset=number)
    assert out.count == 0
    await asyncio.sleep(0)
    assert out.count == 1
    assert [line["offset"] for line in lines(out)] == [0, 1, 2, 3, 4]


async def test_a_secret_in_one_line_of_a_turn_is_masked_and_the_others_say_the_same(out: Writes) -> None:
    logs.handoff("taken", task_id="r/task-1", offset=0)
    logs.handoff("parked", reason=f"said {KEY}", offset=1)
    logs.handoff("parked", reason=None, api_key="abc", offset=2)
    await asyncio.sleep(0)
    told = lines(out)
    assert [line["offset"] for line in told] == [0, 1, 2]
    assert told[0]["task_id"] == "r/task-1"
    assert told[1]["reason"] == "said [redacted]"
    assert told[2]["api_key"] == "[redacted]"
    assert KEY not in out.getvalue()


async def test_what_is_bound_to_the_context_is_told_as_it_was_when_the_line_came(out: Writes) -> None:
    things = [1]
    with structlog.contextvars.bound_contextvars(things=things):
        logs.handoff("taken", offset=0)
        things.append(2)
    await asyncio.sleep(0)
    assert lines(out)[0]["things"] == [1]


async def test_a_warning_is_written_at_once_behind_what_was_told_before(out: Writes) -> None:
    logs.handoff("taken", offset=0)
    logs.get().warning("careful")
    logging.getLogger("some.library").warning("odd")
    assert [line["event"] for line in lines(out)] == ["taken", "careful", "odd"]


async def test_no_line_is_lost_between_the_loop_and_threads(out: Writes) -> None:
    def work(name: str) -> None:
        for number in range(300):
            logs.get().info(name, number=number)

    threads = [asyncio.to_thread(work, f"thread {number}") for number in range(3)]
    working = asyncio.gather(*threads)
    told = 0
    while not working.done():
        logs.handoff("taken", offset=told)
        told += 1
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    events = [line["event"] for line in lines(out)]
    assert {event: events.count(event) for event in set(events)} == {
        "taken": told, "thread 0": 300, "thread 1": 300, "thread 2": 300,
    }  # fmt: skip


async def test_another_stream_leaves_nothing_behind(out: Writes) -> None:
    logs.handoff("taken", offset=0)
    logs.configure("json", "info", io.StringIO())
    assert [line["event"] for line in lines(out)] == ["taken"]


def test_what_is_told_in_the_last_turn_of_a_loop_is_written(out: Writes) -> None:
    async def last() -> None:
        logs.handoff("taken", offset=0)

    asyncio.run(last())
    assert [line["offset"] for line in lines(out)] == [0]


def test_what_a_loop_that_was_broken_off_held_back_is_written_with_the_next_line(out: Writes) -> None:
    loop = asyncio.new_event_loop()
    loop.call_soon(lambda: logs.handoff("taken", offset=0))
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    logs.handoff("taken", offset=1)
    assert [line["offset"] for line in lines(out)] == [0, 1]


FORKING = """
import asyncio
import multiprocessing
from argosy.telemetry import logs

logs.configure("json")

def child():
    logs.get("handler").warning("in the child")
    logs.handoff("parked", run_id="r")

async def main():
    logs.handoff("claimed", run_id="r")
    forked = multiprocessing.get_context("fork").Process(target=child)
    forked.start()
    forked.join()

asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_tells_what_is_its_own_and_nothing_of_its_parents() -> None:
    command = [sys.executable, "-c", FORKING]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=240)
    told = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert told == ["in the child", "parked", "claimed"]
