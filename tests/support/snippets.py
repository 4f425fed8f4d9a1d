"""The tools that the snippets of other languages need. One that isn't here is said aloud: never a silent skip."""

import os
import subprocess
from pathlib import Path
from shutil import which
from typing import Final

from support.missing import not_run

FOLDER: Final = Path(__file__).parents[2] / "examples" / "producers"


def kcat() -> list[str]:
    """Return the command of the kcat snippet."""
    missing = [name for name in ("kcat", "jq", "bash") if which(name) is None]
    if missing:
        not_run("kcat.sh", f"{', '.join(missing)} is not installed (Debian: apt-get install kcat jq)")
    return ["bash", str(FOLDER / "kcat.sh")]


def go(folder: Path) -> list[str]:
    """Build the Go snippet, from modules that are here already, and return the program."""
    tool = which("go")
    if tool is None:
        not_run("go/main.go", "there is no go (https://go.dev/doc/install)")
        raise AssertionError
    program = folder / "submit"
    offline = {
        **os.environ,
        "GOPROXY": "off",
        "GOFLAGS": "-mod=readonly",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    built = subprocess.run(
        [tool, "build", "-o", str(program), "."],
        cwd=FOLDER / "go",
        env=offline,
        capture_output=True,
        text=True,
        check=False,
    )
    if "module lookup disabled by GOPROXY=off" in built.stderr:
        not_run("go/main.go", "its modules are not downloaded: (cd examples/producers/go && go mod download)")
    if "requires go >=" in built.stderr:
        not_run("go/main.go", built.stderr.strip())
    assert built.returncode == 0, built.stderr
    return [str(program)]
