"""The examples of the page on testing are one test module: it is run as a user would run it."""

import re
import subprocess
import sys
from pathlib import Path

from argosy.testing.model_script import load_script

PAGE = Path(__file__).parents[3] / "docs" / "testing.md"
BLOCKS = re.findall(
    r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
)


def test_the_examples_of_the_page_on_testing_pass(tmp_path: Path) -> None:
    (tmp_path / "test_page.py").write_text("\n".join(BLOCKS), encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n", encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    tests = sum(len(re.findall(r"^(?:async )?def test_", block, flags=re.MULTILINE)) for block in BLOCKS)
    assert f"{tests + 4} passed" in ran.stdout, ran.stdout + ran.stderr


def test_the_script_of_the_page_can_be_played(tmp_path: Path) -> None:
    (block,) = re.findall(
        r"^```toml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    (tmp_path / "script.toml").write_text(block, encoding="utf-8")
    assert load_script(tmp_path / "script.toml").rules[0].name == "research"
