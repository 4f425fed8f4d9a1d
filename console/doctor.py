"""`argosy doctor`: what is wrong here, why that matters, and the cure."""

import asyncio
import sys
from dataclasses import asdict
from typing import Final

import typer
from rich.console import Console
from rich.markup import escape

from argosy.console.check import Check, Verdict, ok
from argosy.console.config import load_settings
from argosy.console.exits import FAILED
from argosy.console.machine_checks import machine_checks
from argosy.console.numbers import counted
from argosy.console.options import options
from argosy.console.output import show_json
from argosy.console.service_checks import service_checks
from argosy.console.stack_state import DEFAULT_FOLDER
from argosy.console.unknown_settings import unknown_settings
from argosy.console.up import Folder
from argosy.schemas.errors import ConfigurationError

_MARKS: Final = {
    Verdict.OK: "[green]ok     [/]",
    Verdict.WARNING: "[yellow]warning[/]",
    Verdict.PROBLEM: "[bold red]problem[/]",
}


def doctor(*, folder: Folder = DEFAULT_FOLDER) -> None:
    """Check this machine, the settings, Kafka, Redis and payloads. Exit code 1 if there is a problem."""
    checks = machine_checks(folder)
    try:
        settings = load_settings(folder)
    except ConfigurationError as error:
        checks.append(Check("settings", Verdict.PROBLEM, error.what, error.why, error.do))
    else:
        checks.extend(unknown_settings() or [ok("settings", "are valid")])
        checks.extend(asyncio.run(service_checks(settings)))
    problems = sum(check.verdict is Verdict.PROBLEM for check in checks)
    if options().json:
        show_json({"ok": not problems, "checks": [asdict(check) for check in checks]})
    else:
        _print(checks, problems)
    if problems:
        raise typer.Exit(FAILED)


def _print(checks: list[Check], problems: int) -> None:
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    width = max(len(check.name) for check in checks)
    for check in checks:
        console.print(f"{_MARKS[check.verdict]} {check.name:<{width}}  {escape(check.found)}")
        for name, text in (("why", check.why), ("do", check.do)):
            if text:
                console.print(f"{'':<{width + 10}}[bold]{name}:[/] {escape(text)}")
    console.print(counted(problems, "problem"))
