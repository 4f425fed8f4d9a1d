"""Rules have versions: what was decided under one is decided again by every later release."""

from pathlib import Path

import pytest

from argosy.coordinator.fold import RULES
from argosy.coordinator.messages import ended_of
from argosy.schemas.runlog import RunEnded
from support.fold_log import FoldLog
from support.recorded_runs import essence, read

RECORDED = Path(__file__).parent / "recorded"


LOGS = sorted(path.stem for path in RECORDED.glob("rules_*.jsonl"))


def test_there_are_logs_of_all_rules() -> None:
    assert {int(name.split("_")[1]) for name in LOGS} == set(RULES)


@pytest.mark.parametrize("name", LOGS)
def test_a_recorded_log_is_folded_as_it_was_when_its_rules_were_new(name: str) -> None:
    runs = (RECORDED / f"{name}.jsonl").read_text(encoding="utf-8").strip().split("\n\n")
    assert len(runs) == 12
    for run in runs:
        log = FoldLog()
        for line in run.split("\n"):
            event, decided = read(line)
            if isinstance(event.message, RunEnded):
                assert ended_of(log.state) == event.message
            assert essence(log.fold(event)) == decided
        assert log.hash["st"] == b"ended"
