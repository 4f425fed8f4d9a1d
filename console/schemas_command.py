"""`argosy schemas export|check`: the JSON Schemas of every message, for clients in other languages."""

from pathlib import Path
from typing import Annotated

import typer

from argosy.console.exits import FAILED
from argosy.console.output import show
from argosy.schemas import export as schema_files

schemas = typer.Typer(
    help="JSON Schemas of every message, for clients in other languages.", no_args_is_help=True
)

To = Annotated[Path, typer.Option("--to", help="The folder of the files.")]


@schemas.command("export")
def export(*, to: To = schema_files.FOLDER) -> None:
    """Write the schemas; say which files changed."""
    changed = [path.name for path in schema_files.export(to)]
    show({"folder": to, "changed": changed}, f"{len(changed)} changed in {to}\n" + "\n".join(changed))


@schemas.command("check")
def check(*, to: To = schema_files.FOLDER) -> None:
    """Compare the files with the models; exit code 1 if they differ."""
    drifted = schema_files.drift(to)
    text = "the schemas say what the models say"
    if drifted:
        text = "\n".join([*drifted, "these differ from the models; run: argosy schemas export"])
    show({"folder": to, "drifted": drifted}, text)
    if drifted:
        raise typer.Exit(FAILED)
