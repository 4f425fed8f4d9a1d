"""What logs say of a run: found in files as processes write them, told on a terminal and on a page."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from argosy.console.dashboard_lines_page import LINES, look_lines
from argosy.console.dashboard_page import Asked, Region, View
from argosy.console.dashboard_pen import draw_page
from argosy.console.run_lines import MOST_BYTES, lines_about
from argosy.schemas.errors import NotFound
from argosy.schemas.local_stack import STACK_VARIABLE
from support.command_line import CommandLine
from support.told_pages import AROUND

TRACEBACK = (
    'Traceback (most recent call last):\n  File "a.py", line 3, in gather\nTypeError: <script>no</script>'
)


def line(second: int, event: str, **fields: object) -> str:
    stamp = f"2026-01-01T00:00:{second:02}.000000Z"
    return json.dumps({**fields, "event": event, "level": "info", "timestamp": stamp, "logger": "argosy.x"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Logs of a worker and of a coordinator, as they lie beside a local stack."""
    logs = tmp_path / "logs"
    logs.mkdir()
    worker = [
        line(3, "settled", run_id="r-1", task_id="r-1/gather.2", attempt=1, outcome="succeeded"),
        line(2, "a handler raised", task_id="r-1/gather.2", exception=TRACEBACK),
        line(2, "hello", run_id="r-10", task_id="r-10/gather.2"),
        line(2, "mentions it", what="r-1"),
        "worker-gather: stopping; once more to stop at once",
        '{"run_id":"r-1", cut off',
    ]
    (logs / "gather.log").write_text("\n".join(worker))
    (logs / "coordinator.log.1").write_text(line(1, "accepted", run_id="r-1", pipeline="p@1") + "\n")
    (logs / "notes.txt").write_text(line(1, "no log", run_id="r-1"))
    return logs


def test_the_lines_of_a_run_come_from_all_logs_in_the_order_of_their_clocks(folder: Path) -> None:
    found = lines_about("r-1", folder)
    assert [(one.what, one.by, one.task) for one in found] == [
        ("accepted", "coordinator", ""),
        ("a handler raised", "gather", "gather.2"),
        ("settled", "gather", "gather.2"),
    ]
    assert found[1].exception == TRACEBACK
    assert found[2].fields == (("attempt", "1"), ("outcome", "succeeded"))


def test_of_a_task_its_own_lines_and_those_of_what_lies_under_it_are_found(folder: Path) -> None:
    assert [one.what for one in lines_about("r-1", folder, "gather")] == ["a handler raised", "settled"]
    assert lines_about("r-1", folder, "gat") == []


def test_only_the_end_of_a_log_is_read(folder: Path) -> None:
    with (folder / "big.log").open("w") as log:
        log.write(line(4, "long ago", run_id="r-1") + "\n")
        log.write("x" * MOST_BYTES + "\n" + line(5, "just now", run_id="r-1") + "\n")
    assert [one.what for one in lines_about("r-1", folder)][-1] == "just now"
    assert all(one.what != "long ago" for one in lines_about("r-1", folder))


def test_the_command_tells_each_line_and_its_traceback(folder: Path) -> None:
    argosy = CommandLine(folder, {STACK_VARIABLE: str(folder.parent)})
    told = argosy("runs", "logs", "r-1").stdout
    assert "info  gather  gather.2  settled  attempt=1 outcome=succeeded" in told
    assert '      File "a.py", line 3, in gather' in told
    lines = json.loads(argosy("--json", "runs", "logs", "r-1", "--task", "gather.2").stdout)["lines"]
    assert [each["what"] for each in lines] == ["a handler raised", "settled"]


def test_where_there_is_nothing_it_says_so(folder: Path) -> None:
    argosy = CommandLine(folder, {STACK_VARIABLE: str(folder.parent)})
    assert "says anything of run r-2" in argosy("runs", "logs", "r-2", expect=5).stderr
    assert (
        "there are no logs in nowhere" in argosy("runs", "logs", "r-1", "--logs", "nowhere", expect=5).stderr
    )


def looked(folder: Path, monkeypatch: pytest.MonkeyPatch, **query: str) -> View:
    async def known(*_: object) -> None:
        pass

    monkeypatch.setattr("argosy.console.dashboard_lines_page.kept_of", known)
    desk: Any = SimpleNamespace(logs=folder)
    return asyncio.run(look_lines(desk, Asked({"run_id": "r-1"}, query)))


def test_the_page_shows_them_with_links_to_their_tasks_and_nothing_of_theirs_is_html(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = looked(folder, monkeypatch)
    notes = Region("notes", "base_items.html:note", ())
    html = draw_page("run_lines.html", View(view.title, (notes,), view.facts), AROUND)
    assert '<a href="/runs/r-1/tasks/gather.2">gather.2</a>' in html
    assert "&lt;script&gt;no&lt;/script&gt;" in html
    assert "<script>no" not in html


def test_many_lines_are_pages(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many = "\n".join(line(9, f"n{number}", run_id="r-1", task_id="r-1/m.1") for number in range(LINES + 1))
    (folder / "m.log").write_text(many)
    facts = looked(folder, monkeypatch, page="2", task="m.1").facts
    rows: Any = facts["rows"]
    assert (facts["pages"], len(rows), facts["path_of"]) == (2, 1, "/runs/r-1/lines?task=m.1&")


def test_a_run_that_no_log_names_has_no_such_page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFound, match="says anything of task other of run r-1"):
        looked(folder, monkeypatch, task="other")
