"""A run's tree, holes and story from a log that is folded here, without a service."""

from typing import TYPE_CHECKING

from argosy.broker.log import Outgoing
from argosy.broker.memory_broker import MemoryBroker
from argosy.broker.memory_kafka import MemoryKafka
from argosy.broker.topics import TopicNames
from argosy.console.dag import branches, in_words, named_steps
from argosy.console.moments import length
from argosy.console.run_history import History, Logged, scan_lane, take
from argosy.console.run_story import story
from argosy.console.run_tree import holes, tree
from argosy.console.task_table import rows
from argosy.console.why_kafka import agent_of
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.pipeline import Pipeline
from argosy.schemas.chat import Usage
from argosy.schemas.envelope import Envelope
from argosy.schemas.facts import ListFact
from argosy.schemas.fault import Fault
from argosy.schemas.hole import Hole
from argosy.schemas.ids import TaskId
from argosy.schemas.payload import Inline
from argosy.schemas.runlog import LogMessage, RunAccepted, TaskSettled
from argosy.schemas.settings import Settings

if TYPE_CHECKING:
    from pydantic import JsonValue


@agent
async def first(ctx: Context, text: str) -> str:  # noqa: ARG001
    return text


@agent
async def second(ctx: Context, text: str) -> str:  # noqa: ARG001
    return text


@agent
async def last(ctx: Context, one: str, two: str | Hole) -> str:  # noqa: ARG001
    return one


shape = Pipeline("shape", takes=str, gives=str)
shape.returns(shape.step(last, shape.step(first, shape.input), shape.step(second, shape.input).or_hole()))


inner = Pipeline("inner", takes=str, gives=str)
inner.returns(inner.step(second, inner.step(first, inner.input)))
outer = Pipeline("outer", takes=str, gives=str)
outer.returns(outer.step(first, outer.step(inner, outer.input, name="child"), name="after"))


def test_the_steps_of_a_child_pipeline_stand_under_the_step_that_runs_it() -> None:
    drawn = [(branch.name, branch.lead) for branch in branches(outer.compile())]
    assert drawn == [
        ("child", "└─ "),
        ("child/first", "   │  └─ "),
        ("child/second", "   │     └─ "),
        ("after", "   └─ "),
    ]
    named = {each.name: (each.parents, each.owner) for each in named_steps(outer.compile())}
    assert named["child/second"] == (("child/first",), "child")
    assert named["after"] == (("child",), None)


each = Pipeline("each", takes=list[str], gives=list[str])
each.returns(each.map(inner, over=each.input, name="c", max_parallel=2))


def test_the_steps_of_a_map_over_a_pipeline_stand_once_with_their_tasks_summed_up() -> None:
    manifest: list[JsonValue] = [Inline(value=text, bytes=3, tokens=1).model_dump() for text in "abc"]
    spread = ListFact(
        kind="list", length=3, most_tokens=1, manifest=Inline(value=manifest, bytes=9, tokens=3)
    )
    accepted = ACCEPTED.model_copy(update={"pipeline": each.compile(), "facts": {"list:": spread}})
    found = logged(
        accepted,
        DONE.model_copy(update={"task_id": TaskId("r/c.0/first")}),
        DONE.model_copy(update={"task_id": TaskId("r/c.0/second")}),
        DONE.model_copy(update={"task_id": TaskId("r/c.1/first")}),
    )
    assert [line.rstrip() for line in tree(found, now_ms=40_000).splitlines()[2:]] == [
        "└─ c  pipeline inner  running  3 shards: 1 succeeded, 2 running",
        "      └─ c.*/first  first  3 tasks: 2 succeeded, 1 out  tokens 240 in, 60 out",
        "         │  c.2/first  first  out  for 28 s",
        "         └─ c.*/second  second  2 tasks: 1 succeeded, 1 out  tokens 120 in, 30 out",
        "               c.1/second  second  out  for 27 s",
    ]
    assert agent_of(found, "c.1/second") == "second"


