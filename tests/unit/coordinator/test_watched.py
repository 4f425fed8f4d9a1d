"""What people who watch are told, byte for byte as the model says it."""

from hypothesis import given
from hypothesis import strategies as st

from argosy.coordinator.decision import Changed
from argosy.coordinator.event import Event
from argosy.coordinator.watched import body_of
from argosy.schemas.codec import encode_body
from argosy.schemas.runlog import CancelReceived
from argosy.schemas.watch import StateChanged


@given(
    local=st.sampled_from([None, "step", "step.7", "c/inner~2", "a/p1.0"]),
    agent=st.sampled_from([None, "first", "one_of-many"]),
    attempt=st.none() | st.integers(0, 9),
    state=st.sampled_from(["accepted", "ready", "failed", "ended"]),
    reason=st.text(st.characters(exclude_categories=["Cs"])),
)
def test_a_change_is_told_as_the_model_would_tell_it(
    local: str | None, agent: str | None, attempt: int | None, state: str, reason: str
) -> None:
    change = Changed("ready", local, agent, attempt, reason)
    change.state = state  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    task_id = None if local is None else f"run-1.x/{local}"
    body = StateChanged.model_validate(
        {"task_id": task_id, "agent": agent, "attempt": attempt, "state": state, "reason": reason}
    )
    assert body_of(Event(1, 2, "run-1.x", CancelReceived()), change) == encode_body(body)
