"""The tables of `docs/observability.md` that are made from the code are as it would make them."""

import re

from argosy.console.commands import COMMANDS
from argosy.schemas.settings import TelemetrySettings
from support.observability_page import PAGE, tables
from support.page_tables import renewed

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_code() -> None:
    assert renewed(TEXT, tables()) == TEXT, "run: cd tests && python -m support.observability_page"


def test_commands_and_settings_that_it_names_exist() -> None:
    assert set(re.findall(r"`argosy ([a-z-]+)", TEXT)) - set(COMMANDS) == set()
    named = set(re.findall(r"ARGOSY_TELEMETRY__([A-Z_]+)", TEXT))
    assert {name.lower() for name in named} <= set(TelemetrySettings.model_fields)
