"""Tables on a terminal of any width."""

from rich.cells import cell_len

from argosy.console.table import Lines, lines

COLUMNS = ("TASK", "TOKENS IN", "WHY")


def test_what_fits_is_one_line_for_each_row() -> None:
    made = lines(COLUMNS, [("research", "452", "no"), ("x", "1", "")], 80)
    assert made == Lines(
        ["TASK      TOKENS IN  WHY"],
        ["research  452        no", "x         1"],
    )


def test_heads_take_two_lines_before_anything_else_gives_way() -> None:
    made = lines(COLUMNS, [("research", "452", "no")], 22)
    assert made == Lines(["TASK      TOKENS  WHY", "          IN"], ["research  452     no"])


def test_then_the_columns_come_closer() -> None:
    made = lines(COLUMNS, [("research", "452", "no")], 19)
    assert made == Lines(["TASK     TOKENS WHY", "         IN"], ["research 452    no"])


def test_a_last_column_without_room_is_told_beneath_its_row_and_never_cut() -> None:
    why = "the connection to the server of smollm2 failed: nobody listens there"
    made = lines(COLUMNS, [("research", "452", why), ("x", "1", "")], 48)
    assert made.body[0] == "research 452"
    assert made.body[-1] == "x        1"
    assert " ".join(line.strip() for line in made.body[1:-1]) == f"why: {why}"
    assert all(cell_len(line) <= 48 for line in made.body)


def test_wide_letters_count_as_the_cells_that_they_take() -> None:
    assert lines(("A", "B"), [("日本", "x"), ("ab", "y")], 80).body == ["日本  x", "ab    y"]


def test_as_many_columns_go_beneath_as_must_and_the_first_is_whole_however_narrow_the_terminal_is() -> None:
    assert lines(COLUMNS, [("a" * 60, "452", "")], 20).body == ["a" * 60, "    tokens in: 452"]


def test_one_column_or_no_row_is_a_table_too() -> None:
    assert lines(("TASK",), [("a" * 30,)], 20) == Lines(["TASK"], ["a" * 30])
    assert lines(COLUMNS, [], 80) == Lines(["TASK  TOKENS IN  WHY"], [])
