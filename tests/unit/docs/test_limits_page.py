"""The page on limits and budgets: its code is run as a user would run it, its settings are taken."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from argosy.schemas.settings import ModelSettings

TEXT = (Path(__file__).parents[3] / "docs" / "limits.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE)


def test_the_examples_of_the_page_on_limits_pass(tmp_path: Path) -> None:
    (tmp_path / "test_page.py").write_text("\n".join(blocks("python")), encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n", encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in ran.stdout, ran.stdout + ran.stderr


def test_the_settings_of_the_page_are_taken() -> None:
    (block,) = blocks("toml")
    settings = ModelSettings.model_validate(tomllib.loads(block)["model"])
    assert settings.limits["openai:gpt-5-mini"].calls == 16
    assert settings.limits["*"].requests_per_minute == 60
    (variable,) = re.findall(r"ARGOSY_MODEL__LIMITS='(.*)'", TEXT)
    assert ModelSettings.model_validate_json(f'{{"limits": {variable}}}').limits.keys() == {
        "openai:gpt-5-mini"
    }
