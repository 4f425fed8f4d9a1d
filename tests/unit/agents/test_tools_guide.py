import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


def _program() -> dict[str, Any]:
    text = (ROOT / "docs" / "tools.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    program: dict[str, Any] = {"__name__": "tools_guide"}
    exec("\n".join(blocks), program)  # noqa: S102 - our own page is what is tested
    return program


@pytest.mark.parametrize(
    "name",
    ["test_a_worker_that_dies_after_the_order_goes_on_from_there", "test_what_a_search_found_is_not_mailed"],
)
async def test_the_code_of_the_page_on_tools_runs(name: str) -> None:
    await _program()[name]()


def test_each_option_of_an_mcp_server_stands_on_the_page() -> None:
    page = (ROOT / "docs" / "tools.md").read_text(encoding="utf-8")
    options = [*_program()["mcp"].__annotations__]
    missing = [option for option in options if option not in {"name", "return"} and f"`{option}`" not in page]
    assert missing == []
