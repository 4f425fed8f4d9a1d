from argosy.console.run_view import RunView, TaskView
from argosy.schemas.watch import StateChanged, TaskProgressed, TextStreamed


def changed(local: str | None, state: str, attempt: int | None = 1) -> StateChanged:
    task_id = None if local is None else f"r/{local}"
    return StateChanged.model_validate({"task_id": task_id, "state": state, "attempt": attempt})


def test_a_task_is_shown_as_last_heard_of_with_the_time_it_ran() -> None:
    view = RunView("r", "doc", tasks={"a": TaskView()})
    assert view.take(changed("a", "running"), now=10.0) == "a: running"
    assert view.tasks["a"].elapsed(12.5) == 2.5
    assert view.take(changed("a", "succeeded"), now=13.0) == "a: succeeded"
    assert (view.tasks["a"].ended, view.tasks["a"].elapsed(99.0)) == (True, 3.0)


def test_a_late_or_repeated_message_changes_nothing_back() -> None:
    view = RunView("r", "doc")
    view.take(changed("a", "running", 2), now=1.0)
    assert view.take(changed("a", "running", 2), now=2.0) is None
    assert view.take(changed("a", "succeeded", 1), now=2.0) is None
    view.take(changed("a", "succeeded", 2), now=3.0)
    assert view.take(changed("a", "running", 3), now=4.0) is None
    assert view.tasks["a"].state == "succeeded"


def test_a_retry_says_its_attempt() -> None:
    view = RunView("r", "doc")
    assert view.take(changed("a", "backing_off", 2), now=1.0) == "a: backing off (attempt 2)"


def test_progress_is_a_line_and_streamed_text_is_none() -> None:
    view = RunView("r", "doc")
    assert view.take(TaskProgressed(task_id="r/a", attempt=1, text="read", done=1, of=2)) == "a: read 1/2"
    assert view.take(TextStreamed(task_id="r/a", attempt=1, ordinal=0, text="x")) is None


def test_the_runs_own_state_is_told_once() -> None:
    view = RunView("r", "doc")
    assert view.take(changed(None, "ended", None)) == "run ended"
    assert view.take(changed(None, "accepted", None)) is None


def test_the_end_of_a_streamed_text_is_shown_and_a_newer_attempt_begins_it_anew() -> None:
    view = RunView("r", "p")
    view.take(TextStreamed(task_id="r/a", attempt=1, ordinal=0, text="old words"))
    assert view.tasks["a"].note == "old words"
    view.take(TextStreamed(task_id="r/a", attempt=2, ordinal=0, text="a new\nline "))
    view.take(TextStreamed(task_id="r/a", attempt=1, ordinal=1, text="late"))
    assert view.tasks["a"].note == "a new line"
    view.take(TextStreamed(task_id="r/a", attempt=2, ordinal=1, text="word " * 100))
    assert len(view.tasks["a"].note) == 60
    assert view.tasks["a"].note.startswith("…")
