"""The text of views: what was written once is written the same again, and reads as it was."""

from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from argosy.coordinator.held import Held
from argosy.coordinator.kept import Cause, StepState
from argosy.coordinator.view_text import read_step, view_text
from argosy.schemas.fault import Fault

CAUSE = Cause(local="a", outcome="failed", fault=Fault(code="unknown", message="", figures={"tokens": 1}))
SMALL = st.integers(0, 2)


@given(
    st.builds(
        StepState,
        letter=st.sampled_from("wrkfsxe"),
        **{field.name: SMALL for field in fields(StepState) if field.type is int},
        late=st.booleans(),
        looking=st.booleans(),
        absent=st.sampled_from([(), ("a",), ("a", "b")]),
        due_ms=st.none() | SMALL,
        first=st.sampled_from([None, CAUSE]),
        cause=st.sampled_from([None, CAUSE]),
    )
)
def test_a_step_is_written_as_its_type_says_however_often_the_like_of_it_was_met(step: StepState) -> None:
    text = view_text(step, Held())
    assert text == TypeAdapter(StepState).dump_json(step, exclude_defaults=True)
    assert read_step(text) == step
