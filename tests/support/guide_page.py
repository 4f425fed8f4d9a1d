"""A page of the docs whose examples are one test module, run as a user would run it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).parents[2] / "docs"


class GuidePage:
    """One page, by the name of its file."""

    def __init__(self, name: str) -> None:
        """Read it."""
        self.text = (DOCS / name).read_text(encoding="utf-8")

    def blocks(self, language: str) -> list[str]:
        """Give its examples in a language, in order."""
        return re.findall(rf"^```{language}\n(.*?)^```", self.text, flags=re.DOTALL | re.MULTILINE)

    @property
    def tests(self) -> int:
        """Count the tests that its examples hold."""
        return len(re.findall(r"^(?:async )?def test_", "\n".join(self.blocks("python")), flags=re.MULTILINE))

    def run(self, folder: Path) -> "subprocess.CompletedProcess[str]":
        """Run its examples as one test module; whether they pass is for the caller to say."""
        (folder / "test_page.py").write_text("\n".join(self.blocks("python")), encoding="utf-8")
        (folder / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n", encoding="utf-8")
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
