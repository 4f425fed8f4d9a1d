"""Does the judge of chaos runs see? A right history of a real fleet, and what it says of each wrong one."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from argosy.broker.log import Partition, Record
from argosy.schemas.codec import Message, decode_body, encode_body
from argosy.schemas.envelope import read_envelope
from argosy.schemas.payload import Inline
from argosy.schemas.reuse import ReplayOf, Reused
from argosy.schemas.runlog import RunAccepted, RunEnded, TaskSettled
from argosy.schemas.task import TaskDispatched
from argosy.testing.chaos_app import work
from argosy.testing.chaos_bounds import Snapshot
from argosy.testing.chaos_judge import Judge
from argosy.testing.outside import Line
from argosy.testing.stage import Stage, agents_of, plain_settings
from argosy.testing.world import World

RUNS = ("r-0", "r-1")
TOPICS = ("runs", "results", "tasks.draft", "tasks.check", "tasks.merge")


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> list[Line]:
    folder = tmp_path_factory.mktemp("effects")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARGOSY_CHAOS_EFFECTS", str(folder))
        return _history()


def _history() -> list[Line]:
    world = World(plain_settings(), seed=1)
    stage = Stage(agents_of((work,)), world)

    async def play() -> None:
        await stage.start(1, {name: [name] for name in stage.agents})
        runs = [await stage.client.submit(work, [1, 2, -3], run_id=run_id) for run_id in RUNS]
        await asyncio.gather(*(run.ended() for run in runs))

    world.loop.run_until_complete(asyncio.wait_for(play(), 600))
    lines = [
        _line(record)
        for topic in TOPICS
        for number in range(world.broker.sizes()[f"{world.names.prefix}.{topic}"])
        for record in world.broker.log(Partition(f"{world.names.prefix}.{topic}", number)).all()
    ]
    world.close()
    return lines


def _line(record: Record) -> Line:
    envelope = read_envelope(record.headers)
    message = decode_body(envelope, record.value)
    return Line(record.topic, record.partition, record.offset, envelope, message, record.value or b"", record)


def _said(lines: Sequence[Line], snapshots: Sequence[Snapshot] = (), *, slow: bool = False) -> str:
    prefix = lines[0].topic.partition(".")[0]
    judge = Judge(prefix, snapshots, own=True)
    for line in lines:
        judge.take(line)
    judge.conclude(RUNS, {}, may_fail=False, slow=slow)
    return "\n".join(text for finding in judge.findings() for text in finding.told)


def _changed(line: Line, message: Message) -> Line:
    body = encode_body(message)
    assert line.record is not None
    return replace(line, message=message, body=body, record=line.record._replace(value=body))


def _where(history: Sequence[Line], kind: type[Message], topic: str, **fields: object) -> int:
    return next(
        place
        for place, line in enumerate(history)
        if isinstance(line.message, kind)
        and f".{topic}" in line.topic
        and line.envelope.subject == "r-0"
        and all(getattr(line.message, name) == value for name, value in fields.items())
    )


def test_a_right_history_has_nothing_to_be_said_of(history: list[Line]) -> None:
    assert _said(history) == ""
    assert sum(isinstance(line.message, TaskSettled) for line in history) == 12


def test_what_came_twice_is_counted_and_is_no_defect(history: list[Line]) -> None:
    settle = history[_where(history, TaskSettled, "runs", task_id="r-0/check")]
    end = history[_where(history, RunEnded, "results")]
    assert _said([*history, end]) == ""
    after = max(
        line.offset for line in history if (line.topic, line.partition) == (settle.topic, settle.partition)
    )
    assert settle.record is not None
    late = replace(settle, offset=after + 1, record=settle.record._replace(offset=after + 1))
    place = next(n for n, line in enumerate(history) if ".results" in line.topic)
    assert _said([*history[:place], late, *history[place:]]) == ""


def test_of_a_slow_fleet_only_what_was_accepted_may_be_under_way_still(history: list[Line]) -> None:
    open_ = [
        line for line in history if line.envelope.subject != "r-0" or not isinstance(line.message, RunEnded)
    ]
    assert "r-0: never ended" in _said(open_)
    assert _said(open_, slow=True) == ""
    assert "r-0: " in _said(_lost(history), slow=True)


def test_an_order_that_answers_what_came_after_the_log_was_read_is_not_judged(history: list[Line]) -> None:
    failed = history[_where(history, TaskSettled, "runs", outcome="failed")]
    read = [
        line
        for line in history
        if ".tasks." in line.topic
        or (line.topic == failed.topic and line.partition == failed.partition and line.offset < failed.offset)
    ]
    assert any(isinstance(line.message, TaskDispatched) and line.message.attempt == 2 for line in read)
    assert "none failed before" not in _said(read, slow=True)


def _lost(history: list[Line]) -> list[Line]:
    return [
        line
        for line in history
        if line.envelope.subject != "r-0" or not isinstance(line.message, RunAccepted | RunEnded)
    ]


def _unanswered(history: list[Line]) -> list[Line]:
    return [line for line in history if line.envelope.subject != "r-0" or ".results" not in line.topic]


def _other_result(history: list[Line]) -> list[Line]:
    end = history[_where(history, RunEnded, "results")]
    assert isinstance(end.message, RunEnded)
    return [*history, _changed(end, end.message.model_copy(update={"tasks": 99}))]


def _other_inputs(history: list[Line]) -> list[Line]:
    order = history[_where(history, TaskDispatched, "tasks.merge")]
    assert isinstance(order.message, TaskDispatched)
    return [*history, _changed(order, order.message.model_copy(update={"inputs": ()}))]


def _other_cause(history: list[Line]) -> list[Line]:
    order = history[_where(history, TaskDispatched, "tasks.merge")]
    return [*history, replace(order, envelope=order.envelope._replace(cause=0))]


def _needless_attempt(history: list[Line]) -> list[Line]:
    order = history[_where(history, TaskDispatched, "tasks.check")]
    assert isinstance(order.message, TaskDispatched)
    return [*history, _changed(order, order.message.model_copy(update={"attempt": 2}))]


def _failed(history: list[Line]) -> list[Line]:
    place = _where(history, RunEnded, "runs")
    end = history[place].message
    assert isinstance(end, RunEnded)
    wrong = _changed(history[place], end.model_copy(update={"outcome": "failed", "result": None}))
    return [*history[:place], wrong, *history[place + 1 :]]


def _swapped_drafts(history: list[Line]) -> list[Line]:
    """Let the values of two shards take effect in each other's place."""
    one, other = (_where(history, TaskSettled, "runs", task_id=f"r-0/draft.{n}") for n in (0, 1))
    first, second = history[one].message, history[other].message
    assert isinstance(first, TaskSettled)
    assert isinstance(second, TaskSettled)
    changed = list(history)
    changed[one] = _changed(history[one], first.model_copy(update={"result": second.result}))
    changed[other] = _changed(history[other], second.model_copy(update={"result": first.result}))
    return changed


