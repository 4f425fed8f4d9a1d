"""What the page says of traces and logs is what the code tells."""

import re
from pathlib import Path
from typing import get_args

from argosy.telemetry import dialect, names
from argosy.telemetry.handoffs import HANDOFFS, table

PAGE = (Path(__file__).parents[3] / "docs" / "observability.md").read_text(encoding="utf-8")


def test_the_table_of_handoffs_is_that_of_the_code() -> None:
    assert table() in PAGE


def test_every_handoff_has_a_row() -> None:
    assert set(HANDOFFS) == set(get_args(names.Handoff))


def test_every_span_of_the_names_module_stands_on_the_page() -> None:
    spans = re.findall(r"^\| (`[a-z_]+ <[^`]+`) \|", names.__doc__ or "", re.MULTILINE)
    assert len(spans) == 10
    assert [span for span in spans if f"| {span} |" not in PAGE] == []


def test_every_word_of_the_standard_switch_and_every_kind_of_link_is_explained() -> None:
    words = re.findall(r"^\| (`[a-z_/]+`) \|", dialect.__doc__ or "", re.MULTILINE)
    assert len(words) == 4
    kinds = ("`parent`", "`retry`", "`delivery`", "`replay`", "`message`", "`run`")
    assert [word for word in (*words, *kinds) if f"| {word} |" not in PAGE] == []
