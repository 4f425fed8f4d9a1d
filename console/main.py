"""The command line: a table of commands, loaded lazily, and errors turned into words and exit codes."""

import sys
from importlib import import_module
from inspect import getdoc
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from argosy.console.commands import COMMANDS
from argosy.console.exits import exit_code_of
from argosy.console.options import HELP, Options, options, set_options, split_options
from argosy.console.output import show_error
from argosy.schemas.errors import ArgosyError
from argosy.schemas.fault import first_of


def run() -> None:
    """Run the command that the process was started with, and end the process with its exit code."""
    general, rest = split_options(sys.argv[1:])
    try:
        build_app(_command_in(rest))(general + rest)
    except ArgosyError as error:
        _fail(error)
    except BaseExceptionGroup as group:
        ours = first_of(group)
        if ours is None:
            raise
        _fail(ours)


def _fail(error: ArgosyError) -> NoReturn:
    if options().debug:
        raise error
    show_error(error)
    sys.exit(exit_code_of(error))


def build_app(wanted: str | None) -> typer.Typer:
    """Build the app with one command imported; the others are their line in the help."""
    app = typer.Typer(
        name="argosy",
        help="A fleet of LLM agents as a distributed system: consumers on Kafka, joined through Redis.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,  # an error that nobody foresaw is a bug: show it as Python does
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_general_options)
    for name, command in COMMANDS.items():
        if name != wanted:
            app.command(name, help=command.summary, rich_help_panel=command.panel)(_unloaded)
            continue
        module, _, attribute = command.target.partition(":")
        target: object = getattr(import_module(module), attribute)
        if isinstance(target, typer.Typer):
            for part in target.registered_commands:
                part.help, part.epilog = part.help or _flowing(part.callback), HELP
            app.add_typer(target, name=name, help=command.summary, epilog=HELP, rich_help_panel=command.panel)
        elif callable(target):
            app.command(name, help=_flowing(target), epilog=HELP, rich_help_panel=command.panel)(target)
    return app


def _flowing(target: object) -> str:
    """Take each paragraph of a docstring as one line: the terminal breaks it again, at its own width."""
    return "\n\n".join(" ".join(part.split()) for part in (getdoc(target) or "").split("\n\n"))


def _general_options(  # a function's parameters are how typer declares options
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Answer every question with yes.")] = False,
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings from this file, not argosy.toml.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    set_options(Options(json=as_json, quiet=quiet, yes=yes, config=config, debug=debug))


def _unloaded() -> None:
    """Stand in for a command that wasn't called."""


def _command_in(arguments: list[str]) -> str | None:
    return next((argument for argument in arguments if not argument.startswith("-")), None)
