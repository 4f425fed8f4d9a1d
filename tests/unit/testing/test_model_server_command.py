"""`python -m argosy.testing.model_server` as a process."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from argosy.testing import ScriptedModels

COMMAND = (sys.executable, "-m", "argosy.testing.model_server")
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@contextmanager
def running(*words: str) -> Generator[tuple["subprocess.Popen[str]", str]]:
    process = subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline()
    finally:
        process.kill()
        process.communicate()


def test_it_prints_its_address_plays_its_script_and_ends_at_once_though_an_answer_is_held(
    tmp_path: Path,
) -> None:
    script = tmp_path / "script.toml"
    script.write_text(
        '[[rules]]\nreplies = ["scripted"]\nfaults = [{ kind = "slow_start", seconds = 3600, first = 2 }]\n'
    )
    with (
        running("--json", "--script", str(script)) as (process, line),
        httpx2.Client(trust_env=False) as http,
    ):
        told = json.loads(line)
        assert told["pid"] == process.pid
        url = f"{told['base_url']}/chat/completions"
        answer = http.post(url, json=BODY).json()
        assert answer["choices"][0]["message"]["content"] == "scripted"
        held = threading.Thread(target=lambda: _lost(url))
        held.start()
        while http.get(f"{told['address']}/ledger").json()["totals"]["open"] == 0:
            pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0
        held.join(60)
        assert process.stderr is not None
        assert process.stderr.read() == ""


def _lost(url: str) -> None:
    with httpx2.Client(trust_env=False, timeout=60) as http, pytest.raises(httpx2.TransportError):
        http.post(url, json=BODY)


def test_without_json_it_says_what_to_set() -> None:
    with running() as (process, line):
        assert "a scripted model answers at http://127.0.0.1:" in line
        assert process.stdout is not None
        assert process.stdout.readline().startswith("export OPENAI_BASE_URL=http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0


def test_a_wrong_script_and_a_taken_port_say_what_to_do(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text('{"rules": [{"says": "a"}]}')
    wrong = subprocess.run([*COMMAND, "--script", str(script)], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "rules.0.says: Extra inputs" in wrong.stderr
    with ScriptedModels() as server:
        port = server.address.rpartition(":")[2]
        taken = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, check=False)
    assert taken.returncode == 2
    assert "give another --port" in taken.stderr


def test_the_fixture_starts_servers_that_end_with_the_test(
    model_server: Callable[..., ScriptedModels],
) -> None:
    first, second = model_server(), model_server()
    with httpx2.Client(trust_env=False) as http:
        for server in (first, second):
            assert http.get(f"{server.address}/health").json() == {"status": "ok"}
