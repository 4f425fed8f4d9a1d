"""The page of `argosy --help`, as typer would draw it: that loads parsers of Markdown, which is half of the wait."""

from os import getenv
from typing import Final

from rich.console import Console
from rich.highlighter import RegexHighlighter
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from rich.theme import Theme
from typer import Context
from typer.core import TyperGroup, TyperOption

from argosy.console.commands import COMMANDS

_THEME: Final = Theme(
    {"option": "bold cyan", "switch": "bold green", "types": "bold yellow", "usage": "yellow"}
)
_SAID_TO_BE_A_TERMINAL: Final = ("GITHUB_ACTIONS", "FORCE_COLOR", "PY_COLORS")


class _Words(RegexHighlighter):
    highlights = [  # noqa: RUF012 - as the base class has it
        r"(^|\W)(?P<switch>\-\w+)(?![a-zA-Z0-9])",
        r"(^|\W)(?P<option>\-\-[\w\-]+)(?![a-zA-Z0-9])",
        r"(?P<types>\<[^\>]+\>)",
        r"(?P<usage>Usage: )",
    ]


def show_page(group: TyperGroup, ctx: Context) -> None:
    """Print what the group is for, its options, and its commands in the panels of the table of commands."""
    words = _Words()
    terminal = True if any(map(getenv, _SAID_TO_BE_A_TERMINAL)) else None
    console = Console(theme=_THEME, highlighter=words, force_terminal=terminal)
    console.print(Padding(words(group.get_usage(ctx)), 1), style="bold")
    console.print(Padding(words(group.help or ""), (0, 1, 1, 1)))
    options = Table(box=None, show_header=False, expand=True, pad_edge=False)
    for ratio in (None, None, None, 1):
        options.add_column(ratio=ratio)
    for option in group.get_params(ctx):
        if isinstance(option, TyperOption):
            long = [name for name in option.opts if name.startswith("--")]
            short = [name for name in option.opts if name not in long]
            kind = Text(option.display_type_rich(ctx) or "", style="bold yellow", overflow="fold")
            options.add_row(words(",".join(long)), words(",".join(short)), kind, words(option.help or ""))
    console.print(Panel(options, border_style="dim", title="Options", title_align="left"))
    widest = max(map(len, COMMANDS))
    for panel in dict.fromkeys(command.panel for command in COMMANDS.values()):
        table = Table(box=None, show_header=False, expand=True, pad_edge=False)
        table.add_column(style="bold cyan", no_wrap=True, width=widest)
        table.add_column(ratio=10)
        for name, command in COMMANDS.items():
            if command.panel == panel:
                table.add_row(Text(name), words(command.summary))
        console.print(Panel(table, border_style="dim", title=panel, title_align="left"))
