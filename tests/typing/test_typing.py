"""Both type checkers accept every right use of the author's API and reject exactly the wrong ones."""

import json
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RIGHT, WRONG = HERE / "right_uses.py", HERE / "wrong_uses.py"
MARKED = [
    number
    for number, line in enumerate(WRONG.read_text(encoding="utf-8").splitlines(), start=1)
    if "  # error: " in line
]


def _run(*command: str) -> str:
    # Exit code 1 is what wrong uses give; a crash of the checker shows as output that can't be read.
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def _rejected_by_mypy(cache: Path) -> set[tuple[str, int]]:
    output = _run(
        sys.executable, "-m", "mypy", "--cache-dir", str(cache), "--no-error-summary", str(RIGHT), str(WRONG)
    )
    found = re.findall(r"^.*?([a-z_]+\.py):(\d+): error: ", output, flags=re.MULTILINE)
    return {(name, int(line)) for name, line in found}


def _rejected_by_basedpyright(folder: Path) -> set[tuple[str, int]]:
    # Our own settings leave the wrong uses out, also where they are named on the command line.
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pyright"]
    settings |= {"include": [str(RIGHT), str(WRONG)], "exclude": [], "extraPaths": [str(ROOT)]}
    project = folder / "pyrightconfig.json"
    project.write_text(json.dumps(settings), encoding="utf-8")
    checker = Path(sys.executable).with_name("basedpyright")
    report = json.loads(
        _run(str(checker), "--outputjson", "--pythonpath", sys.executable, "--project", str(project))
    )
    return {
        (Path(found["file"]).name, found["range"]["start"]["line"] + 1)
        for found in report["generalDiagnostics"]
        if found["severity"] == "error"
    }


def test_there_are_wrong_uses_to_reject() -> None:
    assert len(MARKED) > 60


def test_mypy_rejects_exactly_the_marked_lines(tmp_path: Path) -> None:
    assert _rejected_by_mypy(tmp_path) == {(WRONG.name, line) for line in MARKED}


def test_basedpyright_rejects_exactly_the_marked_lines(tmp_path: Path) -> None:
    assert _rejected_by_basedpyright(tmp_path) == {(WRONG.name, line) for line in MARKED}


def test_the_right_uses_can_be_built() -> None:
    built = runpy.run_path(str(RIGHT))
    # Much of that file is there for its types only, and leads nowhere; this part is a whole pipeline.
    assert built["longs"].compile().steps[0].kind == "map"
