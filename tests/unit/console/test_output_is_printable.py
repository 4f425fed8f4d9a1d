from argosy.console.output import printable


def test_escape_sequences_and_direction_marks_never_reach_a_terminal() -> None:
    hostile = "red \x1b[31m bell \x07 bidi \u202e zero \u200b line\n\ttab é 漢"
    shown = printable(hostile)
    assert not any(mark in shown for mark in ("\x1b", "\x07", "\u202e", "\u200b"))
    assert shown.endswith("line\n\ttab é 漢")
