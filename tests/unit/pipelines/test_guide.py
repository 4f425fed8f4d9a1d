import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


def test_the_code_of_the_authors_guide_runs() -> None:
    text = (ROOT / "docs" / "pipelines.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) == 11
    program: dict[str, Any] = {"__name__": "guide"}
    exec("\n".join(blocks), program)  # noqa: S102 - our own page is what is tested
    assert program["app"].pipelines.keys() == {"notes", "patching"}


@pytest.mark.parametrize("name", ["hello"])
def test_the_example_compiles(name: str) -> None:
    program: dict[str, Any] = {"__name__": name}
    exec((ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8"), program)  # noqa: S102 - our own file
    assert program[name].compile().name == name
