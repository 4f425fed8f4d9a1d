"""What is known of an app, by an import in this process and by one apart."""

from pathlib import Path

import pytest

from argosy.console.app_facts import look_apart
from argosy.schemas.errors import ConfigurationError

APP = """
import json
from shop.words import WORD
from argosy import Context, Pipeline, agent

@agent(model="openai:m")
async def speak(ctx: Context, text: str) -> str:
    return WORD

print("an app may print")
talk = Pipeline("talk", takes=str, gives=str)
talk.returns(talk.step(speak, talk.input))
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An app with a package beside it."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text("")
    (tmp_path / "shop" / "words.py").write_text("WORD = 1\n")
    (tmp_path / "unused.py").write_text("")
    file = tmp_path / "app_of_facts.py"
    file.write_text(APP)
    return file


async def test_the_files_of_an_app_are_its_own_and_those_beside_it_that_it_imports(app: Path) -> None:
    facts = await look_apart(str(app), {})
    assert (facts.agents, facts.pipelines, facts.asks_a_model) == (("speak",), ("talk",), True)
    assert [pipeline.agents["speak"].model for pipeline in facts.compiled] == ["openai:m"]
    assert facts.files == (app, app.parent / "shop" / "__init__.py", app.parent / "shop" / "words.py")


async def test_what_the_clock_runs_is_listed_beside_the_agents(app: Path) -> None:
    assert (await look_apart(str(app), {})).in_words() == "agents  speak"
    save(app, f"{APP}\nfrom argosy import Schedule\nnightly = Schedule('nightly', '0 2 * * *', talk, 'x')\n")
    assert (await look_apart(str(app), {})).in_words() == "agents  speak\nclock   nightly"


def save(file: Path, text: str) -> None:
    """Write the app anew."""
    file.write_text(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def\n", "SyntaxError"),
        ("raise SystemExit(3)\n", "it ended the process that imported it"),
        ("import sys\nsys.stdout.close()\n", "can't be loaded"),
        ("x = 1\n", "has no agents"),
        ("from argosy import agent\n@agent\ndef f(ctx): ...\n", "f"),
    ],
)
async def test_what_is_wrong_with_an_app_is_said(app: Path, text: str, said: str) -> None:
    save(app, text)
    with pytest.raises(ConfigurationError) as raised:
        await look_apart(str(app), {})
    assert said in str(raised.value)
