"""What a command says: results on stdout (table, lines or JSON), progress, questions and errors on stderr."""

import json
import shutil
import sys
from collections.abc import Sequence
from typing import Final, Protocol, runtime_checkable
from unicodedata import category

from typer import Context, TyperException
from typer.core import TyperGroup

from argosy.console.folding import fold
from argosy.console.interruption import if_interrupted
from argosy.console.options import options
from argosy.schemas.errors import ArgosyError

_ANSWERS: Final = {"y": True, "yes": True, "n": False, "no": False, "": False}
_UNPRINTABLE: Final = frozenset({"Cc", "Cf", "Cs", "Co"})


def show(data: object, text: str) -> None:
    """Print a result: `data` with --json (a model, a dataclass, or plain values), else `text`."""
    if options().json:
        show_json(data)
    else:
        sys.stdout.write(text.rstrip("\n") + "\n")


def show_folded(data: object, text: str) -> None:
    """Print a result as `show` does; on a terminal with its long lines folded."""
    show(data, fold(text, shutil.get_terminal_size().columns) if sys.stdout.isatty() else text)


def show_json(data: object) -> None:
    """Print one JSON object on a line of its own."""
    from pydantic import BaseModel  # noqa: PLC0415 - a page of help needs no pydantic, and takes half as long without
    from pydantic_core import to_jsonable_python  # noqa: PLC0415 - as above

    plain = data.model_dump(mode="json") if isinstance(data, BaseModel) else to_jsonable_python(data)
    sys.stdout.write(json.dumps(plain, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]], data: object) -> None:
    """Print rows: a table on a terminal, tab-separated lines elsewhere, `data` with --json."""
    if options().json:
        show_json(data)
        return
    from rich.console import Console  # noqa: PLC0415 - a worker draws no tables, and starts sooner without

    from argosy.console import table  # noqa: PLC0415 - as above

    told = [[" ".join(printable(str(cell)).split()) for cell in row] for row in rows]  # a row is one line
    if sys.stdout.isatty():
        console = Console(highlight=False, soft_wrap=True, markup=False)
        made = table.lines(columns, told, console.width)
        for line in made.head:
            console.print(line, style="bold")
        for line in made.body:
            console.print(line)
    else:
        for row in (columns, *told):
            sys.stdout.write("\t".join(row) + "\n")
        sys.stdout.flush()  # somebody may watch


def printable(text: str) -> str:
    """Make a text safe for a terminal: what a model or a document wrote may hold escape sequences and bidi marks."""
    return "".join(
        char if char in "\n\t" or category(char) not in _UNPRINTABLE else "\ufffd" for char in text
    )


def note(text: str, *, folded: bool = False) -> None:
    """Say what goes on, on stderr; --quiet silences it. `folded`: a sentence, which a terminal may have in lines."""
    if not options().quiet:
        told = printable(text.rstrip("\n"))
        if folded and sys.stderr.isatty():
            told = fold(told, shutil.get_terminal_size().columns)
        sys.stderr.write(told + "\n")
        sys.stderr.flush()


def confirm(question: str) -> bool:
    """Ask a yes-or-no question; --yes answers it, and where nobody can answer it is a no."""
    if options().yes:
        return True
    if not sys.stdin.isatty():
        return False
    if_interrupted("nothing was done")
    while True:
        sys.stderr.write(f"{printable(question)} [y/N] ")
        sys.stderr.flush()
        said = sys.stdin.readline()
        if said.strip().lower() in _ANSWERS:
            if not said:
                sys.stderr.write("\n")
            return _ANSWERS[said.strip().lower()]


def show_error(error: ArgosyError) -> None:
    """Print an error on stderr: what happened, why, what to do; as an object with --json."""
    _show_parts(error.code, _parts(error))


@runtime_checkable
class _Usage(Protocol):
    ctx: Context | None

    def format_message(self) -> str: ...


def _show_parts(code: str, parts: dict[str, str]) -> None:
    if options().json:
        sys.stderr.write(json.dumps({"error": {"code": code, **parts}}, ensure_ascii=False) + "\n")
        return
    from rich.console import Console  # noqa: PLC0415 - only for errors
    from rich.markup import escape  # noqa: PLC0415 - as above

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"[bold red]error[/]: {escape(parts['what'])}")
    for name in ("why", "do"):
        if parts[name]:
            lead = f"  {name + ':':<4} "
            console.print(f"[bold]{lead}[/]" + escape(parts[name].replace("\n", "\n" + " " * len(lead))))


def show_usage(error: TyperException) -> None:
    """Print what is wrong with a command line, as other errors are printed."""
    if type(error).__name__ == "NoArgsIsHelpError":  # it has shown the help instead, which is the answer
        return
    what = error.format_message() if isinstance(error, _Usage) else str(error)
    path, why = "argosy", ""
    if isinstance(error, _Usage) and error.ctx is not None:
        path = error.ctx.command_path
        if isinstance(error.ctx.command, TyperGroup):
            why = f"it has {', '.join(error.ctx.command.list_commands(error.ctx))}"
    _show_parts("usage", {"what": what, "why": why, "do": f"{path} --help"})


def show_stopped(how: str, text: str) -> None:
    """Print in one line that the command was stopped, and what holds now; as an object with --json."""
    if options().json:
        _show_parts(how, {"what": how, "why": text, "do": ""})
        return
    lead = "\n" if sys.stderr.isatty() else ""  # a terminal has shown ^C, and is in the middle of a line
    sys.stderr.write(lead + printable(f"{how}: {text}" if text else how) + "\n")


def _parts(error: ArgosyError) -> dict[str, str]:
    """Take an error apart: its own three lines, where its text has them, before what is true of its class."""
    what, why, do = three_parts(str(error))
    return {"what": what, "why": why or error.why, "do": do or error.do}


def three_parts(text: str) -> tuple[str, str, str]:
    """Take an error's text apart into what, why and do; what it hasn't is empty."""
    rest, _, do = text.partition("\n  do:  ")
    what, _, why = rest.partition("\n  why: ")
    return what, why, do
