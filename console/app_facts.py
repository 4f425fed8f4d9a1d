"""What `argosy dev` must know of an app: its agents, its pipelines, and the files that it consists of.

A change is looked at in a process of its own first: what can't be imported never reaches a worker.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from argosy.pipelines.discover import discover
from argosy.schemas.errors import Advice, ArgosyError, ConfigurationError
from argosy.schemas.pipeline import CompiledPipeline

IMPORT_SECONDS: Final = 60.0
"""An app that takes longer to import is not looked at any further."""

_TAIL: Final = 2_000


class AppFacts(BaseModel):
    """An app as it can be imported now."""

    model_config = ConfigDict(frozen=True)

    path: str
    """The file or module, without what stands behind a colon."""
    agents: tuple[str, ...]
    pipelines: tuple[str, ...]
    compiled: tuple[CompiledPipeline, ...]
    """The same, as they are published."""
    schedules: tuple[str, ...] = ()
    asks_a_model: bool
    files: tuple[Path, ...]
    """The app's own file first, then the modules beside it that it imports."""

    def in_words(self) -> str:
        """Say in lines for people what of it is at work: its agents, and what the clock runs."""
        clock = f"\nclock   {', '.join(self.schedules)}" if self.schedules else ""
        return f"agents  {', '.join(self.agents)}{clock}"


class _Refusal(BaseModel):
    """An error of ours on its way between the two processes."""

    what: str
    why: str
    do: str


def look(target: str) -> AppFacts:
    """Import an app into this process; ConfigurationError or BuildError if it can't be, or has no agents."""
    found = discover(target)
    if not found.agents:
        raise ConfigurationError(
            f"{target} has no agents", "an app is run agent by agent", "define one with @agent"
        )
    return AppFacts(
        path=found.target,
        agents=tuple(found.agents),
        pipelines=tuple(found.pipelines),
        compiled=tuple(pipeline.compile() for pipeline in found.pipelines.values()),
        schedules=tuple(found.schedules),
        asks_a_model=any(agent.contract.model for agent in found.agents.values()),
        files=tuple(_files(found.target)),
    )


async def look_apart(target: str, environment: Mapping[str, str]) -> AppFacts:
    """Import an app in a new process; ConfigurationError that says what is wrong with it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "argosy.console.app_facts", target),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    try:
        async with asyncio.timeout(IMPORT_SECONDS):
            said, complained = await process.communicate()
    except TimeoutError:
        raise ConfigurationError(
            f"{target} can't be loaded",
            f"its import took more than {IMPORT_SECONDS:g} s",
            "import does no work",
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
    return _read(target, said, complained)


def _read(target: str, said: bytes, complained: bytes) -> AppFacts:
    """Read the last line; what the app itself printed stands before it."""
    line = said.splitlines()[-1] if said.strip() else b""
    try:
        return AppFacts.model_validate_json(line)
    except ValidationError:
        pass
    try:
        refusal = _Refusal.model_validate_json(line)
    except ValidationError:
        tail = complained.decode(errors="replace")[-_TAIL:].strip()
        raise ConfigurationError(
            f"{target} can't be loaded", f"it ended the process that imported it\n{tail}"
        ) from None
    raise ConfigurationError(refusal.what, refusal.why, refusal.do)


def _files(path: str) -> Iterator[Path]:
    """Name the files of loaded modules that lie in the app's folder, which is where Python looks for them."""
    app = Path(path).resolve() if path.endswith(".py") or os.sep in path else None
    folder = app.parent if app is not None else Path.cwd()
    if app is not None:
        yield app
    for name, module in sorted(sys.modules.items()):
        source = getattr(module, "__file__", None)
        if not isinstance(source, str) or name.partition(".")[0] == "argosy":
            continue
        file = Path(source).resolve()
        if file != app and file.is_relative_to(folder) and "site-packages" not in file.parts:
            yield file


def _main() -> None:
    try:
        answer: BaseModel = look(sys.argv[1])
    except ArgosyError as error:
        what = error.what if isinstance(error, Advice) else str(error)
        answer = _Refusal(what=what, why=error.why, do=error.do)
    sys.stdout.write("\n" + json.dumps(answer.model_dump(mode="json")) + "\n")


if __name__ == "__main__":
    _main()
