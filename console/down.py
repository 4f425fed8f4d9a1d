"""`argosy down`: stop the local stack."""

import signal
from pathlib import Path
from typing import Final

import psutil

from argosy.console.output import show
from argosy.console.process import ProcessId
from argosy.console.stack_state import DEFAULT_FOLDER, read_state, reap_left_over
from argosy.console.up import Folder

STOP_WITHIN_SECONDS: Final = 60


def down(*, folder: Folder = DEFAULT_FOLDER) -> None:
    """Stop the local stack and everything it runs. Its data stays: `argosy up` goes on with it."""
    stopped = stop(folder)
    text = "stopped" if stopped else f"no stack runs in {folder.absolute()}"
    show({"stopped": stopped, "folder": folder.absolute()}, text)


def stop(folder: Path) -> bool:
    """Stop an instance's supervisor, and what a dead one left; tell whether there was anything to stop."""
    state = read_state(folder)
    if state is None or state.supervisor is None or not state.supervisor.is_running():
        return bool(reap_left_over(folder))
    state.supervisor.kill(signal.SIGTERM)
    if not _gone_within(state.supervisor, STOP_WITHIN_SECONDS):
        state.supervisor.kill()
        _gone_within(state.supervisor, STOP_WITHIN_SECONDS)
        reap_left_over(folder)
    return True


def _gone_within(process: ProcessId, seconds: float) -> bool:
    try:
        psutil.Process(process.pid).wait(seconds)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return not process.is_running()
    return True