def _replayed(history: list[Line], **changes: object) -> list[Line]:
    """Let r-1 say that it takes over from r-0 what that left."""
    there = next(
        at
        for at, line in enumerate(history)
        if isinstance(line.message, RunAccepted) and line.envelope.subject == "r-1"
    )
    accepted = history[there].message
    assert isinstance(accepted, RunAccepted)
    reused = {
        line.message.task_id.partition("/")[2]: Reused(payload=line.message.result)
        for line in history
        if isinstance(line.message, TaskSettled)
        and line.envelope.subject == "r-0"
        and line.message.outcome == "succeeded"
        and not line.message.task_id.endswith("/merge")
    }
    of = ReplayOf(run_id="r-0")
    replay = accepted.model_copy(update={"replay_of": of, "reused": reused | changes})
    return [*history[:there], _changed(history[there], replay), *history[there + 1 :]]


def test_a_replay_that_makes_anew_what_it_took_over_is_seen(history: list[Line]) -> None:
    assert "r-1 made again what it had taken over" in _said(_replayed(history))


def test_a_replay_whose_results_are_not_those_of_the_run_that_it_replays_is_seen(history: list[Line]) -> None:
    other = Reused(payload=Inline(value={"value": "another"}, bytes=20, tokens=5))
    assert "r-1 took over other results than r-0 left" in _said(_replayed(history, check=other))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (_lost, "r-0: acknowledged, and never accepted"),
        (_unanswered, "r-0: it ended, and nobody was answered"),
        (_other_result, "r-0 was answered otherwise than its log ends"),
        (_other_inputs, "r-0/merge was ordered twice, differently"),
        (_other_cause, "r-0/merge was ordered twice, differently"),
        (_needless_attempt, "r-0/check got attempt 2, and none failed before"),
        (_failed, "r-0 ended failed/, not succeeded"),
        (_swapped_drafts, "r-0 says"),
    ],
)
def test_what_is_wrong_is_said(
    history: list[Line], wrong: Callable[[list[Line]], list[Line]], words: str
) -> None:
    assert words in _said(wrong(history))


def test_an_offset_that_passed_an_order_before_it_was_settled_is_seen(history: list[Line]) -> None:
    order = history[_where(history, TaskDispatched, "tasks.merge")]
    settle = history[_where(history, TaskSettled, "runs", task_id="r-0/merge")]
    committed = {(order.topic, order.partition): order.offset + 1}
    ends = {line.partition: 1_000 for line in history}
    assert _said(history, [Snapshot(committed, ends)]) == ""
    early = [Snapshot(committed, {**ends, settle.partition: settle.offset})]
    assert "was committed past r-0/merge" in _said(history, early)
    # The coordinator held it, and sent it again: promise 5 allows that.
    assert order.record is not None
    again = replace(order, offset=order.offset + 100)
    assert "was committed past r-0/merge" not in _said([*history, again], early)
