"""The state file of a stack instance: who runs, where it listens, what to reap; any command may read it."""

import os
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from argosy.console.kafka_cluster import Cluster
from argosy.console.process import ProcessId, reap
from argosy.schemas.errors import ConfigurationError
from argosy.schemas.local_stack import STACK_FILE

DEFAULT_FOLDER: Final = Path(".argosy")


class Layout(BaseModel):
    """What a stack instance keeps for as long as its data: ports and ids."""

    model_config = ConfigDict(frozen=True)

    cluster: Cluster
    redis_port: int


class ChildStatus(BaseModel):
    """One supervised process, as `argosy status` shows it."""

    model_config = ConfigDict(frozen=True)

    name: str
    state: str
    process: ProcessId | None
    restarts: int
    problem: str
    log: Path


class StackState(BaseModel):
    """All that is known of a stack instance. Written by its supervisor alone."""

    model_config = ConfigDict(frozen=True)

    version: int = 1
    layout: Layout
    bootstrap_servers: str
    redis_url: str
    ready: bool = False
    supervisor: ProcessId | None = None
    children: tuple[ChildStatus, ...] = ()

    def is_running(self) -> bool:
        """Tell whether its supervisor is alive."""
        return self.supervisor is not None and self.supervisor.is_running()


def read_state(folder: Path) -> StackState | None:
    """Read an instance's state; None if there is none.

    Raises `ConfigurationError` for one that can't be read: without its ids the data beside it is lost as well.
    """
    path = folder / STACK_FILE
    try:
        return StackState.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise ConfigurationError(
            f"{path} can't be read",
            f"it is broken, or another release wrote it ({error.error_count()} errors)",
            f"end what it started, if it runs, and remove {folder} to start afresh: it holds local data only",
        ) from error


def write_state(folder: Path, state: StackState) -> None:
    """Replace the state at once: a reader sees the old or the new one, never half."""
    staging = folder / f"{STACK_FILE}.new"
    staging.write_text(state.model_dump_json(indent=2) + "\n", encoding="utf-8")
    os.replace(staging, folder / STACK_FILE)  # noqa: PTH105  # the one call that is documented to be atomic


def reap_left_over(folder: Path) -> list[ProcessId]:
    """Kill what a dead supervisor of this instance left running; nothing if it lives or never was."""
    state = read_state(folder)
    if state is None or state.is_running():
        return []
    return reap(child.process for child in state.children if child.process is not None)
