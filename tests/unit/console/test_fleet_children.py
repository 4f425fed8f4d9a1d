"""A child counts as ready when the process that runs now has said so."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from argosy.console.child import ChildSpec
from argosy.console.fleet_children import coordinator_child


def ready(spec: ChildSpec) -> bool:
    assert spec.ready is not None
    return asyncio.run(_awaited(spec.ready))


async def _awaited(check: Callable[[], Awaitable[bool]]) -> bool:
    return await check()


def test_a_child_is_ready_when_a_running_process_has_written_its_file(tmp_path: Path) -> None:
    spec = coordinator_child("c", tmp_path, {})
    file = Path(spec.argv[-1])
    assert not ready(spec)
    file.write_text("")
    assert not ready(spec)
    file.write_text(f"{os.getpid()}\n")
    assert ready(spec)


def test_what_a_dead_process_has_written_counts_for_nothing(tmp_path: Path) -> None:
    spec = coordinator_child("c", tmp_path, {})
    script = "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid()))"
    subprocess.run([sys.executable, "-c", script, spec.argv[-1]], check=True)
    assert Path(spec.argv[-1]).exists()
    assert not ready(spec)
