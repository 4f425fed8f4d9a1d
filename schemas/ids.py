"""Names and ids: what they may look like, how task ids are made from the plan, which lane a run lives in."""

import re
import secrets
import time
import zlib
from typing import Annotated, Final, NewType

from pydantic import StringConstraints

RunId = NewType("RunId", str)
TaskId = NewType("TaskId", str)

NAME_PATTERN: Final = r"^[a-z][a-z0-9_-]{0,62}$"
RUN_ID_PATTERN: Final = r"^[A-Za-z0-9._-]{1,128}$"

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""A pipeline, a step or an agent."""

_RUN_ID: Final = re.compile(RUN_ID_PATTERN)
_NAME: Final = re.compile(NAME_PATTERN)
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def is_run_id(text: str) -> bool:
    """Say whether `text` may be a run id; no trailing newline slips through."""
    return _RUN_ID.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Say whether `text` may name a pipeline, a step or an agent."""
    return _NAME.fullmatch(text) is not None


def new_run_id() -> RunId:
    """Make a ULID: 48 bits of milliseconds, 80 random bits, Crockford base 32; sorts by time of making."""
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return RunId("".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5)))


def task_id(run_id: str, step: str, shard: int | None = None) -> TaskId:
    """Make `<run>/<step>`, then `.n` for a shard: from the plan alone, so it stays over retries."""
    return TaskId(f"{run_id}/{step}" if shard is None else f"{run_id}/{step}.{shard}")


def local_part(task: str) -> str:
    """Return what follows the run's id: the name of the task inside its run."""
    return task.split("/", 1)[1]


def step_of(local: str) -> tuple[str, int | None]:
    """Split a task's local part into its step and shard (`extract.7` is `("extract", 7)`)."""
    step, dot, shard = local.rpartition(".")
    return (step, int(shard)) if dot and shard.isdigit() else (local, None)


def lane_of(run_id: str, lanes: int) -> int:
    """`crc32(run_id) mod lanes`: the same for every client and coordinator, in any language."""
    return zlib.crc32(run_id.encode()) % lanes
