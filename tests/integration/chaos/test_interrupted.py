"""A chaos run that is interrupted tells what it has, a slow one says so, a stopped one leaves nobody."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from argosy.testing.chaos_report import Report

SLOW_APP: Final = """
import asyncio

from argosy import Context, Pipeline, agent


@agent(concurrency=1)
async def slow(ctx: Context, text: str) -> str:
    await asyncio.sleep(3)
    return text


lazy = Pipeline("lazy", takes=str, gives=str)
lazy.returns(lazy.step(slow, lazy.input))
"""
SMALL: Final = ("--workers", "1", "--coordinators", "1", "--calm-seconds", "1", "--pause-seconds", "1")


@contextmanager
def _started(folder: Path, *words: str) -> Generator[subprocess.Popen[str]]:
    """Start a chaos run; whatever becomes of the test, it doesn't go on beside others."""
    line = [sys.executable, "-P", "-m", "argosy", "chaos", *words, "--dir", str(folder / "stack")]
    with (folder / "notes.log").open("w") as notes:
        running = subprocess.Popen(
            [*line, "--report", str(folder / "report.json")],
            cwd=folder,
            env=dict(os.environ),
            stdout=subprocess.PIPE,
            stderr=notes,
            text=True,
        )
    with running:
        try:
            yield running
        except BaseException:
            running.kill()  # its children end with it
            raise


def _until(folder: Path, pattern: str) -> None:
    _wait(
        lambda: re.search(pattern, (folder / "notes.log").read_text("utf-8")) is not None,
        f"it says {pattern!r}",
    )


def _wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < deadline, f"still not so: {what}"
        time.sleep(0.1)


def _nobody_lives_of(folder: Path) -> bool:
    """Say whether no process has this folder in its command line or its environment."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in told and int(process.name) != os.getpid():
            return False
    return True


@pytest.mark.timeout(1300)
def test_an_interrupted_chaos_run_judges_what_there_was_and_its_exit_code_says_so(tmp_path: Path) -> None:
    words = ("--deliveries", "1000000", *SMALL, "--in-flight", "4", "--faults", "stop-worker")
    patient = ("--quiet-seconds", "500")
    with _started(tmp_path, *words, *patient) as running:
        _until(tmp_path, r" [1-9]\d* runs ended .* faults so far [1-9]")  # how many at a look is chance
        running.send_signal(signal.SIGINT)
        text = running.communicate(timeout=900)[0]
    assert running.returncode == 130, text + (tmp_path / "notes.log").read_text("utf-8")[-3000:]
    report = Report.model_validate_json((tmp_path / "report.json").read_bytes())
    assert (report.verdict, report.interrupted) == ("held", True)
    assert report.load.ended >= report.load.acknowledged > 0
    assert "interrupted after" in text
    assert _nobody_lives_of(tmp_path / "stack")


@pytest.mark.timeout(1300)
def test_runs_that_are_merely_slow_are_not_called_broken(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SLOW_APP, encoding="utf-8")
    words = ("app.py", "--input", '"x"', "--minutes", "0.3", *SMALL, "--in-flight", "60")
    # One run in 3 s: whatever a busy machine gets submitted in 18 s, it is more than ends in 30 beyond these.
    with _started(tmp_path, *words, "--faults", "stop-coordinator", "--quiet-seconds", "30") as running:
        text = running.communicate(timeout=900)[0]
    assert running.returncode == 124, text + (tmp_path / "notes.log").read_text("utf-8")[-3000:]
    report = Report.model_validate_json((tmp_path / "report.json").read_bytes())
    assert report.verdict == "slow"
    assert report.unended > 0
    assert "lower --in-flight" in text
    assert "BROKEN" not in text


@pytest.mark.timeout(1300)
def test_a_chaos_run_that_is_terminated_leaves_nobody_behind(tmp_path: Path) -> None:
    with _started(tmp_path, "--minutes", "5", *SMALL, "--in-flight", "4") as running:
        _until(tmp_path, "runs ended")
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=240)
    assert running.returncode == 143
    _wait(lambda: _nobody_lives_of(tmp_path / "stack"), "all children have ended")
