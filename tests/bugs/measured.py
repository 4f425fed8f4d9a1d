"""How long each witness took to see its bug when `make bugs BUGS=--keep` was run last: for the page."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bugs.layers import Layer

_FILE: Final = Path(__file__).with_name("measured.json")
Seconds = Mapping[Layer, float]


def measured() -> Mapping[str, Seconds]:
    """Return seconds by bug and layer."""
    found: dict[str, Seconds] = json.loads(_FILE.read_text(encoding="utf-8"))
    return found


def keep(bug: str, seconds: Seconds) -> None:
    """Write down what was measured of one bug."""
    known = {**(measured() if _FILE.exists() else {}), bug: seconds}
    lines = (f'  "{name}": {json.dumps(known[name])}' for name in sorted(known))
    _FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
