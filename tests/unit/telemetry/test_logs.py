import asyncio
import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import structlog

from argosy.telemetry import logs
from support.all_logged import forget_logging

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    structlog.reset_defaults()
    yield
    forget_logging()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_handoff_is_one_json_line_with_its_ids() -> None:
    out = io.StringIO()
    logs.configure("auto", "info", out)
    with logs.bound(traceparent=TRACEPARENT, run_id="r", task_id="r/a", agent="critic", attempt=1):
        logs.handoff("claimed", delivery=1)
    logs.handoff("taken", traceparent=TRACEPARENT, run_id="r", offset=7)
    first, second = lines(out)
    ids = {"trace_id": TRACE_ID, "run_id": "r", "task_id": "r/a", "agent": "critic", "attempt": 1}
    assert first.items() >= (ids | {"event": "claimed", "delivery": 1, "level": "info"}).items()
    assert second.items() >= {"event": "taken", "trace_id": TRACE_ID, "run_id": "r", "offset": 7}.items()
    assert "task_id" not in second
    assert "timestamp" in first


def test_a_terminal_gets_the_pretty_form() -> None:
    out = Terminal()
    logs.configure("auto", "info", out)
    logs.get().info("hello", run_id="r")
    assert "hello" in out.getvalue()
    assert not out.getvalue().startswith("{")


def test_what_is_below_the_level_is_not_told() -> None:
    out = io.StringIO()
    logs.configure("json", "warning", out)
    logs.handoff("submitted", run_id="r")
    logs.get().warning("careful")
    assert [line["event"] for line in lines(out)] == ["careful"]


def test_secrets_are_masked_by_name_and_by_pattern() -> None:
    out = io.StringIO()
    logs.configure("json", "info", out)
    logs.get().info(
        "to redis://user:hunter22@host/0", api_key="abc", nested={"password": "p", "n": 1}, ok="fine"
    )
    (line,) = lines(out)
    assert line["event"] == "to redis://[redacted]@host/0"
    assert line["api_key"] == "[redacted]"
    assert line["nested"] == {"password": "[redacted]", "n": 1}
    assert line["ok"] == "fine"


def test_a_secret_in_a_traceback_is_masked() -> None:
    out = io.StringIO()
    logs.configure("json", "info", out)
    try:
        int("bad key sk-abcdefghijklmnop1234")
    except ValueError:
        logs.get().exception("failed")
    assert "sk-abcdef" not in out.getvalue()
    assert "ValueError" in out.getvalue()


def test_a_value_that_json_cannot_hold_still_gives_a_line() -> None:
    out = io.StringIO()
    logs.configure("json", "info", out)
    logs.get().info("odd", surrogate="\ud800", big=2**70, thing=object(), number=1)
    logs.get().info("two\nlines", bytes=b"\xff")
    assert [line["event"] for line in lines(out)] == ["'odd'", "two\nlines"]


@dataclass(frozen=True)
class Connection:
    """What its repr shows, and what it does not."""

    host: str
    key: str = field(repr=False)


def test_a_dataclass_is_logged_as_its_repr_shows_it() -> None:
    out = io.StringIO()
    logs.configure("json", "info", out)
    logs.get().info(
        "opened", at=Connection("db", "hunter-hunter"), within=[Connection("db", "hunter-hunter")]
    )
    (line,) = lines(out)
    assert line["at"] == "Connection(host='db')"
    assert line["within"] == ["Connection(host='db')"]


class Broken:
    """What a handler may have in hand."""

    def __repr__(self) -> str:
        message = "not opened yet"
        raise ValueError(message)


@pytest.mark.parametrize("form", ["json", "pretty"])
def test_an_object_whose_repr_raises_is_logged_by_its_type_and_fails_nobody(form: logs.Format) -> None:
    out = io.StringIO()
    logs.configure(form, "info", out)
    logs.get().info("looked", at=Broken(), within=[Broken()], big=2**70)
    logs.get().info("looked again", at={"it": Broken()})
    assert out.getvalue().count("<Broken instance at 0x") == 3
    assert "looked again" in out.getvalue()


def test_libraries_that_use_logging_come_out_in_the_same_form() -> None:
    out = io.StringIO()
    logs.configure("json", "info", out)
    with logs.bound(run_id="r"):
        logging.getLogger("some.library").warning("lost %s", "a connection")
    (line,) = lines(out)
    assert line.items() >= {"event": "lost a connection", "logger": "some.library", "run_id": "r"}.items()


def test_a_script_that_set_up_no_logging_is_not_written_to(capsys: pytest.CaptureFixture[str]) -> None:
    logs.handoff("submitted", run_id="r")
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_a_library_tells_only_warnings_and_only_where_nothing_is_set_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure_library()
    logs.handoff("submitted", run_id="r")
    logs.get().warning("careful", run_id="r")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "careful" in captured.err
    assert "submitted" not in captured.err
    out = io.StringIO()
    logs.configure("json", "info", out)
    logs.configure_library()
    logs.handoff("submitted", run_id="r")
    assert len(lines(out)) == 1


def test_a_stderr_that_is_closed_fails_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    logs.configure("json", "info")
    monkeypatch.setattr("sys.stderr", closed)
    logs.handoff("submitted", run_id="r")


def test_configuring_again_replaces_what_was() -> None:
    first, second = io.StringIO(), io.StringIO()
    logs.configure("json", "info", first)
    logs.configure("json", "info", second)
    logging.getLogger("some.library").warning("once")
    logs.get().info("twice")
    assert first.getvalue() == ""
    assert len(lines(second)) == 2


async def test_concurrent_tasks_keep_their_own_ids() -> None:
    out = io.StringIO()
    logs.configure("json", "info", out)
    both = asyncio.Barrier(2)

    async def work(task: str) -> None:
        with logs.bound(task_id=task):
            await both.wait()
            logs.get().info(f"of {task}")

    async with asyncio.TaskGroup() as group:
        for task in ("a", "b"):
            group.create_task(work(task), name=task)
    assert all(line["event"] == f"of {line['task_id']}" for line in lines(out))
