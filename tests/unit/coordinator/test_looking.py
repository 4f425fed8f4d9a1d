"""Looks as the lane makes them: lists with holes, items, one payload of a whole list; what can't be looked at."""

import pytest
from pydantic import JsonValue

from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.values import to_manifest, to_payload
from argosy.coordinator.inputs import Entry, Given
from argosy.coordinator.look import Look
from argosy.coordinator.looking import MOST_BYTES, Looking
from argosy.schemas.errors import Refused, Unreachable
from argosy.schemas.facts import ListFact, NoFact, SizeFact, ValueFact, Want
from argosy.schemas.hole import Hole
from argosy.schemas.payload import Inline, Payload, Reference
from argosy.schemas.runlog import TaskSettled
from argosy.schemas.task import HoleInput

EMPTY = Inline(value=[], bytes=2, tokens=0)
HOLE = HoleInput(hole=Hole(task_id="r/m.1", outcome="failed", reason="broke"))


def inline(value: JsonValue) -> Inline:
    return Inline(value=value, bytes=9, tokens=3)


async def look_at(
    *entries: Entry, wants: tuple[Want, ...] = (), whole: bool = False, payloads: MemoryPayloads | None = None
) -> TaskSettled:
    """Look at the list that map `m` made."""
    look = Look("m", Given("m", EMPTY, gathered=entries), wants, whole)
    return await Looking(payloads or MemoryPayloads()).look(look, "r/m")


async def test_conditions_and_lists_are_answered_of_the_whole_list() -> None:
    payloads = MemoryPayloads()
    large = await to_payload(b'{"ok":true,"parts":["p"]}' + b" " * 70_000, len, payloads)
    assert isinstance(large, Reference)
    wants = (
        Want(kind="value", select="[0].ok"),
        Want(kind="list", select="[].parts[]"),
        Want(kind="size", select="[0]"),
    )
    found = await look_at(large, inline({"parts": ["q", "s"]}), wants=wants, payloads=payloads)
    assert (found.task_id, found.outcome, found.attempt) == ("r/m", "succeeded", 1)
    assert found.facts["value:[0].ok"] == ValueFact(kind="value", value=True)
    spread = found.facts["list:[].parts[]"]
    assert isinstance(spread, ListFact)
    assert spread.length == 3
    assert isinstance(found.facts["size:[0]"], SizeFact)
    assert found.result is None


async def test_holes_have_no_fields_and_are_given_with_them_where_they_are_returned() -> None:
    wants = (
        Want(kind="value", select="length([?ok])"),
        Want(kind="value", select="[1]"),
        Want(kind="list", select="[?ok]"),
        Want(kind="list", select="[0:2]"),
    )
    found = await look_at(inline({"ok": True}), HOLE, wants=wants)
    assert found.facts["value:length([?ok])"] == ValueFact(kind="value", value=1)
    assert found.facts["value:[1]"] == ValueFact(kind="value", value=HOLE.hole.model_dump(mode="json"))
    whole = found.facts["list:[?ok]"]
    assert isinstance(whole, ListFact)
    assert whole.length == 1
    part = found.facts["list:[0:2]"]
    assert isinstance(part, NoFact)
    assert part.reason.startswith("its item 1 is a hole")


async def test_one_payload_is_made_of_a_list_that_is_a_value_itself() -> None:
    found = await look_at(inline("a"), HOLE, whole=True)
    assert isinstance(found.result, Inline)
    assert found.result.value == ["a", HOLE.hole.model_dump(mode="json")]


async def test_an_item_is_found_in_its_manifest() -> None:
    payloads = MemoryPayloads()
    manifest = await to_manifest([inline({"ok": 1}), inline({"ok": 2})], payloads)
    look = Look(
        "c.1/input", Given("input", manifest, item=1), (Want(kind="value", select="ok"),), whole=False
    )
    found = await Looking(payloads).look(look, "r/c.1/input")
    assert found.facts["value:ok"] == ValueFact(kind="value", value=2)


GONE = Reference(sha256="ab" * 32, bytes=70_000, tokens=9)


@pytest.mark.parametrize(
    ("entries", "wants", "code"),
    [
        ((GONE,), (), "payload_gone"),
        ((GONE.model_copy(update={"bytes": MOST_BYTES}), GONE), (), "facts_too_large"),
        ((inline("x" * 70_000),), (Want(kind="value"),), "facts_too_large"),
    ],
)
async def test_what_can_not_be_looked_at_is_answered_with_a_fault_for_good(
    entries: tuple[Payload, ...], wants: tuple[Want, ...], code: str
) -> None:
    found = await look_at(*entries, wants=wants)
    assert found.outcome == "failed"
    assert found.fault is not None
    assert (found.fault.code, found.fault.retriable) == (code, False)


async def test_a_payload_store_that_is_away_is_no_answer() -> None:
    payloads = MemoryPayloads()
    large = await to_payload(b'"' + b"x" * 70_000 + b'"', len, payloads)
    payloads.down()
    with pytest.raises(Unreachable):
        await look_at(large, payloads=payloads)
    payloads.up()
    assert (await look_at(large, payloads=payloads)).outcome == "succeeded"


async def test_a_payload_store_that_says_no_is_no_answer_either(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(self: MemoryPayloads, sha256: str) -> bytes:  # noqa: ARG001 - as the real one
        message = "the payload store says no: a right is missing"
        raise Refused(message)

    monkeypatch.setattr(MemoryPayloads, "get", refuse)
    with pytest.raises(Refused):
        await look_at(GONE)


async def test_whatever_else_goes_wrong_is_the_trouble_of_its_run() -> None:
    payloads = MemoryPayloads()
    manifest = await to_manifest([inline(1)], payloads)
    look = Look("c.9/input", Given("input", manifest, item=9), (), whole=False)
    found = await Looking(payloads).look(look, "r/c.9/input")
    assert found.outcome == "failed"
    assert found.fault is not None
    assert "IndexError" in found.fault.message
    assert not found.fault.retriable
