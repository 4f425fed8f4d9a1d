from pathlib import Path

import pytest

from argosy.console.class_archive import ClassArchive, forget_archives


@pytest.fixture
def archive(tmp_path: Path) -> ClassArchive:
    return ClassArchive(tmp_path / "cache" / "classes-17.jsa", tmp_path / "classes.jsa")


def test_an_archive_is_written_where_there_is_none_and_used_afterwards(archive: ClassArchive) -> None:
    assert archive.options() == [f"-XX:ArchiveClassesAtExit={archive.written}"]
    assert archive.use() == []
    archive.written.write_bytes(b"classes")
    archive.keep(143)
    assert archive.kept.read_bytes() == b"classes"
    assert not archive.written.exists()
    assert archive.options() == archive.use() == [f"-XX:SharedArchiveFile={archive.kept}"]


@pytest.mark.parametrize("exit_code", [-9, 1, None])
def test_what_a_killed_server_wrote_is_thrown_away(archive: ClassArchive, exit_code: int | None) -> None:
    archive.written.write_bytes(b"cla")
    archive.keep(exit_code)
    assert not archive.kept.exists()
    assert not archive.written.exists()


def test_archives_of_other_jars_are_forgotten(archive: ClassArchive) -> None:
    archive.written.write_bytes(b"classes")
    archive.keep(143)
    forget_archives(archive.kept.parent)
    assert not archive.kept.exists()
