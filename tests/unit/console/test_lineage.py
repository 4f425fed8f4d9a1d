"""Of whom a task was given what, whatever kind of step it stands in; folded here, without a service."""

import pytest

from argosy.broker.memory_payloads import MemoryPayloads
from argosy.console.blame import blame
from argosy.console.blame_facts import Blame
from argosy.console.lineage import lineage
from argosy.console.run_history import History, Logged, take
from argosy.schemas.envelope import Envelope
from argosy.schemas.facts import Facts, ListFact, SizeFact, ValueFact
from argosy.schemas.payload import Inline, Payload, Reference
from argosy.schemas.runlog import (
    CancelReceived,
    LogMessage,
    RunEnded,
    SignalReceived,
    TaskSettled,
    TimerFired,
)
from support.fold_log import FoldLog
from support.fold_pipelines import (
    accepted,
    failed,
    looped,
    mapped,
    mapped_pipeline,
    pipeline,
    signal,
    succeeded,
    task,
)
from support.fold_plans import a_task, log_of, look_at, of, planning, plans


def inline(value: str) -> Inline:
    return Inline(value=value, bytes=len(value) + 2, tokens=1)


def made(local: str, value: str, attempt: int = 1) -> TaskSettled:
    return succeeded(local, attempt).model_copy(update={"result": inline(value)})


def told(*messages: LogMessage, result: Payload | None = None) -> History:
    history = History("r")
    ended = () if result is None else (RunEnded(outcome="succeeded", data_hash="", result=result),)
    for offset, message in enumerate((*messages, *ended), start=1):
        envelope = Envelope(kind=message.KIND, id=f"{offset}", source="argosy/worker/w", subject="r")
        take(history, Logged(0, offset, 1_000 * offset, envelope, message))
    return history


def sources(history: History) -> dict[str, list[tuple[str, ...]]]:
    return {name: [fed.sources for fed in node.inputs] for name, node in lineage(history).nodes.items()}


def of_log(log: FoldLog) -> History:
    return told(*(event.message for event in log.events))


SPREAD = {
    "list:": ListFact(
        kind="list",
        length=2,
        most_tokens=1,
        manifest=Inline(value=[inline("a").model_dump(), inline("b").model_dump()], bytes=9, tokens=2),
    )
}


def test_a_map_reads_its_list_and_is_read_shard_by_shard() -> None:
    first = accepted(pipeline(mapped("m", "input"), task("z", "m")), rules=2, facts=SPREAD)
    history = told(first, made("m.1", "one"), made("m.0", "one"), made("z", "all"))
    assert sources(history) == {"m.1": [("input",)], "m.0": [("input",)], "z": [("m.0", "m.1")]}


def test_inside_of_a_map_over_a_pipeline_a_task_reads_that_of_its_own_shard() -> None:
    inner = pipeline(task("x", "input"), task("y", "x"))
    first = accepted(pipeline(mapped_pipeline("c", inner, "input"), task("z", "c")), rules=2, facts=SPREAD)
    done = [made(f"c.{shard}/{name}", f"{name}{shard}") for name in "xy" for shard in (1, 0)]
    found = sources(told(first, *done, made("z", "all")))
    assert (found["c.0/x"], found["c.0/y"], found["c.1/y"]) == ([("input",)], [("c.0/x",)], [("c.1/x",)])
    assert found["z"] == [("c.0/y", "c.1/y")]


def test_an_iteration_reads_the_one_before_and_who_reads_the_loop_the_last_one() -> None:
    first = accepted(pipeline(looped("fix", "input"), task("z", "fix")), rules=2)
    going = {"value:@": ValueFact(kind="value", value=False)}
    over = {"value:@": ValueFact(kind="value", value=True)}
    history = told(
        first,
        made("fix~1", "one").model_copy(update={"facts": going}),
        made("fix~2", "two").model_copy(update={"facts": over}),
        made("z", "end"),
    )
    assert sources(history) == {"fix~1": [("input",)], "fix~2": [("fix~1",)], "z": [("fix~2",)]}


def test_the_tasks_of_a_plan_are_given_what_the_planner_wrote_and_what_each_other_gave() -> None:
    log = log_of(planning(), task("z", "q"))
    plans(log, a_task("x", "one"), a_task("w", [of("x"), "and"]))
    log.add(made("q/x", "x"))
    log.add(made("q/w", "w"))
    look_at(log)
    log.add(made("z", "end"))
    found = sources(of_log(log))
    assert (found["q/x"], found["q/w"], found["q/="], found["z"]) == (
        [("q",)],
        [("q/x", "q")],
        [("q/x", "q/w")],
        [("q/=",)],
    )


async def asked(history: History, about: str) -> Blame:
    return await blame(history, MemoryPayloads(), about)


async def test_a_result_that_came_too_late_is_told_with_its_own_hash() -> None:
    first = accepted(pipeline(task("a", "input"), task("z", "a")), rules=2)
    late = made("a", "11 pages", attempt=1)
    history = told(
        first,
        failed("a", retriable=True),
        TimerFired(name="retry:a", armed=2),
        made("a", "12 pages", attempt=2),
        late,
        made("z", "12 pages"),
        result=inline("12 pages"),
    )
    found = await asked(history, "12 pages")
    (guilty,) = found.made_by
    assert guilty.task == "a"
    assert [(each.outcome, each.counted, each.has) for each in guilty.attempts] == [
        ("failed", True, None),
        ("succeeded", True, True),
        ("succeeded", False, False),
    ]
    plain = await asked(history, "")
    assert "attempt 1 gave another result, which did not count" in plain.suspects[0].reasons


