"""Payloads as files: what is handed on is made young and not written again, unless it is another file by now."""

import os
from pathlib import Path

import pytest

from argosy.broker.payload_files import Files
from argosy.broker.payload_objects import Bucket, path_of
from argosy.schemas.canonical import sha256_hex

DATA = b'{"a":1}'
SHA = sha256_hex(DATA)
LONG_AGO = 1_000_000_000


@pytest.fixture
def files(tmp_path: Path) -> Files:
    files = Files(tmp_path)
    files.write(SHA, DATA)
    return files


def aged(folder: Path) -> Path:
    """As it lies there for long."""
    file = folder / path_of(SHA)
    os.utime(file, (LONG_AGO, LONG_AGO))
    return file


def number_of(file: Path) -> int:
    return file.stat().st_ino


def test_what_was_read_here_is_made_young_and_not_written_again(files: Files, tmp_path: Path) -> None:
    file = aged(tmp_path)
    number = number_of(file)
    assert files.read(SHA) == DATA
    files.write(SHA, DATA)
    assert number_of(file) == number
    assert file.stat().st_mtime > LONG_AGO


def test_what_nobody_read_here_is_written(files: Files, tmp_path: Path) -> None:
    file = aged(tmp_path)
    with file.open("rb"):  # else the new file may have the old one's number
        number = number_of(file)
        files.write(SHA, DATA)
        assert number_of(file) != number
    assert file.stat().st_mtime > LONG_AGO


def test_what_was_collected_since_it_was_read_is_written(files: Files, tmp_path: Path) -> None:
    files.read(SHA)
    (tmp_path / path_of(SHA)).unlink()
    files.write(SHA, DATA)
    assert files.read(SHA) == DATA


def test_what_is_collected_while_it_is_read_was_read(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(self: Bucket, sha256: str) -> bytes | None:
        data = original(self, sha256)
        (tmp_path / path_of(sha256)).unlink()
        return data

    original = Bucket.read
    monkeypatch.setattr(Bucket, "read", read)
    assert files.read(SHA) == DATA
    monkeypatch.undo()
    files.write(SHA, DATA)
    assert files.read(SHA) == DATA


def test_what_was_changed_since_it_was_read_is_written(files: Files, tmp_path: Path) -> None:
    file = aged(tmp_path)
    files.read(SHA)
    file.write_bytes(DATA.swapcase())
    assert file.stat().st_size == len(DATA)
    files.write(SHA, DATA)
    assert files.read(SHA) == DATA


def test_what_was_wrong_when_it_was_read_is_written(files: Files, tmp_path: Path) -> None:
    (tmp_path / path_of(SHA)).write_bytes(b"other")
    assert files.read(SHA) is None
    files.write(SHA, DATA)
    assert files.read(SHA) == DATA


def test_what_another_user_may_not_make_young_is_written(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "not yours")

    file = aged(tmp_path)
    files.read(SHA)
    monkeypatch.setattr(os, "utime", refuse)
    files.write(SHA, DATA)
    assert file.stat().st_mtime > LONG_AGO


def test_folders_that_were_swept_away_are_made_again(files: Files, tmp_path: Path) -> None:
    (tmp_path / path_of(SHA)).unlink()
    (tmp_path / SHA[:2] / SHA[2:4]).rmdir()
    (tmp_path / SHA[:2]).rmdir()
    files.write(SHA, DATA)
    assert files.read(SHA) == DATA
