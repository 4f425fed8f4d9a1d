import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from argosy.pipelines.discover import discover
from argosy.schemas.errors import BuildError, ConfigurationError

APP = """
from argosy import App, Context, Pipeline, agent

@agent
async def greet(ctx: Context, name: str) -> str:
    return name

@agent(name="part-two")
async def second(ctx: Context, name: str) -> str:
    return name

@agent
async def alone(ctx: Context, name: str) -> str:
    return name

hello = Pipeline("hello", takes=str, gives=str)
hello.returns(hello.step(second, hello.step(greet, hello.input)))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_a_file_offers_its_pipelines_and_all_agents(folder: Path) -> None:
    (folder / "shop_a.py").write_text(APP)
    found = discover("shop_a.py")
    assert list(found.pipelines) == ["hello"]
    assert sorted(found.agents) == ["alone", "greet", "part-two"]
    assert list(found.only(["greet"]).agents) == ["greet"]


def test_a_dotted_name_is_taken_from_the_current_folder(folder: Path) -> None:
    (folder / "shop_b").mkdir()
    (folder / "shop_b" / "fleet.py").write_text(APP)
    assert list(discover("shop_b.fleet").pipelines) == ["hello"]


def test_a_file_and_its_module_are_the_same(folder: Path) -> None:
    (folder / "shop_c.py").write_text(APP)
    (folder / "shop_d.py").write_text("from shop_c import hello")
    once, again = discover("shop_c.py"), discover(str(folder / "shop_c.py"))
    assert once.pipelines["hello"] is again.pipelines["hello"]
    assert discover("shop_d.py").pipelines["hello"] is once.pipelines["hello"]


def test_a_file_may_have_the_name_of_a_module_that_is_loaded(folder: Path) -> None:
    (folder / "json.py").write_text(APP)
    import json  # noqa: PLC0415 - the one that the file must not replace

    assert list(discover("./json.py").pipelines) == ["hello"]
    assert sys.modules["json"] is json


def test_what_is_behind_the_colon_is_an_attribute_else_a_name(folder: Path) -> None:
    (folder / "shop_e.py").write_text(APP)
    assert list(discover("shop_e.py:second").agents) == ["part-two"]
    assert list(discover("shop_e.py:part-two").agents) == ["part-two"]
    assert sorted(discover("shop_e.py:hello").agents) == ["greet", "part-two"]
    with pytest.raises(ConfigurationError, match=re.escape("no agent 'nobody' in shop_e.py")):
        discover("shop_e.py:nobody")


def test_an_app_says_all_that_a_module_offers(folder: Path) -> None:
    (folder / "shop_f.py").write_text(APP + "\napp = App(pipelines=[hello])\n")
    found = discover("shop_f")
    assert sorted(found.agents) == ["greet", "part-two"]
    (folder / "shop_g.py").write_text(APP + "\na = App(pipelines=[hello])\nb = App(agents=[alone])\n")
    with pytest.raises(ConfigurationError, match="shop_g holds 2 Apps"):
        discover("shop_g")
    (folder / "shop_h.py").write_text(APP + "\napp = App(agents=[alone])\n")
    assert list(discover("shop_h:app").agents) == ["alone"]


def test_two_agents_of_one_name_are_refused(folder: Path) -> None:
    other = (
        APP + '\n@agent(name="greet")\nasync def other(ctx: Context, name: str) -> str:\n    return name\n'
    )
    (folder / "shop_i.py").write_text(other)
    with pytest.raises(BuildError, match="two agents named 'greet'"):
        discover("shop_i.py")


def test_two_pipelines_of_one_name_are_refused(folder: Path) -> None:
    other = APP + '\nother = Pipeline("hello", takes=str, gives=str)\n'
    (folder / "shop_j.py").write_text(other)
    with pytest.raises(BuildError, match="two pipelines named 'hello'"):
        discover("shop_j.py")


def test_what_cannot_be_loaded_says_why(folder: Path) -> None:
    (folder / "shop_k.py").write_text("import no_such_thing_at_all\n")
    (folder / "shop_l.py").write_text("1 / 0\n")
    (folder / "shop_m.py").write_text('from argosy import Pipeline\nPipeline("No", takes=str, gives=str)\n')
    with pytest.raises(ConfigurationError, match=re.escape("no file nowhere.py")):
        discover("nowhere.py")
    with pytest.raises(ConfigurationError, match=re.escape("no module 'nowhere.fleet'")):
        discover("nowhere.fleet")
    with pytest.raises(
        ConfigurationError, match="ModuleNotFoundError: No module named 'no_such_thing_at_all'"
    ):
        discover("shop_k")
    with pytest.raises(ConfigurationError, match="ZeroDivisionError"):
        discover("shop_l.py")
    assert "shop_l" not in sys.modules
    with pytest.raises(BuildError, match="a pipeline named 'No'"):
        discover("shop_m.py")
