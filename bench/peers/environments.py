"""An environment for each peer, made from its lock: hashes for all of it, from the index that pip is set up with."""

import asyncio
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

LOCKS = Path(__file__).parent / "locks"
INSTALL_SECONDS = 600.0
RESTATE_SERVER = "restate-server"
"""The one that npm installs."""


class CannotInstall(Exception):
    """An environment could not be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Environments:
    """Where they lie; one that fits its lock is used again."""

    folder: Path

    def program(self, name: str, program: str) -> str:
        """Give the path of a program of an environment."""
        return str(self.folder / name / "bin" / program)

    async def make(self, name: str) -> None:
        """Make an environment, if it isn't there as its lock has it; `CannotInstall` says why not."""
        if name == RESTATE_SERVER:
            await self._by_npm(name)
        else:
            await self._by_pip(name)

    async def _by_pip(self, name: str) -> None:
        lock, target = LOCKS / f"{name}.lock", self.folder / name
        stamp = target / ".locked"
        if _same(lock, stamp):
            return
        await _run(sys.executable, "-m", "venv", "--clear", str(target))
        pip = (self.program(name, "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
        await _run(*pip, "--only-binary", ":all:", "--require-hashes", "-r", str(lock))
        shutil.copyfile(lock, stamp)

    async def _by_npm(self, name: str) -> None:
        source, target = LOCKS / name, self.folder / name
        stamp, lock = target / ".locked", source / "package-lock.json"
        if _same(lock, stamp):
            return
        if shutil.which("npm") is None:
            raise CannotInstall("there is no npm")
        target.mkdir(parents=True, exist_ok=True)
        for file in source.iterdir():
            shutil.copyfile(file, target / file.name)
        # Without scripts: the one that a dependency brings only tells its maker of the installation.
        await _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(target))
        shutil.copyfile(lock, stamp)


def pinned(name: str) -> dict[str, str]:
    """Give the versions of what an environment was asked for, by its lock."""
    if name == RESTATE_SERVER:
        found = re.findall(
            r'"(@restatedev/restate-server)": "([^"]+)"', (LOCKS / name / "package.json").read_text()
        )
        return dict(found)
    asked = re.findall(r"^[a-z0-9-]+", (LOCKS / f"{name}.in").read_text(), re.MULTILINE)
    locked = dict(
        re.findall(r"^([a-z0-9-]+)(?:\[[^]]*])?==(\S+)", (LOCKS / f"{name}.lock").read_text(), re.MULTILINE)
    )
    return {package: locked[package] for package in asked}


def _same(lock: Path, stamp: Path) -> bool:
    return stamp.exists() and stamp.read_bytes() == lock.read_bytes()


async def _run(*argv: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(INSTALL_SECONDS):
            output, _ = await process.communicate()
    except (TimeoutError, asyncio.CancelledError) as stopped:
        process.kill()
        await process.wait()
        if isinstance(stopped, TimeoutError):
            raise CannotInstall(f"it was not done within {INSTALL_SECONDS:.0f} s") from stopped
        raise
    if process.returncode != 0:
        lines = output.decode(errors="replace").strip().splitlines()
        raise CannotInstall(lines[-1] if lines else f"exit code {process.returncode}")
