"""The page on limits and budgets: its code is run as a user would run it, its settings are taken."""

import re
import tomllib
from pathlib import Path

from argosy.schemas.settings import ModelSettings
from support.guide_page import GuidePage

PAGE = GuidePage("limits.md")


def test_the_examples_of_the_page_on_limits_pass(tmp_path: Path) -> None:
    ran = PAGE.run(tmp_path)
    assert "3 passed" in ran.stdout, ran.stdout + ran.stderr


def test_the_settings_of_the_page_are_taken() -> None:
    (block,) = PAGE.blocks("toml")
    settings = ModelSettings.model_validate(tomllib.loads(block)["model"])
    assert settings.limits["openai:gpt-5-mini"].calls == 16
    assert settings.limits["*"].requests_per_minute == 60
    (variable,) = re.findall(r"ARGOSY_MODEL__LIMITS='(.*)'", PAGE.text)
    assert ModelSettings.model_validate_json(f'{{"limits": {variable}}}').limits.keys() == {
        "openai:gpt-5-mini"
    }
