"""Where the local stack of this folder listens, if one runs: what settings fall back to."""

import json
import os
from pathlib import Path
from typing import Final, cast

STACK_VARIABLE: Final = "ARGOSY_STACK"
"""Names the folder of another stack instance than `.argosy` here; inherited by processes that a command starts."""
STACK_FILE: Final = "stack.json"


def stack_folder() -> Path:
    """Return the folder of the stack instance that is meant here."""
    return Path(os.environ.get(STACK_VARIABLE, ".argosy"))


def local_stack(folder: Path) -> tuple[str, str] | None:
    """Read Kafka's and Redis' addresses from the state file that the stack's supervisor keeps; None if it isn't up."""
    try:
        read: object = json.loads((folder / STACK_FILE).read_bytes())
    except (OSError, ValueError):
        return None
    state = cast("dict[str, object]", read) if isinstance(read, dict) else {}
    servers, redis = state.get("bootstrap_servers"), state.get("redis_url")
    if state.get("ready") is True and isinstance(servers, str) and isinstance(redis, str):
        return servers, redis
    return None
