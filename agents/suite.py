"""A tree's tests, run once: the verdict on a tree is kept beside the repository, by the tree's own hash."""

import asyncio
import fcntl
import hashlib
import json
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from argosy.agents.repository import Commit, Repository
from argosy.agents.sandbox import Ran, run_sandboxed
from argosy.schemas.settings import SandboxSettings

_ASK_AGAIN_SECONDS: Final = 0.05
_OF_THE_MACHINE: Final = frozenset((126, 127, 137))
"""Exit codes of a command that couldn't be run, or was killed as by the kernel when memory ends."""


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests of a repository: a command, run in a sandbox in a checkout of its own."""

    repository: Repository
    command: tuple[str, ...]
    sandbox: SandboxSettings

    async def run(self, commit: Commit) -> Ran:
        """Give the verdict on a commit's tree, from before if there is one.

        Two that ask at once for one tree: one runs, the other waits for its verdict. Whoever dies meanwhile leaves
        nothing, and the next one runs. A run that a limit ended, or that couldn't begin, says more of the machine than
        of the tree, and is not kept.
        """
        kept = self._kept(commit.tree)
        async with _alone(kept.with_suffix(".lock")):
            if (found := _read(kept)) is not None:
                return found
            ran = await self._ran(commit)
            await asyncio.to_thread(self._note, commit.tree, ran)
            if ran.ended == "exited" and ran.exit_code not in _OF_THE_MACHINE:
                await asyncio.to_thread(_keep, kept, ran)
            return ran

    async def _ran(self, commit: Commit) -> Ran:
        checkout = self.repository.checkout(commit.commit)
        folder = await asyncio.to_thread(checkout.__enter__)
        try:
            return await run_sandboxed(self.command, folder, self.sandbox, access="copy")
        finally:
            await asyncio.to_thread(checkout.__exit__, None, None, None)

    def runs(self) -> list[str]:
        """Give the tree of each run that came to its end, in their order: what was tested twice is here twice."""
        try:
            return [line.split()[0] for line in self._log().read_text("ascii").splitlines()]
        except FileNotFoundError:
            return []

    def _note(self, tree: str, ran: Ran) -> None:
        with self._log().open("a") as log:
            log.write(f"{tree} {ran.ended} {ran.exit_code}\n")

    def _log(self) -> Path:
        return self.repository.git.folder / "argosy" / "runs.log"

    def _kept(self, tree: str) -> Path:
        what = json.dumps([tree, self.command, self.sandbox.kind])
        name = hashlib.sha256(what.encode()).hexdigest()[:40]
        return self.repository.git.folder / "argosy" / "verdicts" / f"{name}.json"


@asynccontextmanager
async def _alone(file: Path) -> AsyncGenerator[None]:
    """Hold a lock that the kernel takes from the dead, without blocking the event loop."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(_ASK_AGAIN_SECONDS)
        yield


def _read(file: Path) -> Ran | None:
    try:
        return Ran.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None


def _keep(file: Path, ran: Ran) -> None:
    """Write it whole or not at all."""
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as written:
        written.write(ran.model_dump_json())
    Path(written.name).replace(file)
