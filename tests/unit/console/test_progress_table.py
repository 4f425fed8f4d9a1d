"""Runs as they go, on terminals of any width."""

import pytest
from rich.cells import cell_len

from argosy.console.progress_table import progress_lines
from argosy.console.run_view import RunView, TaskView

RUN = "01M8BCW343WXP5KQCNRW051F6R"
TASKS = ("research", "criticise-the-summary", "synthesise", "extract.1204")


def lines(width: int, *views: RunView) -> list[str]:
    return [line.rstrip() for line in progress_lines(views, 12.0, width).plain.splitlines()]


def view(title: str = RUN) -> RunView:
    found = RunView(title, title, tasks={name: TaskView() for name in TASKS})
    found.tasks["research"] = TaskView(
        "backing_off", 2, note="the model server asks for patience, 429, again and again"
    )
    found.tasks["synthesise"] = TaskView("running", 1, began=2.0)
    return found


def test_with_room_each_run_stands_beside_its_tasks() -> None:
    head, first, second, *_ = lines(120, view())
    assert head.split() == ["RUN", "TASK", "STATE", "TIME"]
    assert first.startswith(f"{RUN}  research               backing off #2  0.0 s")
    assert second.startswith(" " * len(RUN) + "  criticise-the-summary  waiting")


@pytest.mark.parametrize("width", [80, 60])
def test_no_name_is_cut_while_what_a_task_says_can_give_way(width: int) -> None:
    told = lines(width, view(), view("other"))
    assert all(cell_len(line) <= width for line in told)
    assert RUN in told
    assert "other" in told
    for name in TASKS:
        assert len([line for line in told if line.split()[:1] == [name]]) == 2
    assert any("10.0 s" in line for line in told)
    assert any(line.endswith("…") for line in told)


def test_on_the_narrowest_terminal_no_line_is_too_long() -> None:
    assert all(cell_len(line) <= 30 for line in lines(30, view()))


def test_a_run_without_a_task_says_its_state_and_a_text_without_markup_stays_as_it_is() -> None:
    for width in (80, 24):
        assert lines(width, RunView("r", "r [bold]"))[1].split() == ["r", "[bold]", "submitted"]
