"""The command line: a table of commands, loaded lazily, and errors turned into words and exit codes."""

import sys
from importlib import import_module
from inspect import getdoc
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from typer import Abort, TyperException
from typer.core import TyperGroup

from argosy.console import lean_imports
from argosy.console.commands import COMMANDS
from argosy.console.exits import INTERRUPTED, TERMINATED, USAGE, exit_code_of
from argosy.console.interruption import interrupted
from argosy.console.options import HELP, Options, options, set_options, split_options
from argosy.console.output import show_error, show_stopped, show_usage
from argosy.console.reader import quiet_without_reader
from argosy.schemas.errors import ArgosyError, Unreachable

_SERVE: Final = ("coordinator", "worker")
_STOPPED: Final[dict[object, str]] = {INTERRUPTED: "interrupted", TERMINATED: "terminated"}


def run() -> None:
    """Run the command that the process was started with, and end the process with its exit code."""
    with quiet_without_reader():
        _run()


def _run() -> NoReturn:
    general, rest = split_options(sys.argv[1:])
    set_options(
        Options(json="--json" in general, debug="--debug" in general)
    )  # for errors before they are parsed
    try:
        code: object = build_app(_command_in(rest))(general + rest, prog_name="argosy", standalone_mode=False)
    except ArgosyError as error:
        _fail(error)
    except TyperException as error:
        show_usage(error)
        sys.exit(USAGE)
    except (
        Abort,
        KeyboardInterrupt,
    ):  # while it is still being imported; elsewhere typer turns it into the code
        code = INTERRUPTED
    except BaseExceptionGroup as group:
        from argosy.schemas.fault import first_of  # noqa: PLC0415 - a page of help needs no pydantic

        ours = first_of(group)
        if ours is None:
            raise
        _fail(ours)
    if code in _STOPPED:
        show_stopped(_STOPPED[code], interrupted())
    sys.exit(code if isinstance(code, int) else 0)


def _fail(error: ArgosyError) -> NoReturn:
    if options().debug:
        raise error
    if isinstance(error, Unreachable):
        from argosy.console.memory_fleet import advise  # noqa: PLC0415 - most commands need it never

        advise(error)
    show_error(error)
    sys.exit(exit_code_of(error))


def build_app(wanted: str | None) -> typer.Typer:
    """Build the app with one command imported; the others are their line in the help."""
    app = typer.Typer(
        name="argosy",
        cls=_Root,
        help="A fleet of LLM agents as a distributed system: consumers on Kafka, joined through Redis.",
        no_args_is_help=not options().json,
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
        if name in _SERVE:
            lean_imports.load()
        target: object = getattr(import_module(module), attribute)
        if isinstance(target, typer.Typer):
            for part in target.registered_commands:
                part.help, part.epilog = part.help or _flowing(part.callback), HELP
            app.add_typer(
                target,
                name=name,
                help=command.summary,
                epilog=HELP,
                rich_help_panel=command.panel,
                no_args_is_help=not options().json,  # who asked for JSON can't read a page of help
            )
        elif callable(target):
            app.command(name, help=_flowing(target), epilog=HELP, rich_help_panel=command.panel)(target)
    return app


class _Root(TyperGroup):
    def format_help(self, ctx: typer.Context, formatter: object) -> None:  # type: ignore[override]
        del formatter
        from argosy.console.help_page import show_page  # noqa: PLC0415 - other commands draw nothing

        show_page(self, ctx)


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
