"""What a line of `argosy runs list` tells of a run, record by record of the run log."""

from argosy.console.run_list import RunLine, take
from argosy.schemas.chat import Usage
from argosy.schemas.runlog import LogMessage, RunEnded
from support.fold_pipelines import accepted, pipeline, succeeded, task

FIRST = accepted(pipeline(task("a", "input"), task("b", "a"), task("c", "b")))
USED = Usage(input_tokens=9, output_tokens=1)


def line_of(*messages: LogMessage) -> RunLine:
    lines: dict[str, RunLine] = {}
    counted: dict[str, dict[str, set[int]]] = {}
    for second, message in enumerate(messages):
        take(lines, counted, "r", 1_000 * second, message)
    assert not counted or lines["r"].state == "active"
    return lines["r"]


def test_of_a_run_under_way_what_has_settled_so_far_is_counted_once() -> None:
    settled = succeeded("a").model_copy(update={"usage": USED})
    assert (line_of(FIRST).tasks, line_of(FIRST).input_tokens) == (0, 0)
    line = line_of(FIRST, settled, settled, settled.model_copy(update={"attempt": 2}))
    assert (line.state, line.tasks, line.input_tokens, line.output_tokens) == ("active", 1, 18, 2)


def test_of_a_run_that_ended_its_last_record_counts() -> None:
    settled = succeeded("a").model_copy(update={"usage": USED})
    ended = RunEnded(outcome="cancelled", data_hash="0" * 64, tasks=3, usage=Usage(input_tokens=7))
    line = line_of(FIRST, settled, ended, settled)
    assert (line.state, line.seconds, line.tasks, line.input_tokens) == ("cancelled", 2.0, 3, 7)