@pytest.mark.parametrize("value", ["one", "two"])
async def test_when_an_earlier_attempt_came_late_but_first_the_later_one_does_not_count(value: str) -> None:
    first = accepted(pipeline(task("a", "input"), task("z", "a")), rules=2)
    history = told(
        first,
        failed("a", retriable=True),
        TimerFired(name="retry:a", armed=2),
        made("a", "one", attempt=1),
        made("a", value, attempt=2),
        made("z", "one"),
        result=inline("one"),
    )
    (guilty,) = (await asked(history, "one")).made_by
    assert [(each.offset, each.counted) for each in guilty.attempts] == [(2, True), (4, True), (5, False)]


def test_what_a_task_gave_after_its_run_was_cancelled_is_no_output() -> None:
    first = accepted(pipeline(task("a", "input"), task("z", "a")), rules=2)
    history = told(first, CancelReceived(reason="enough"), made("a", "late"))
    assert [(node.output, node.attempts[0].counted) for node in lineage(history).nodes.values()] == [
        (None, False)
    ]


def test_a_plan_that_was_refused_is_not_what_its_planner_gave() -> None:
    log = log_of(planning(), task("z", "q"))
    plans(log, a_task("x", "one", agent="nobody"))
    log.fire("retry:q")
    plans(log, a_task("x", "one"))
    node = lineage(of_log(log)).nodes["q"]
    assert [each.counted for each in node.attempts] == [True, True]
    assert node.offset == node.attempts[1].offset


async def test_a_signal_that_brought_it_is_to_blame() -> None:
    first = accepted(pipeline(signal("ok"), task("z", "ok", "input")), rules=2)
    sent = SignalReceived(signal_id="s", name="ok", value="by hand")
    looked = succeeded("ok", 1).model_copy(update={"result": inline("by hand"), "facts": {}})
    history = told(first, sent, looked, made("z", "by hand too"), result=inline("by hand too"))
    found = await asked(history, "by hand")
    assert found.recorded == ("signal ok at offset 2",)
    assert [each.task for each in found.made_by] == ["ok"]


async def test_a_part_that_was_not_picked_was_not_given() -> None:
    picks = {"from": "a", "select": "title"}
    first = accepted(pipeline(task("a", "input"), task("z", picks)), rules=2)
    value = Inline(value={"title": "seas", "body": "whales"}, bytes=30, tokens=4)
    a = succeeded("a", facts={"size:title": SizeFact(kind="size", bytes=6, tokens=1)})
    history = told(
        first, a.model_copy(update={"result": value}), made("z", "on seas"), result=inline("on seas")
    )
    found = await asked(history, "whales")
    assert (found.verdict, [each.task for each in found.made_by]) == ("lost", ["a"])
    assert [(each.task.task, each.how) for each in found.lost] == [("z", "not_given")]


async def test_a_part_that_the_run_does_not_return_is_told() -> None:
    first = accepted(pipeline(task("a", "input"), returns={"from": "a", "select": "title"}), rules=2)
    value = Inline(value={"title": "seas", "body": "whales"}, bytes=30, tokens=4)
    facts: Facts = {
        "value:title": ValueFact(kind="value", value="seas"),
        "size:title": SizeFact(kind="size", bytes=6, tokens=1),
    }
    a = succeeded("a", facts=facts).model_copy(update={"result": value})
    found = await asked(told(first, a, result=inline("seas")), "whales")
    assert (found.verdict, [each.task for each in found.made_by]) == ("lost", ["a"])
    assert found.notes == ["the run returns only the part title of what has it"]
    assert (await asked(told(first, a, result=inline("seas")), "seas")).verdict == "made"


async def test_a_value_that_is_gone_is_told() -> None:
    first = accepted(pipeline(task("a", "input"), task("z", "a")), rules=2)
    gone = Reference(sha256="0" * 64, bytes=70_000, tokens=9)
    a = succeeded("a").model_copy(update={"result": gone})
    found = await asked(told(first, a, made("z", "whales"), result=inline("whales")), "whales")
    assert found.gone == ("0" * 64,)
    assert [each.task for each in found.made_by] == ["z"]


async def test_figures_are_held_against_nobody_whose_input_can_no_longer_be_read() -> None:
    first = accepted(pipeline(task("a", "input"), task("z", "a")), rules=2)
    gone = Reference(sha256="0" * 64, bytes=70_000, tokens=9)
    large = Reference(sha256="1" * 64, bytes=70_000_000, tokens=9)
    for given in (gone, large):
        a = succeeded("a").model_copy(update={"result": given})
        history = told(first, a, made("z", "301 steps"), result=inline("301 steps"))
        assert [each for each in (await asked(history, "")).suspects if each.task.task == "z"] == []


async def test_a_run_that_failed_begins_with_the_task_that_it_failed_by() -> None:
    first = accepted(pipeline(task("a", "input"), task("z", "a"), agents=None), rules=2)
    broken = failed("a", retriable=False)
    assert broken.fault is not None
    history = told(first, broken)
    ended = RunEnded(outcome="failed", data_hash="", fault=broken.fault.model_copy(update={"task_id": "r/a"}))
    envelope = Envelope(kind=ended.KIND, id="9", source="argosy/coordinator", subject="r")
    take(history, Logged(0, 9, 9_000, envelope, ended))
    found = await asked(history, "")
    assert found.suspects[0].task.task == "a"
    assert found.suspects[0].reasons[0].startswith("the run failed by it")
