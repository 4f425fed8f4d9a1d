"""`argosy status`: what the local stack runs, and where."""

import typer

from argosy.console.child import ChildState
from argosy.console.exits import FAILED
from argosy.console.memory_fleet import way_to_memory
from argosy.console.output import note, show, show_table
from argosy.console.stack_state import DEFAULT_FOLDER, read_state, reap_left_over
from argosy.console.up import Folder, in_words


def status(*, folder: Folder = DEFAULT_FOLDER) -> None:
    """Show each process of the local stack. Exit code 1 if it isn't up, or a part of it isn't ready."""
    reap_left_over(folder)
    state = read_state(folder)
    if state is None or not state.is_running():
        show(
            {"running": False, "folder": folder.absolute()},
            f"no stack runs in {folder.absolute()}; {way_to_memory(folder) or 'start one with `argosy up`'}",
        )
        raise typer.Exit(FAILED)
    rows = [
        (
            child.name,
            child.state,
            child.process.pid if child.process else "-",
            child.restarts,
            child.log,
            child.problem,
        )
        for child in state.children
    ]
    columns = ("NAME", "STATE", "PID", "RESTARTS", "LOG", "LAST END")
    show_table(columns, rows, {"running": True, "folder": folder.absolute(), **state.model_dump()})
    note(in_words(folder, state))
    if not state.ready or any(child.state != ChildState.READY for child in state.children):
        raise typer.Exit(FAILED)
