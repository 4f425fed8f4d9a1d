import json
import subprocess
import sys
from importlib import import_module

import pytest
from typer.core import TyperGroup
from typer.testing import CliRunner

from argosy.console.commands import COMMANDS
from argosy.console.main import build_app


def test_the_help_names_every_command_and_imports_none_of_them() -> None:
    code = (
        "import sys; from argosy.console.main import build_app\n"
        "try: build_app(None)(['--help'])\n"
        "except SystemExit: pass\n"
        "slow = {'aiokafka', 'openai', 'opentelemetry', 'redis', 'obstore', 'pydantic'}\n"
        "print(*sorted(slow & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.split() == []
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("columns", ["80", "200"])
def test_the_help_says_in_each_width_what_typer_would_say(
    columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said() -> list[str]:
        done = CliRunner(env={"COLUMNS": columns}).invoke(build_app(None), ["--help"])
        assert done.exit_code == 0
        return done.output.split()

    ours = said()
    app = build_app(None)
    monkeypatch.setattr(app.info.cls, "format_help", TyperGroup.format_help)
    assert ours == said()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_loads_and_explains_itself(name: str) -> None:
    module, _, attribute = COMMANDS[name].target.partition(":")
    assert getattr(import_module(module), attribute) is not None
    done = CliRunner().invoke(build_app(name), [name, "--help"])
    assert done.exit_code == 0
    assert "--json" in done.output  # the options that every command takes


def test_help_breaks_its_lines_where_the_terminal_ends_and_not_where_a_docstring_does() -> None:
    done = CliRunner(env={"COLUMNS": "80"}).invoke(build_app("demo"), ["demo", "--help"])
    assert "their own and a small local language model" in done.output


def test_a_command_of_a_group_names_the_options_that_every_command_takes() -> None:
    done = CliRunner().invoke(build_app("runs"), ["runs", "list", "--help"])
    assert "--json" in done.output


@pytest.mark.parametrize(
    ("words", "what", "why", "do"),
    [
        (["topics"], "Missing command.", "it has plan, apply", "argosy topics --help"),
        (["config"], "Missing command.", "it has show", "argosy config --help"),
        (["lag", "--zzz"], "No such option: --zzz", "", "argosy lag --help"),
        (["why"], "Missing argument 'RUN'.", "", "argosy why --help"),
    ],
)
def test_who_asks_for_json_is_told_of_a_wrong_command_line_in_json(
    words: list[str], what: str, why: str, do: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "argosy", *words, "--json"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    error = json.loads(done.stderr)["error"]
    assert (error["code"], error["what"], error["why"], error["do"]) == ("usage", what, why, do)


def test_a_group_without_a_command_shows_its_help_and_a_wrong_one_what_it_has() -> None:
    bare = subprocess.run(
        [sys.executable, "-P", "-m", "argosy", "topics"], capture_output=True, text=True, check=False
    )
    assert bare.returncode == 2
    assert "plan" in bare.stdout + bare.stderr
    wrong = subprocess.run(
        [sys.executable, "-P", "-m", "argosy", "topics", "aply"], capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 2
    assert wrong.stderr.splitlines()[1:] == ["  why: it has plan, apply", "  do:  argosy topics --help"]


def test_a_worker_loads_nothing_of_a_coordinator() -> None:
    code = (
        "import sys; import argosy.console.serve, argosy.agents.worker\n"
        "print(*(name for name in sys.modules if name.startswith(('argosy.coordinator', 'argosy.client'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_worker_starts_without_what_draws_and_what_cuts_pages_and_finds_it_later() -> None:
    code = (
        "import sys\n"
        "from argosy.console.main import build_app; build_app('worker')\n"
        "import argosy.agents.worker, argosy.agents.models, argosy.agents.openai_client\n"
        "heavy = {'rich.console', 'rich.traceback', 'pygments', 'markdown_it', 'regex', 'openai', 'mcp', 'ctypes'}\n"
        "heavy |= {'opentelemetry.sdk.metrics', 'google.protobuf', 'greenlet', 'argosy.agents.model'}\n"
        "print(*sorted(heavy & set(sys.modules)))\n"
        "import rich.console, rich.pretty, rich.traceback, opentelemetry.sdk.metrics; print('found')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["found"]
