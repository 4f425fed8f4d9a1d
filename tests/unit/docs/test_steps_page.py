"""The examples of the page on kinds of steps are one test module: it is run as a user would run it."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "steps.md"
BLOCKS = re.findall(
    r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
)


def test_the_examples_of_the_page_on_steps_pass(tmp_path: Path) -> None:
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
    assert tests
    assert f"{tests} passed" in ran.stdout, ran.stdout + ran.stderr
