from argosy.console.folding import fold


def test_what_fits_stays_as_it_is() -> None:
    assert fold("a  b\n\n  c", 80) == "a  b\n\n  c"


def test_a_line_of_a_tree_goes_on_under_itself_and_the_tree_beside_it() -> None:
    line = f"   ├─ extract  running  {'tokens ' * 6}by worker-1"
    assert fold(line, 44).split("\n") == [
        "   ├─ extract  running  tokens tokens tokens",
        "   │      tokens tokens tokens by worker-1",
    ]


def test_no_word_is_cut_and_nothing_is_left_out() -> None:
    line = f"why: {'x' * 100} and more of it {'y' * 30}"
    assert fold(line, 50).split() == line.split()
    assert fold(line, 1).split() == line.split()
