"""The examples of the page on kinds of steps are one test module: it is run as a user would run it."""

from pathlib import Path

from support.guide_page import GuidePage

PAGE = GuidePage("steps.md")


def test_the_examples_of_the_page_on_steps_pass(tmp_path: Path) -> None:
    assert PAGE.tests
    ran = PAGE.run(tmp_path)
    assert f"{PAGE.tests} passed" in ran.stdout, ran.stdout + ran.stderr
