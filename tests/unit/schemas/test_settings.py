from pathlib import Path

import pytest

from argosy.schemas.settings import Settings


@pytest.fixture(autouse=True)
def _an_empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_environment_wins_over_dotenv_and_dotenv_over_toml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "argosy.toml").write_text("[fleet]\nlanes = 3\nwindow_seconds = 30\ndispatch_window = 7\n")
    (tmp_path / ".env").write_text("ARGOSY_FLEET__LANES=4\nARGOSY_FLEET__WINDOW_SECONDS=40\n")
    monkeypatch.setenv("ARGOSY_FLEET__LANES", "5")
    fleet = Settings().fleet
    assert (fleet.lanes, fleet.window_seconds, fleet.dispatch_window) == (5, 40, 7)


def test_the_usual_names_fill_in_where_ours_are_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "usual:1")
    monkeypatch.setenv("REDIS_URL", "redis://usual:2")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-usual")
    settings = Settings()
    assert settings.kafka.bootstrap_servers == "usual:1"
    assert settings.redis.url.get_secret_value() == "redis://usual:2"
    assert settings.model.api_key is not None
    monkeypatch.setenv("ARGOSY_KAFKA__BOOTSTRAP_SERVERS", "ours:3")
    assert Settings().kafka.bootstrap_servers == "ours:3"


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://user:canary@host:1")
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    monkeypatch.setenv("ARGOSY_KAFKA__SASL_PASSWORD", "canary")
    settings = Settings()
    assert "canary" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_a_setting_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_FLEET__LANES", "0")
    with pytest.raises(ValueError, match="lanes"):
        Settings()
