"""The demo's task for the software team, and the script of a model that does it: not at once, and not without faults.

Its first slugs give one anchor twice, which the reviewer sees; its first headings count those in code, which only the
tests see. The replies depend on what is asked alone, so that a repeated call after a death gets the same one.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from argosy.agents.team_work import Part, Plan, Review
from argosy.testing.model_script import Rule, Say, Script

if TYPE_CHECKING:
    from pydantic import JsonValue

GOAL: Final = "Write the four modules of mdtoc as README.md says, so that all tests pass."
REPOSITORY: Final = "mdtoc"
_NAME: Final = re.compile(r"^-- (.+) --\n", re.MULTILINE)
_PARTS: Final = {
    "slugs": "Write slug() and Slugs in mdtoc/slugs.py, without imports of the package.",
    "headings": "Write headings() in mdtoc/headings.py, without imports of the package.",
    "toc": "Write toc() in mdtoc/toc.py with headings() of mdtoc.headings and Slugs().take(title) of mdtoc.slugs.",
    "insert": "Write insert() in mdtoc/insert.py with toc(text) of mdtoc.toc.",
}
_TWICE: Final = (
    "mdtoc/slugs.py: Slugs.take gives two headings of one title the same anchor; README.md wants `-1`."
)


def task_files() -> dict[str, str]:
    """Give the repository as the team finds it: modules that do nothing yet, and tests that fail."""
    return _files("demo_team_task.txt")


def finished_files() -> dict[str, str]:
    """Give the repository as the script leaves it: of each file the last answer."""
    answers = _files("demo_team_answers.txt")
    return task_files() | {name.partition(": ")[2]: text for name, text in answers.items()}


def script() -> Script:
    """Make the model's script."""
    plan = Plan(
        parts=[Part(name=name, files=[f"mdtoc/{name}.py"], task=task) for name, task in _PARTS.items()]
    )
    answers = _files("demo_team_answers.txt")
    coders = [
        Rule(
            name=f"code {name}",
            schema_name="Sources",
            contains=f"\nPart: {name}\n",
            replies=[_sources(answers, name)],
        )
        for name in _PARTS
    ]
    menders = [
        Rule(name=f"mend {number}", schema_name="Sources", contains=f"\nRound {number}. ", replies=[reply])
        for number in (1, 2)
        for reply in [_sources(answers, f"round {number}")]
    ]
    return Script(
        rules=[
            Rule(name="plan", schema_name="Plan", replies=[Say(value=plan.model_dump(mode="json"))]),
            *coders,
            Rule(
                name="review 1",
                schema_name="Review",
                contains="\nRound 1.",
                replies=[_review(Review(approved=False, remarks=[_TWICE]))],
            ),
            Rule(name="review", schema_name="Review", replies=[_review(Review(approved=True))]),
            *menders,
        ]
    )


def _sources(answers: dict[str, str], who: str) -> Say:
    files: list[JsonValue] = [
        {"path": name.removeprefix(f"{who}: "), "text": text}
        for name, text in answers.items()
        if name.startswith(f"{who}: ")
    ]
    return Say(value={"files": files})


def _review(review: Review) -> Say:
    return Say(value=review.model_dump(mode="json"))


def _files(name: str) -> dict[str, str]:
    """Read a text of several files, each below a line with its name."""
    _, *found = _NAME.split(Path(__file__).with_name(name).read_text(encoding="utf-8"))
    return dict(zip(found[::2], found[1::2], strict=True))
