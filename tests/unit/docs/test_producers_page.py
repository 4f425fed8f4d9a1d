"""The page for producers says what the code reads, and every snippet sends it."""

import re
from pathlib import Path

import pytest

import argosy
from argosy.schemas.envelope import Envelope
from argosy.schemas.inbox import CancelRequested, RunSubmitted
from argosy.schemas.result import SubmitRefused
from argosy.schemas.runlog import RunEnded

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "producers.md").read_text(encoding="utf-8")
SNIPPETS = sorted(
    file
    for file in (ROOT / "examples" / "producers").rglob("*")
    if file.suffix in {".py", ".sh", ".go", ".java", ".mjs"} and "node_modules" not in file.parts
)


def type_of(kind: str) -> str:
    return dict(Envelope(kind, "1", "s").headers())["ce_type"].decode()


def rows_under(header: str) -> list[str]:
    """First column of the table with that header."""
    lines = PAGE.split(f"| {header} |", 1)[1].splitlines()[2:]
    rows: list[str] = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows += re.findall(r"`([\w-]+)`", line.split("|")[1])
    return rows


def test_its_headers_are_those_of_the_envelope() -> None:
    whole = Envelope("run.submitted", "1", "s", "r", 1, traceparent="x", tracestate="y")
    assert sorted(rows_under("header")) == sorted(name for name, _ in whole.headers())


def test_its_fields_are_those_of_a_submit() -> None:
    assert set(rows_under("field")) == set(RunSubmitted.model_fields)


def test_it_names_every_reason_of_a_refusal_and_every_type() -> None:
    reasons = SubmitRefused.model_json_schema()["properties"]["reason"]["enum"]
    assert {reason for reason in reasons if f"`{reason}`" not in PAGE} == set()
    for model in (RunSubmitted, CancelRequested, RunEnded, SubmitRefused):
        assert f"`{type_of(model.KIND)}`" in PAGE


def test_every_error_that_it_tells_to_catch_is_a_public_name() -> None:
    table = PAGE.split("| error | raised by | when |", 1)[1].split("\n\n", 1)[0]
    named = {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert {"RunFailed", "RunRefused", "ResultTimeout"} <= named
    for name in named:
        assert issubclass(getattr(argosy, name), argosy.ArgosyError)
    assert named - set(argosy.__all__) == set()


def test_every_snippet_is_listed() -> None:
    listed = re.findall(r"\]\(\.\./examples/producers/([\w./]+)\)", PAGE)
    assert sorted(listed) == sorted(
        str(file.relative_to(ROOT / "examples" / "producers")) for file in SNIPPETS
    )


@pytest.mark.parametrize("file", SNIPPETS, ids=lambda file: file.name)
def test_each_snippet_sends_the_headers_and_reads_both_answers(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for name in ("ce_specversion", "ce_type", "ce_id", "ce_source", "ce_subject", "content-type"):
        assert name in text, name
    assert type_of(RunSubmitted.KIND) in text
    if file.suffix != ".sh":  # the shell prints whatever the answer is
        assert type_of(RunEnded.KIND) in text
        assert type_of(SubmitRefused.KIND) in text
