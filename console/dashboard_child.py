"""The dashboard beside a local fleet: a child of its supervisor that nothing waits for."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from argosy.console.child import ChildSpec
from argosy.console.fleet_children import WORKERS
from argosy.console.output import note
from argosy.console.supervise import Supervisor
from argosy.schemas.errors import ChildFailed
from argosy.schemas.local_stack import STACK_VARIABLE

NAME: Final = "dashboard"


async def start_dashboard(supervisor: Supervisor, folder: Path, environment: Mapping[str, str]) -> None:
    """Start it and say where it is; where it can't be had, say so and go on: the fleet needs none.

    The port is that of the settings, or any free one where that default is taken; a restart may have another one.
    """
    ready = folder / "run" / f"{NAME}.ready"
    ready.parent.mkdir(parents=True, exist_ok=True)
    ready.unlink(missing_ok=True)

    async def listens() -> bool:
        return await asyncio.to_thread(ready.exists)

    spec = ChildSpec(
        name=NAME,
        argv=(sys.executable, "-m", "argosy", NAME, "--ready-file", str(ready)),
        log=folder / "logs" / f"{NAME}.log",
        env={**environment, "PYTHONSAFEPATH": "1", STACK_VARIABLE: str(folder)},
        ready=listens,
        stop_within_seconds=10,
        stage=WORKERS,
    )
    try:
        await supervisor.start(spec)
    except ChildFailed as error:
        note(f"no dashboard: {error.what} ({spec.log})")
        return
    url = await asyncio.to_thread(ready.read_text, "utf-8")
    note(f"pages   {url.strip()}  (who acts there signs in with the key in {folder / 'dashboard.key'})")
