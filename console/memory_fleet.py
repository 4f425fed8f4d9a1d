"""A fleet in memory leaves word of itself in its folder, so that other commands there can say how it is reached."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from argosy.console.process import ProcessId
from argosy.schemas.errors import Unreachable
from argosy.schemas.local_stack import stack_folder

MEMORY_FILE: Final = "memory.json"


class MemoryFleet(BaseModel):
    """Who serves it, and where its gateway listens."""

    model_config = ConfigDict(frozen=True)

    process: ProcessId
    url: str


@contextmanager
def left_word(folder: Path, url: str) -> Generator[None]:
    """Leave word for as long as this process serves; what a killed one left is not believed."""
    file, process = folder / MEMORY_FILE, ProcessId.of(os.getpid())
    if process is not None:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(MemoryFleet(process=process, url=url).model_dump_json() + "\n", encoding="utf-8")
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def way_to_memory(folder: Path | None = None) -> str:
    """Say what to do where a fleet in memory serves in this folder; empty if none does."""
    try:
        read = ((folder or stack_folder()) / MEMORY_FILE).read_bytes()
        found = MemoryFleet.model_validate_json(read)
    except (OSError, ValidationError):
        return ""
    if not found.process.is_running():
        return ""
    return (
        f"argosy dev --memory serves here, and only its gateway reaches it: curl {found.url}/runs/RUN;"
        " for this command stop it, and start argosy dev without --memory"
    )


def advise(error: Unreachable) -> None:
    """Let an error advise the way to a fleet in memory, if one serves in this folder."""
    error.do = way_to_memory() or error.do
