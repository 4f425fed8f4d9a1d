from pathlib import Path

from argosy.testing.effects import AllEffects, Effects


def test_effects_of_all_processes_are_counted_together(tmp_path: Path) -> None:
    one, other = Effects(tmp_path), Effects(tmp_path)
    one.write("began", "r/a")
    one.write("made", "r/a|k", "1")
    other.write("made", "r/a|k", "1")
    other.write("made", "r/b|k", "2")
    both = AllEffects(tmp_path)
    assert (both.count("began"), both.count("made"), both.keys("made")) == (1, 3, 2)
    assert both.tasks() == {"r/a", "r/b"}
    assert not both.doubled()


def test_an_effect_under_two_keys_is_doubled(tmp_path: Path) -> None:
    one = Effects(tmp_path)
    one.write("made", "r/a|k1")
    one.write("made", "r/a|k2")
    assert AllEffects(tmp_path).doubled() == ["r/a"]


def test_an_effect_that_is_made_when_its_memo_is_known_is_told_with_its_maker(tmp_path: Path) -> None:
    one = Effects(tmp_path)
    one.write("made", "r/a|k", "1")
    one.write("known", "r/a|k", "1")
    assert not list(AllEffects(tmp_path).made_after_known())
    one.write("made", "r/a|k", "2")
    (again,) = AllEffects(tmp_path).made_after_known()
    assert (again.key, again.made_at > again.known_at) == ("r/a|k", True)


def test_a_memo_with_two_values_is_told(tmp_path: Path) -> None:
    one = Effects(tmp_path)
    one.write("known", "r/a|k", "1")
    one.write("known", "r/a|k", "1")
    assert not list(AllEffects(tmp_path).changed_memos())
    one.write("known", "r/a|k", "2")
    ((key, last, first),) = AllEffects(tmp_path).changed_memos()
    assert key == "r/a|k"
    assert last < first