def test_a_hole_inside_a_shard_is_shown_with_its_shard() -> None:
    many = Pipeline("many", takes=list[str], gives=list[str])
    many.returns(many.map(shape, over=many.input, name="c"))
    manifest: list[JsonValue] = [Inline(value="a", bytes=3, tokens=1).model_dump()]
    spread = ListFact(
        kind="list", length=1, most_tokens=1, manifest=Inline(value=manifest, bytes=9, tokens=1)
    )
    accepted = ACCEPTED.model_copy(update={"pipeline": many.compile(), "facts": {"list:": spread}})
    found = logged(accepted, LOST.model_copy(update={"task_id": TaskId("r/c.0/second")}))
    assert [(hole.step, hole.source, hole.outcome) for hole in holes(found)] == [
        ("c.0/last", "c.0/second", "failed")
    ]
    assert "hole: c.0/second failed: no use" in tree(found, now_ms=40_000)


def logged(*messages: LogMessage) -> History:
    found = History("r")
    for offset, message in enumerate(messages, 10):
        envelope = Envelope(
            kind=message.KIND, id=str(offset), source="argosy/worker/h-1", subject="r", cause=offset - 1
        )
        take(found, Logged(0, offset, 1_000 * offset, envelope, message))
    return found


ACCEPTED = RunAccepted(
    rules=1,
    pipeline=shape.compile(),
    input=Inline(value="x", bytes=3, tokens=1),
    data_hash="h",
    position="0/7",
    submitted_ms=0,
    deadline_ms=900_000,
    longest_and_window_ms=1_000_000,
)
DONE = TaskSettled(
    task_id=TaskId("r/first"),
    attempt=1,
    outcome="succeeded",
    result=Inline(value="y", bytes=3, tokens=1),
    usage=Usage(input_tokens=120, output_tokens=30),
    worker="h-1",
    duration_ms=2_300,
)
LOST = TaskSettled(
    task_id=TaskId("r/second"), attempt=1, outcome="failed", fault=Fault(code="rejected", message="no use")
)


def test_a_tree_tells_state_time_tokens_and_who_worked() -> None:
    said = tree(logged(ACCEPTED, DONE), now_ms=40_000)
    assert said.splitlines()[0] == "r  shape@1  active  30 s  tokens 120 in, 30 out"
    (line,) = [line for line in said.splitlines() if "first  first" in line]
    assert "succeeded  2.3 s  tokens 120 in, 30 out  by h-1" in line
    (line,) = [line for line in said.splitlines() if "second  second" in line]
    assert "out  for 30 s" in line


def test_a_tree_tells_whose_words_results_may_hold() -> None:
    found = logged(
        ACCEPTED.model_copy(update={"input": Inline(value="x", bytes=3, tokens=1, taint=("document",))}),
        DONE.model_copy(
            update={"result": Inline(value="y", bytes=3, tokens=1, taint=("document", "tool:look"))}
        ),
    )
    said = tree(found, now_ms=40_000)
    assert said.splitlines()[2] == "input tainted by document"
    (line,) = [line for line in said.splitlines() if "first  first" in line]
    assert "tainted by document, tool:look" in line
    assert [row.taint for row in rows(found)] == [("document", "tool:look"), (), ()]


def test_a_map_tells_the_deliveries_and_the_taint_of_its_shards() -> None:
    spread_out = Pipeline("spread_out", takes=list[str], gives=list[str])
    spread_out.returns(spread_out.map(first, over=spread_out.input, name="m"))
    manifest: list[JsonValue] = [Inline(value=text, bytes=3, tokens=1).model_dump() for text in "ab"]
    spread = ListFact(
        kind="list", length=2, most_tokens=1, manifest=Inline(value=manifest, bytes=9, tokens=2)
    )
    accepted = ACCEPTED.model_copy(update={"pipeline": spread_out.compile(), "facts": {"list:": spread}})
    marked = Inline(value="y", bytes=3, tokens=1, taint=("tool:look",))
    found = logged(
        accepted,
        DONE.model_copy(update={"task_id": TaskId("r/m.0"), "deliveries": 3}),
        DONE.model_copy(update={"task_id": TaskId("r/m.1"), "deliveries": 1, "result": marked}),
    )
    said = tree(found, now_ms=40_000)
    assert "2 shards: 2 succeeded  4 deliveries  tokens 240 in, 60 out  tainted by tool:look" in said


