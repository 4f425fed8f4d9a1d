"""What people who watch are told, byte for byte as the model says it."""

from hypothesis import given
from hypothesis import strategies as st

from argosy.broker.log import Outgoing, Record
from argosy.client.links import RunEvent, read_events
from argosy.coordinator.decision import Changed
from argosy.coordinator.event import Event
from argosy.coordinator.watched import MOST_BYTES, Change, body_of, body_together, records_of
from argosy.schemas.codec import encode_body
from argosy.schemas.runlog import CancelReceived
from argosy.schemas.watch import StateChanged, StatesChanged


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


@given(st.lists(st.sampled_from(["accepted", "ready", "failed"]), min_size=2, max_size=5))
def test_changes_told_together_are_as_the_model_would_tell_them(states: list[str]) -> None:
    changes = [StateChanged.model_validate({"task_id": "r/a", "state": state}) for state in states]
    assert body_together([encode_body(each) for each in changes]) == encode_body(
        StatesChanged(changes=changes)
    )


def change(offset: int, local: str, reason: str = "") -> Change:
    return Event(offset, 2, "run-1", CancelReceived()), Changed("ready", local, reason=reason)


def read(records: list[Outgoing]) -> list[RunEvent]:
    return [
        event
        for offset, each in enumerate(records)
        for event in read_events(Record(each.topic, 0, offset, 7, each.key, each.value, each.headers))
    ]


def test_what_changed_in_a_run_within_a_turn_is_one_record_and_is_read_change_by_change() -> None:
    records = list(records_of([change(5, "a"), change(5, "b"), change(6, "c")], "events", "test"))
    assert len(records) == 1
    assert [(each.kind, each.task_id, each.place) for each in read(records)] == [
        ("ready", "run-1/a", (0, 0)),
        ("ready", "run-1/b", (0, 1)),
        ("ready", "run-1/c", (0, 2)),
    ]


def test_one_change_is_a_record_that_earlier_releases_read() -> None:
    (record,) = records_of([change(5, "a")], "events", "test")
    assert ("ce_type", b"argosy.state.changed.v1") in record.headers


def test_very_many_changes_are_more_records_and_all_of_them_are_told() -> None:
    changes = [change(number, f"s.{number}", "x" * 1_000) for number in range(100)]
    records = list(records_of(changes, "events", "test"))
    assert max(len(each.value or b"") for each in records) < MOST_BYTES + 1_000
    assert len(records) == 4
    assert [each.task_id for each in read(records)] == [f"run-1/s.{number}" for number in range(100)]
    assert len({dict(each.headers)["ce_id"] for each in records}) == len(records)
