"""The pages for operators say what the code does: every cause, every role's topics, every command."""

import re
from pathlib import Path
from typing import get_args

import pytest

from argosy.broker.redis_errors import ACL_RULES
from argosy.broker.topics import TopicNames
from argosy.console.commands import COMMANDS
from argosy.console.why_verdict import Code
from argosy.schemas.settings import Settings

DOCS = Path(__file__).parents[3] / "docs"
RUNNING = (DOCS / "running.md").read_text(encoding="utf-8")
SECURITY = (DOCS / "security.md").read_text(encoding="utf-8")


def test_every_cause_that_why_may_name_is_explained() -> None:
    assert {code for code in get_args(Code) if f"`{code}`" not in RUNNING} == set()


def test_every_topic_of_a_fleet_has_who_reads_and_who_writes_it() -> None:
    names = TopicNames("P")
    table = SECURITY.split("| role |", 1)[1].split("\n\n", 1)[0]
    topics = (
        names.inbox,
        names.runs,
        names.results,
        names.events,
        names.pipelines,
        names.dead,
        names.tasks("A"),
    )
    assert {topic for topic in topics if f"`{topic}`" not in table} == set()
    assert {
        group for group in (names.receivers, names.lanes, names.group("A")) if f"`{group}`" not in table
    } == set()


def test_the_rights_in_redis_are_those_that_are_tried() -> None:
    assert ACL_RULES in SECURITY


@pytest.mark.parametrize("page", [RUNNING, SECURITY])
def test_every_command_and_setting_on_the_page_exists(page: str) -> None:
    commands = set(re.findall(r"(?:^    |`)argosy ([a-z-]+)", page, re.MULTILINE))
    assert commands - set(COMMANDS) == set()
    known = {
        f"ARGOSY_{section.upper()}__{name.upper()}"
        for section, field in Settings.model_fields.items()
        for name in getattr(field.annotation, "model_fields", {})
    }
    assert set(re.findall(r"ARGOSY_\w+__\w+", page)) - known == set()
