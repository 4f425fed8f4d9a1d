"""`argosy dev` while its app is being written: changes come to work, mistakes don't, and no run is lost."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

from argosy import Context, Pipeline, agent
from argosy.client.connection import Argosy
from argosy.client.run import Run
from argosy.console.stack_state import read_state
from argosy.schemas.settings import KafkaSettings, RedisSettings, Settings
from support.oracle import stories, until_quiet
from support.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

APP = '''
import asyncio
from pathlib import Path
from argosy import Context, agent
from words import WORD

@agent(timeout_seconds=100)
async def speak(ctx: Context, gate: str) -> str:
    """Wait for a file, if one is named; answer what a module beside this one says."""
    if gate:
        with Path(f"{gate}.began").open("a") as began:
            began.write(WORD)
        while not Path(gate).exists():
            await asyncio.sleep(0.05)
    return WORD
'''
NAMED = """
from argosy import Pipeline

named = Pipeline("named", takes=str, gives=str)
named.returns(named.step(speak, named.input))
"""
SECOND = """
@agent
async def shout(ctx: Context, gate: str) -> str:
    return WORD.upper()
"""


@agent(timeout_seconds=100)
async def speak(ctx: Context, gate: str) -> str:
    """Stand for the app's agent: only its contract is used here."""
    raise NotImplementedError


@agent
async def shout(ctx: Context, gate: str) -> str:
    """Stand for the app's second agent."""
    raise NotImplementedError


talk = Pipeline("talk", takes=str, gives=str)
talk.returns(talk.step(speak, talk.input))

loud = Pipeline("loud", takes=str, gives=str)
loud.returns(loud.step(shout, loud.input))


@dataclass
class Dev:
    """A running `argosy dev`, the folder of its app, and a client of its fleet."""

    folder: Path
    process: subprocess.Popen[bytes]
    settings: Settings
    client: Argosy

    @property
    def log(self) -> str:
        """All that it has said."""
        return (self.folder / "dev.log").read_text("utf-8")

    def write(self, name: str, text: str) -> int:
        """Save a file as an editor does; return where the log ends now."""
        said = len(self.log)
        new = self.folder / f"{name}~"
        new.write_text(text, encoding="utf-8")
        new.replace(self.folder / name)
        return said

    async def until_said(self, text: str, since: int) -> str:
        """Wait for words in what it says from then on."""

        async def so() -> bool:
            assert self.process.poll() is None, self.log
            return text in self.log[since:]

        await eventually(so, f"{text!r} in {self.log[since:]!r}")
        return self.log[since:]

    async def until_file(self, name: str, text: str = "") -> None:
        """Wait until a file beside the app ends with a text."""
        file = self.folder / name

        async def so() -> bool:
            return file.exists() and file.read_text("utf-8").endswith(text)

        await eventually(so, f"{name} with {text!r}")

    async def answer(self, run: Run[str]) -> str:
        """Wait for a run's result."""
        return await run.result(timeout_seconds=150)

    async def says(self) -> str:
        """What a new run is answered."""
        return await self.answer(await self.client.submit(talk, ""))

    def children(self) -> set[str]:
        """Names of its child processes."""
        state = read_state(self.folder / ".argosy")
        assert state is not None
        return {child.name for child in state.children}


