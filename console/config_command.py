"""`argosy config show`: every setting, its value and where that came from; secrets are never shown."""

from typing import Annotated

import typer

from argosy.console.config import load_settings
from argosy.console.config_sources import origins
from argosy.console.output import show_table

config = typer.Typer(help="The settings, and where each value came from.", no_args_is_help=True)


@config.command("show")
def show_config(
    *, changed: Annotated[bool, typer.Option("--changed", help="Only what isn't the default.")] = False
) -> None:
    """Show every setting with its source and the variable that sets it. Order: docs/settings.md."""
    found = [each for each in origins(load_settings()) if not changed or each.source != "default"]
    rows = [
        (each.name, "" if each.value is None else each.value, each.source, each.variable) for each in found
    ]
    show_table(("SETTING", "VALUE", "FROM", "VARIABLE"), rows, {"settings": found})


@config.callback()
def _group() -> None:  # one command alone would lose its name
    pass
