"""Where a fleet in memory serves, other commands say how it is reached; where none does, nothing is said."""

import os
from pathlib import Path

import pytest

from argosy.console.memory_fleet import MEMORY_FILE, MemoryFleet, advise, left_word, way_to_memory
from argosy.console.output import show_error
from argosy.console.process import ProcessId
from argosy.schemas.errors import Unreachable
from argosy.schemas.local_stack import STACK_VARIABLE


def test_word_is_left_for_as_long_as_it_serves(tmp_path: Path) -> None:
    assert not way_to_memory(tmp_path)
    with left_word(tmp_path, "http://127.0.0.1:7"):
        assert "curl http://127.0.0.1:7/runs/RUN" in way_to_memory(tmp_path)
    assert not way_to_memory(tmp_path)


def test_what_a_dead_process_or_anybody_else_left_is_not_believed(tmp_path: Path) -> None:
    dead = ProcessId(pid=os.getpid(), started_at=1.0)
    (tmp_path / MEMORY_FILE).write_text(MemoryFleet(process=dead, url="http://x").model_dump_json())
    assert not way_to_memory(tmp_path)
    (tmp_path / MEMORY_FILE).write_text("no json")
    assert not way_to_memory(tmp_path)


def test_an_error_names_the_fleet_in_memory_and_not_argosy_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STACK_VARIABLE, str(tmp_path))
    error, alone = Unreachable("no Kafka"), Unreachable("no Kafka")
    advise(alone)
    with left_word(tmp_path, "http://127.0.0.1:7"):
        advise(error)
    show_error(error)
    told = capsys.readouterr().err
    assert "argosy dev --memory serves here" in told
    assert "argosy up" not in told
    assert "argosy up" in alone.do
