"""The page on sizing says what the calculator says."""

import re
from pathlib import Path

from argosy.console.commands import COMMANDS
from argosy.schemas.settings import FleetSettings
from support.command_line import CommandLine
from support.page_tables import renewed
from support.sizing_page import PAGE, tables

GENERAL = {"--help", "--json", "--quiet", "--yes", "--config", "--debug"}
"""What every command takes."""
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_calculator() -> None:
    assert renewed(TEXT, tables()) == TEXT, "run: cd tests && python -m support.sizing_page"


def test_every_option_of_the_command_stands_on_the_page(tmp_path: Path) -> None:
    told = set(re.findall(r"--[a-z-]+", CommandLine(tmp_path, {})("plan-capacity", "--help").stdout))
    table = TEXT[TEXT.index("| option |") :].split("\n\n", 1)[0]
    assert (
        set(re.findall(r"`(--[a-z-]+)", table)) | set(re.findall(r", `(--[a-z-]+)`", table)) == told - GENERAL
    )


def test_commands_and_settings_that_it_names_exist() -> None:
    assert set(re.findall(r"argosy (plan-[a-z-]+|pipelines)", TEXT)) <= set(COMMANDS)
    named = {name.lower() for name in re.findall(r"ARGOSY_FLEET__([A-Z_]+)", TEXT)}
    assert named <= set(FleetSettings.model_fields)
