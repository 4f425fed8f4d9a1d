"""The examples as a reader runs them: the local stack, `argosy dev`, the script; the model is one by script."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

import pytest
from pytest_httpserver import HTTPServer

from argosy.agents.repository import Repository
from argosy.console.demo_team_task import GOAL, script, task_files
from argosy.testing import Rule, ScriptedModels
from support.missing import not_run
from support.model_server import KEY, Script, answer

pytestmark = pytest.mark.timeout(600)

EXAMPLES = Path(__file__).parents[3] / "examples"
ARGOSY = (sys.executable, "-m", "argosy")


def environment(server: HTTPServer) -> dict[str, str]:
    """The usual names only: what a user would set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ARGOSY_", "OPENAI_"))}
    return {**kept, "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.url_for("/v1")}


@contextmanager
def dev(example: str, folder: Path, env: dict[str, str]) -> Generator[None]:
    """Run `argosy dev` until left; then Ctrl-C must leave nothing running."""
    log = folder / "dev.log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            [*ARGOSY, "dev", str(EXAMPLES / example)], cwd=folder, env=env, stdout=output, stderr=output
        )
    try:
        while "Ctrl-C stops everything" not in log.read_text(encoding="utf-8"):
            assert child.poll() is None, log.read_text(encoding="utf-8")
            time.sleep(0.05)  # asked again then, not waited for
        yield
    finally:
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=150) == 130, log.read_text(encoding="utf-8")


def run(folder: Path, env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command beside the stack's folder."""
    return subprocess.run(
        words, cwd=folder, env=env, check=False, capture_output=True, text=True, timeout=240
    )


def test_hello_greets_as_a_script_and_from_the_shell(tmp_path: Path, httpserver: HTTPServer) -> None:
    Script(httpserver, answer("Hello, world!"))
    env = environment(httpserver)
    with dev("hello.py", tmp_path, env):
        script = run(tmp_path, env, sys.executable, str(EXAMPLES / "hello.py"))
        shell = run(
            tmp_path, env, *ARGOSY, "run", "hello", "--app", str(EXAMPLES / "hello.py"), "--input", '"world"'
        )
    assert (script.returncode, script.stdout.strip()) == (0, "Hello, world!"), script.stderr
    assert (shell.returncode, json.loads(shell.stdout)) == (0, "Hello, world!"), shell.stderr


def test_briefing_joins_four_agents_and_its_critique_never_starts_before_its_summary(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    script = Script(httpserver, answer("so it is"))
    env = environment(httpserver)
    (tmp_path / "doc.txt").write_text("Ships carry boxes.", encoding="utf-8")
    (tmp_path / "empty.txt").write_text("", encoding="utf-8")
    with dev("briefing.py", tmp_path, env):
        brief = run(tmp_path, env, sys.executable, str(EXAMPLES / "briefing.py"), "doc.txt")
        run_id = json.loads(run(tmp_path, env, *ARGOSY, "runs", "list", "--json").stdout)["runs"][0]["run_id"]
        shown = json.loads(run(tmp_path, env, *ARGOSY, "runs", "show", run_id, "--json").stdout)
        refused = run(tmp_path, env, sys.executable, str(EXAMPLES / "briefing.py"), "empty.txt")
    assert (brief.returncode, brief.stdout.strip()) == (0, "so it is"), brief.stderr
    assert [(task["task"], task["state"], task["attempts"]) for task in shown["tasks"]] == [
        (name, "succeeded", 1) for name in ("research", "summarise", "criticise", "synthesise")
    ]
    assert "is empty" in refused.stderr
    prompts = [body["messages"][-1]["content"] for body in script.bodies]
    critique = next(number for number, prompt in enumerate(prompts) if "weakness" in prompt)
    assert any("Summarise this" in prompt for prompt in prompts[:critique])
    assert "Facts:\nso it is\n\nSummary:\nso it is\n\nCritique:\nso it is" in prompts[critique + 1]


def shelve(folder: Path, *, empty: int) -> str:
    """Write ten documents, the last so many of them empty; return the folder's name."""
    folder.mkdir()
    for number in range(10):
        text = "Ships carry boxes." if number < 10 - empty else ""
        (folder / f"doc-{number}.txt").write_text(text, encoding="utf-8")
    return folder.name


def test_digest_goes_on_with_nine_of_ten_and_says_what_is_missing(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    Script(httpserver, answer("so it is"))
    env = environment(httpserver)
    script = (sys.executable, str(EXAMPLES / "digest.py"))
    gap, gone = shelve(tmp_path / "ships", empty=1), shelve(tmp_path / "boats", empty=2)
    with dev("digest.py", tmp_path, env):
        checked = run(tmp_path, env, *script, gap)
        run_id = json.loads(run(tmp_path, env, *ARGOSY, "runs", "list", "--json").stdout)["runs"][0]["run_id"]
        shown = json.loads(run(tmp_path, env, *ARGOSY, "runs", "show", run_id, "--json").stdout)
        urgent = run(tmp_path, env, *script, gap, "--urgent")
        failed = run(tmp_path, env, *script, gone)
    lines = checked.stdout.splitlines()
    assert checked.returncode == 0, checked.stderr
    assert lines[0] == "# ships"
    assert lines[1:10] == [f"- doc-{number}: so it is" for number in range(9)]
    assert lines[-2:] == ["A checker says: so it is", "missing: 1, checked: yes"]
    states = {task["task"]: task["state"] for task in shown["tasks"]}
    assert [name for name, state in states.items() if state == "succeeded" and "." not in name] == [
        "draft",
        "check",
        "publish",
    ], states
    assert urgent.stdout.splitlines()[-1] == "missing: 1, checked: no", urgent.stderr
    assert failed.returncode != 0
    assert "is empty" in failed.stderr or "quorum" in failed.stderr, failed.stderr


def test_the_software_team_works_on_a_clone_of_a_folder_and_releases_what_is_green(tmp_path: Path) -> None:
    if which("bwrap") is None:
        not_run("examples/software_team.py", "bubblewrap (bwrap) is not on the PATH")
    made = Repository.made(tmp_path / "there.git", task_files(), "Begin")
    folder = tmp_path / "My library"
    clone = run(tmp_path, dict(os.environ), "git", "clone", "--quiet", str(made.git.folder), str(folder))
    assert clone.returncode == 0, clone.stderr
    played = script()
    note = Rule(contains="release note", replies=["It has tables now."])
    with ScriptedModels(played.model_copy(update={"rules": [note, *played.rules]})) as server:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("ARGOSY_", "OPENAI_"))
        }
        env = {**kept, "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.base_url}
        with dev("software_team.py", tmp_path, env):
            done = run(tmp_path, env, sys.executable, str(EXAMPLES / "software_team.py"), str(folder), GOAL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OK\ntests pass, run in: bubblewrap; rounds: 3\nIt has tables now.\n" in done.stdout
    fetched = run(folder, dict(os.environ), *done.stdout.splitlines()[-1].split())
    assert fetched.returncode == 0, fetched.stderr
    log = run(folder, dict(os.environ), "git", "log", "--format=%an", "FETCH_HEAD")
    assert sorted(set(log.stdout.split())) == ["argosy", "coder", "integrator", "mender"]
