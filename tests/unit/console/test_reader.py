"""`argosy … | head`: whoever reads has gone away, and the command ends as tools do that SIGPIPE ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from argosy.console.reader import quiet_without_reader


@pytest.mark.parametrize("unread", ["stdout", "stdout and stderr"])
@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("chaos", "--help"),
        ("version",),
        ("version", "--json"),
        ("config", "show"),
        ("schemas", "check"),
    ],
)
def test_without_a_reader_it_ends_quietly(words: tuple[str, ...], unread: str, tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        ran = subprocess.run(
            [sys.executable, "-P", "-m", "argosy", *words],
            stdout=write,
            stderr=subprocess.PIPE if unread == "stdout" else write,
            cwd=tmp_path,
            text=True,
            check=False,
        )
    finally:
        os.close(write)
    assert ran.returncode == 141
    assert not ran.stderr


def test_an_error_that_nobody_reads_has_its_own_exit_code_no_more() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        words = [sys.executable, "-P", "-m", "argosy", "nonsense"]
        ran = subprocess.run(words, stdout=subprocess.PIPE, stderr=write, text=True, check=False)
    finally:
        os.close(write)
    assert (ran.returncode, ran.stdout) == (141, "")


def test_where_all_is_read_a_broken_pipe_is_a_sockets_and_a_failure_a_failure() -> None:
    with pytest.raises(BrokenPipeError), quiet_without_reader():
        raise BrokenPipeError
    with pytest.raises(SystemExit) as ended, quiet_without_reader():
        sys.exit(1)
    assert ended.value.code == 1