def start(folder: Path) -> subprocess.Popen[bytes]:
    """Start it beside its app."""
    (folder / "app.py").write_text(APP, encoding="utf-8")
    (folder / "words.py").write_text('WORD = "one"\n', encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ARGOSY_")}
    with (folder / "dev.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "argosy", "dev", "app.py", "--dir", ".argosy"],
            cwd=folder,
            env={**kept, "ARGOSY_WORKER__DRAIN_SECONDS": "8"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dev(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Dev]:
    """One for all tests of the module; then Ctrl-C ends it."""
    folder = tmp_path_factory.mktemp("dev")
    process = start(folder)
    try:

        async def up() -> bool:
            log = (folder / "dev.log").read_text("utf-8")
            assert process.poll() is None, log
            return "Ctrl-C stops everything" in log

        await eventually(up, "argosy dev is up", seconds=240)
        state = read_state(folder / ".argosy")
        assert state is not None
        settings = Settings(
            kafka=KafkaSettings(bootstrap_servers=state.bootstrap_servers),
            redis=RedisSettings(url=SecretStr(state.redis_url)),
        )
        async with Argosy.connect(settings) as client:
            yield Dev(folder, process, settings, client)
    finally:
        process.send_signal(signal.SIGINT)
        code = await asyncio.to_thread(process.wait, 60)
    assert code == 130, (folder / "dev.log").read_text("utf-8")


async def test_a_change_of_a_module_beside_the_app_comes_to_work_and_loses_no_run(dev: Dev) -> None:
    assert await dev.says() == "one"
    soon, late = [await dev.client.submit(talk, name) for name in ("soon", "late")]
    for name in ("soon", "late"):
        await dev.until_file(f"{name}.began", "one")
    said = dev.write("words.py", 'WORD = "two"\n')
    await dev.until_said("changed words.py", said)
    (dev.folder / "soon").touch()
    while_it_restarts = await dev.client.submit(talk, "")
    await dev.until_said("ready   speak", said)
    # What could not finish was handed back: the successor began it again, with the new code.
    await dev.until_file("late.began", "two")
    (dev.folder / "late").touch()
    assert await dev.answer(soon) == "one"
    assert await dev.answer(late) == "two"
    assert await dev.answer(while_it_restarts) in {"one", "two"}
    assert await dev.says() == "two"
    await until_quiet(dev.settings)
    told = await stories(dev.settings)
    assert [each.deliveries for each in told[late.run_id].settled] == [1]


async def test_a_broken_file_is_shown_and_the_workers_go_on_until_it_is_mended(dev: Dev) -> None:
    before = await dev.says()
    said = dev.write("words.py", "WORD = \n")
    shown = await dev.until_said("broken", said)
    assert "error: app.py can't be loaded: SyntaxError" in shown
    assert await dev.says() == before
    said = dev.write("app.py", APP.replace("from words import WORD", "from other import WORD"))
    assert "ModuleNotFoundError: No module named 'other'" in await dev.until_said("broken", said)
    assert await dev.says() == before
    # The file that mends it is one that nobody could have watched.
    said = dev.write("other.py", 'WORD = "mended"\n')
    await dev.until_said("ready   speak", said)
    assert await dev.says() == "mended"


async def test_what_has_no_agents_or_ends_its_process_is_a_broken_file_too(dev: Dev) -> None:
    before = await dev.says()
    said = dev.write("app.py", "import os\nprint('almost')\nos._exit(0)\n")
    assert "it ended the process that imported it" in await dev.until_said("broken", said)
    said = dev.write("app.py", "nothing = 1\n")
    assert "error: app.py has no agents" in await dev.until_said("broken", said)
    assert await dev.says() == before


async def test_a_new_agent_gets_a_worker_and_one_that_is_gone_loses_it(dev: Dev) -> None:
    dev.write("words.py", 'WORD = "word"\n')
    said = dev.write("app.py", APP + SECOND)
    assert "new     shout" in await dev.until_said("ready   speak, shout", said)
    assert {"speak", "shout"} <= dev.children()
    assert await dev.answer(await dev.client.submit(loud, "")) == "WORD"
    said = dev.write("app.py", APP)
    assert "gone    shout" in await dev.until_said("ready   speak", said)
    assert "shout" not in dev.children()
    waiting = await dev.client.submit(loud, "")
    assert await dev.says() == "word"
    said = dev.write("app.py", SECOND.join(["from argosy import Context, agent\nWORD = 'back'\n", ""]))
    await dev.until_said("ready   shout", said)
    assert dev.children() & {"speak", "shout"} == {"shout"}
    assert await dev.answer(waiting) == "BACK"
    await until_quiet(dev.settings)


async def test_a_pipeline_that_a_change_adds_is_published_with_it(dev: Dev) -> None:
    dev.write("words.py", 'WORD = "named"\n')
    said = dev.write("app.py", APP + NAMED)
    await dev.until_said("ready   speak", said)
    run = await dev.client.submit("named", "")
    assert await run.result(timeout_seconds=150) == "named"
