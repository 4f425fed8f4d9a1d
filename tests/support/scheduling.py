"""How the tests are spread over processes (`pytest -n 4`): most of the long ones wait, and may do so side by side.

Tests that share a module's fleet stay together, in one process; all others go one by one. The long ones go first, so
that none of them is left for the end.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

TOGETHER: Final = ("tests/contract/", "tests/integration/")
"""Folders whose files share what is dear to start."""
FIRST: Final = (
    "tests/integration/fleet/test_kill_matrix.py",
    "tests/integration/console/",
    "tests/integration/",
    "tests/stories/",
    "tests/unit/testing/",
    "tests/contract/",
)
"""What takes longest, by the beginning of its path."""


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Gives out files, or single tests where a file shares nothing."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return path if path.startswith(TOGETHER) else nodeid


def long_first(items: Sequence[pytest.Item], root: Path) -> list[pytest.Item]:
    """Order tests by where they lie; those of one file keep their order."""

    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(root).as_posix()
        return next((number for number, start in enumerate(FIRST) if path.startswith(start)), len(FIRST))

    return sorted(items, key=place)