def test_a_step_that_goes_on_without_a_parent_shows_the_hole() -> None:
    found = logged(ACCEPTED, DONE, LOST)
    assert [(hole.step, hole.source, hole.outcome, hole.reason) for hole in holes(found)] == [
        ("last", "second", "failed", "no use")
    ]
    assert "hole: second failed: no use" in tree(found, now_ms=40_000)


def test_a_story_is_told_by_offset_with_causes_and_says_what_changed_nothing() -> None:
    told = story(logged(ACCEPTED, DONE, DONE))
    assert [(each.offset, each.cause, each.kind, each.effect) for each in told] == [
        (10, 9, "run.accepted", True),
        (11, 10, "task.settled", True),
        (12, 11, "task.settled", False),
    ]
    assert told[1].what == "attempt 1 succeeded in 2.3 s, tokens 120 in, 30 out"


def test_a_look_is_told_as_one() -> None:
    part = Pipeline("part", takes=list[str], gives=str)
    part.returns(part.map(first, over=part.input, name="m").pick(lambda found: found[0]))
    accepted = ACCEPTED.model_copy(
        update={
            "pipeline": part.compile(),
            "facts": {
                "list:": ListFact(
                    kind="list", length=0, most_tokens=0, manifest=Inline(value=[], bytes=2, tokens=0)
                )
            },
        }
    )
    look = TaskSettled(task_id=TaskId("r/m"), attempt=1, outcome="succeeded", facts={})
    assert story(logged(accepted, look))[1].what == "looked at by the coordinator, 0 facts"


def test_a_log_that_can_not_be_folded_is_still_told() -> None:
    found = logged(ACCEPTED.model_copy(update={"rules": 99}), DONE)
    assert found.broken.startswith("at offset 10: NewerVersion")
    assert len(story(found)) == 2


async def test_what_a_newer_release_wrote_is_passed_over_in_a_lanes_history() -> None:
    settings, cluster = Settings(), MemoryKafka(MemoryBroker())
    names = TopicNames(settings.kafka.topic_prefix)
    cluster.broker.create(names.runs, 1)
    producer = await cluster.producer()
    cancel = Envelope("cancel.received", "1", "test", subject="r").headers()
    newer = tuple((name, value.replace(b".v1", b".v2")) for name, value in cancel)
    for headers in (newer, cancel):
        await producer.send(Outgoing(names.runs, b"r", b"{}", headers, partition=0))
    assert [logged.offset async for logged in scan_lane(cluster, settings, 0)] == [1]


def test_lengths_of_time_have_the_unit_that_fits() -> None:
    assert [length(seconds) for seconds in (0.42, 12.4, 185, 7_800, 300_000)] == [
        "0.4 s",
        "12 s",
        "3 min 5 s",
        "2 h 10 min",
        "3 d 11 h",
    ]


waits = Pipeline("waits", takes=str, gives=str)
begun = waits.step(first, waits.input)
nap = waits.sleep(30, name="nap", after=[begun])
ok = waits.approval("Good?", about=begun, name="ok", within_seconds=60, by=["ann"], on_timeout="hole")
told = waits.signal("told", str, within_seconds=90)
waits.returns(waits.step(second, told, when=ok.pick(lambda a: a.approved), after=[nap]))


def test_steps_that_wait_are_drawn_with_what_they_wait_for() -> None:
    said = {branch.name: in_words(branch.step) for branch in branches(waits.compile())}
    assert said["nap"] == "sleep, 30 s"
    assert said["ok"] == "approval, of first by ann: Good?, within 60 s, else a hole"
    assert said["told"] == "signal, within 90 s, else the run fails"


def test_a_run_that_waits_shows_which_steps_do_also_after_the_lane_looked_at_what_one_is_about() -> None:
    look = TaskSettled(task_id=TaskId("r/ok"), attempt=1, outcome="succeeded", result=DONE.result)
    found = logged(ACCEPTED.model_copy(update={"pipeline": waits.compile(), "rules": 2}), DONE, look)
    text = tree(found, now_ms=20_000)
    for line in (
        "told  signal  waits for a signal",
        "ok  approval  waits for approval",
        "nap  sleep  asleep",
    ):
        assert line in text
