from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.scheduling import long_first


@dataclass
class Item:
    """What is asked of a pytest.Item."""

    path: Path


def test_the_long_ones_go_first_and_a_file_keeps_its_order() -> None:
    paths = [
        "tests/unit/agents/test_a.py",
        "tests/contract/test_kafka.py",
        "tests/integration/fleet/test_kills.py",
        "tests/integration/fleet/test_kill_matrix.py",
        "tests/unit/agents/test_a.py",
    ]
    items: Any = [Item(Path("/repo", path)) for path in paths]
    ordered = long_first(items, Path("/repo"))
    assert [items.index(item) for item in ordered if item is not items[4]] == [3, 2, 1, 0]
    assert ordered[-2:] == [items[0], items[4]]
