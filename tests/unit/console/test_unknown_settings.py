"""A mistyped setting is told of."""

from pathlib import Path

import pytest

from argosy.console.check import Verdict
from argosy.console.unknown_settings import unknown_settings


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_is_set_by_its_name_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("argosy.toml").write_text("app = 'x.py'\n[fleet]\nlease_seconds = 3\n", encoding="utf-8")
    Path(".env").write_text("SOMEBODY_ELSES=1\nARGOSY_WORKER__DRAIN_SECONDS=3\n", encoding="utf-8")
    monkeypatch.setenv("ARGOSY_KAFKA__TOPIC_PREFIX", "mine")
    monkeypatch.setenv("ARGOSY_LOCAL_MODEL_KEY", "x")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1/0")
    assert unknown_settings() == []


@pytest.mark.parametrize(
    ("toml", "variable", "name", "meant"),
    [
        ("[fleet]\nlease_secs = 3", "", "fleet.lease_secs", "fleet.lease_seconds"),
        ("[fleat]\nlease_seconds = 3", "", "fleat", ""),
        ("", "ARGOSY_FLEET__LEASE_SECOND", "fleet.lease_second", "fleet.lease_seconds"),
        ("", "ARGOSY_FLEAT__LEASE_SECONDS", "fleat.lease_seconds", "fleet.lease_seconds"),
    ],
)
def test_a_setting_that_nobody_knows_is_named_with_the_one_that_may_be_meant(
    toml: str, variable: str, name: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("argosy.toml").write_text(toml, encoding="utf-8")
    if variable:
        monkeypatch.setenv(variable, "4")
    (found,) = unknown_settings()
    assert found.verdict is Verdict.WARNING
    assert f"there is no setting {name} (" in found.found
    assert (f"did you mean {meant}?" in found.do) == bool(meant)
