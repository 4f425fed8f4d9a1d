from argosy.schemas.facts import ListFact, ValueFact, tainted_facts
from argosy.schemas.fault import Fault
from argosy.schemas.hole import Hole
from argosy.schemas.payload import Inline, Reference, tainted
from argosy.schemas.taint import MORE, MOST_MARKS, united
from argosy.schemas.task import HoleInput


def test_marks_are_united_in_order_and_each_once() -> None:
    assert united(("tool:b", "document"), (), ("document", "tool:a")) == ("document", "tool:a", "tool:b")
    assert united() == ()


def test_there_is_a_bound_to_marks_and_what_is_left_out_is_told() -> None:
    many = [f"tool:t{number:03}" for number in range(100)]
    found = united(many)
    assert len(found) == MOST_MARKS
    assert MORE in found
    assert united(found, many) == found
    assert united(("document",), found)[0] == "document"


def test_a_payload_without_taint_is_written_as_ever() -> None:
    assert Inline(value=1, bytes=1, tokens=1).model_dump_json() == '{"value":1,"bytes":1,"tokens":1}'
    assert "taint" not in Reference(sha256="0" * 64, bytes=1, tokens=1).model_dump()


def test_faults_and_holes_without_taint_are_written_as_ever() -> None:
    assert "taint" not in Fault(code="rejected", message="no").model_dump()
    hole = Hole(task_id="r/a", outcome="failed", reason="no")
    assert HoleInput(hole=hole).model_dump() == {"hole": hole.model_dump()}
    given = HoleInput(hole=hole, taint=("document",))
    assert HoleInput.model_validate_json(given.model_dump_json()) == given
    fault = Fault(code="rejected", message="no", taint=("document",))
    assert Fault.model_validate_json(fault.model_dump_json()) == fault


def test_taint_is_added_to_what_there_is() -> None:
    payload = tainted(Inline(value=1, bytes=1, tokens=1), ("tool:a",))
    assert tainted(payload, ("document",)).taint == ("document", "tool:a")
    assert tainted(payload, ()) is payload
    assert Inline.model_validate_json(payload.model_dump_json()) == payload


def test_the_lists_of_facts_are_tainted_and_nothing_else_of_them() -> None:
    value = ValueFact(kind="value", value=1)
    items = ListFact(kind="list", length=0, most_tokens=0, manifest=Inline(value=[], bytes=2, tokens=0))
    found = tainted_facts({"a": value, "b": items}, ("document",))
    assert found["a"] is value
    assert isinstance(found["b"], ListFact)
    assert found["b"].manifest.taint == ("document",)
