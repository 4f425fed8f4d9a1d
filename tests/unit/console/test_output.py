import json
from collections.abc import Iterator

import pytest

from argosy.console.options import Options, set_options
from argosy.console.output import confirm, note, show, show_error, show_table
from argosy.schemas.errors import ConfigurationError, Unreachable


@pytest.fixture(autouse=True)
def default_options() -> Iterator[None]:
    set_options(Options())
    yield
    set_options(Options())


def test_an_error_says_what_why_and_what_to_do_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    show_error(ConfigurationError("no [Java]", "too old", "install one"))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["error: no [Java]", "  why: too old", "  do:  install one"]


def test_with_json_an_error_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    set_options(Options(json=True))
    show_error(Unreachable("Kafka is away"))
    assert json.loads(capsys.readouterr().err) == {
        "error": {
            "code": "unreachable",
            "what": "Kafka is away",
            "why": Unreachable.why,
            "do": Unreachable.do,
        }
    }


def test_an_error_whose_text_has_the_three_lines_says_each_once(capsys: pytest.CaptureFixture[str]) -> None:
    show_error(Unreachable("Redis is away\n  why: refused\n  do:  start it"))
    assert capsys.readouterr().err.splitlines() == [
        "error: Redis is away",
        "  why: refused",
        "  do:  start it",
    ]


def test_a_cell_with_a_line_break_is_still_one_row(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("A", "B"), [("x", "one\ttwo\nthree")], {})
    assert capsys.readouterr().out == "A\tB\nx\tone two three\n"


def test_a_table_is_tab_separated_lines_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("A", "B"), [("x", 1)], {"a": "x"})
    assert capsys.readouterr().out == "A\tB\nx\t1\n"


def test_a_result_is_text_or_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    show({"a": "ü"}, "text")
    set_options(Options(json=True))
    show({"a": "ü"}, "text")
    assert capsys.readouterr().out == 'text\n{"a": "ü"}\n'


def test_quiet_silences_progress_only(capsys: pytest.CaptureFixture[str]) -> None:
    set_options(Options(quiet=True))
    note("progress")
    show({}, "result")
    assert capsys.readouterr() == ("result\n", "")


def test_where_nobody_can_answer_a_question_is_a_no_unless_yes_was_said() -> None:
    assert not confirm("remove it?")
    set_options(Options(yes=True))
    assert confirm("remove it?")
