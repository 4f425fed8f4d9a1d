"""Files that change are noticed, whatever way an editor saves them."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from argosy.console.file_watch import Watched, until_changed

CHANGES: dict[str, Callable[[Path], object]] = {
    "written in place": lambda file: file.write_text("changed = 1\n"),
    "another file in its place": lambda file: file.with_suffix(".new").replace(file),
    "removed": lambda file: file.unlink(),
    "same size and another time": lambda file: os.utime(file, ns=(1, 1)),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_of_a_file_is_noticed(tmp_path: Path, change: str) -> None:
    file, other = tmp_path / "app.py", tmp_path / "other.py"
    for each in (file, other, file.with_suffix(".new")):
        each.write_text("old = 1\n")
    watched = Watched((file, other))
    waiting = asyncio.create_task(until_changed(watched, watched.look()), name="watch")
    await asyncio.sleep(0)
    CHANGES[change](file)
    assert await asyncio.wait_for(waiting, 60) == [file]


async def test_a_new_file_is_noticed_where_the_folder_is_watched(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.write_text("")
    watched = Watched((file,)).broadly()
    before = watched.look()
    (tmp_path / "new.py").write_text("")
    (tmp_path / "notes.txt").write_text("")
    assert await asyncio.wait_for(until_changed(watched, before), 60) == [tmp_path / "new.py"]
