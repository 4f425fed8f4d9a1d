"""The bench's commands load with what they measure, and explain themselves."""

import os
import subprocess
import sys

from support.bench_modules import BENCH

HERE = {**os.environ, "PYTHONSAFEPATH": "", "COLUMNS": "200"}
"""Its modules lie beside each other."""


def test_the_bench_names_every_arm_that_it_has() -> None:
    command = [sys.executable, str(BENCH / "run.py"), "--help"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=HERE)
    arms = "import arms; print(*arms.ARMS)"
    known = subprocess.run(
        [sys.executable, "-c", arms], check=True, capture_output=True, text=True, env=HERE, cwd=BENCH
    ).stdout.split()
    assert len(known) > 10
    assert all(name in done.stdout for name in known)


def test_an_arm_that_is_not_there_is_named() -> None:
    command = [sys.executable, str(BENCH / "run.py"), "--arms", "drain,nothing"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=HERE)
    assert done.returncode == 2
    assert "there is no arm nothing" in done.stderr


def test_what_the_guard_plants_still_finds_its_place() -> None:
    planted = {**os.environ, "PYTHONPATH": str(BENCH / "planted"), "BENCH_BURN_MICROSECONDS": "20"}
    done = subprocess.run(
        [sys.executable, "-m", "argosy", "--help"], check=True, capture_output=True, text=True, env=planted
    )
    assert not done.stderr  # an error in it is told there, and then nothing is slower
