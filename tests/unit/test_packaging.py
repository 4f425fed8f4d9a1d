"""The rooms, their links and every list that names them agree."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import argosy

ROOT = Path(__file__).parents[2]
ROOMS = {file.parent.name for file in ROOT.glob("*/__init__.py")} - {"argosy"}
TOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]


def test_each_room_has_one_relative_link_in_argosy() -> None:
    links = {path.name: path.readlink() for path in (ROOT / "argosy").iterdir() if path.is_symlink()}
    assert links == {room: Path("..", room) for room in ROOMS}


def test_every_list_names_every_room() -> None:
    assert TOOLS["setuptools"]["package-dir"] == {"argosy": "argosy"} | {f"argosy.{r}": r for r in ROOMS}
    assert set(TOOLS["setuptools"]["packages"]) == set(TOOLS["setuptools"]["package-dir"])
    assert set(TOOLS["pyright"]["include"]) == {"argosy", "tests"} | {f"argosy/{r}" for r in ROOMS}
    assert set(TOOLS["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]) == ROOMS


def test_the_wheel_ships_every_file_of_every_room(tmp_path: Path) -> None:
    # From a clean copy: an old *.egg-info/SOURCES.txt fills a gap in package-data, an old build/ adds ghosts.
    stale = shutil.ignore_patterns(".*", "*.egg-info", "build", "dist", "__pycache__")
    source = shutil.copytree(ROOT, tmp_path / "source", symlinks=True, ignore=stale)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    files = [
        file.relative_to(source) for room in ROOMS for file in (source / room).rglob("*") if file.is_file()
    ]
    ours = {f"argosy/{file.as_posix()}" for file in files}
    assert shipped == ours | {"argosy/__init__.py", "argosy/__main__.py", "argosy/py.typed"}


def test_importing_argosy_loads_no_room() -> None:
    code = "import argosy, sys; print(*(m for m in sys.modules if m.startswith('argosy.')))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


def test_the_facade_maps_exactly_its_public_names() -> None:
    assert sorted(vars(argosy)["_ROOM_OF"]) == sorted(argosy.__all__)


@pytest.mark.parametrize("name", argosy.__all__)
def test_every_public_name_loads_from_its_room(name: str) -> None:
    assert getattr(argosy, name).__module__ == vars(argosy)["_ROOM_OF"][name]
