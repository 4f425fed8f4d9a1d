"""The examples of the page on testing are one test module: it is run as a user would run it."""

from pathlib import Path

from argosy.testing.model_script import load_script
from support.guide_page import GuidePage

PAGE = GuidePage("testing.md")


def test_the_examples_of_the_page_on_testing_pass(tmp_path: Path) -> None:
    ran = PAGE.run(tmp_path)
    assert f"{PAGE.tests + 4} passed" in ran.stdout, ran.stdout + ran.stderr


def test_the_script_of_the_page_can_be_played(tmp_path: Path) -> None:
    (block,) = PAGE.blocks("toml")
    (tmp_path / "script.toml").write_text(block, encoding="utf-8")
    assert load_script(tmp_path / "script.toml").rules[0].name == "research"
