import os
from pathlib import Path

from support.last_words import FILES, LINES, last_words


def _log(path: Path, text: str, at: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))


def test_what_was_written_since_is_shown_oldest_first_and_its_end_only(tmp_path: Path) -> None:
    _log(tmp_path / "old.log", "before", at=100)
    _log(tmp_path / "b" / "late.log", "\n".join(map(str, range(LINES + 5))), at=300)
    _log(tmp_path / "early.log", "said", at=200)
    early, late = last_words(tmp_path, since=150)
    assert early == ("early.log", "said")
    assert late == ("b/late.log", "\n".join(map(str, range(5, LINES + 5))))


def test_of_many_logs_the_newest_are_shown(tmp_path: Path) -> None:
    for number in range(FILES + 3):
        _log(tmp_path / f"{number}.log", "said", at=1000 + number)
    assert [name for name, _ in last_words(tmp_path, since=0)] == [f"{n}.log" for n in range(3, FILES + 3)]
