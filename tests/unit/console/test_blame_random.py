"""Runs drawn at random in which one task plants a text: blame finds who planted it, and the way it took."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.values import encode_value
from argosy.console.blame import blame
from argosy.console.diff import diff
from argosy.console.run_history import History, Logged, take
from argosy.schemas.canonical import sha256_hex
from argosy.schemas.envelope import Envelope
from argosy.schemas.payload import Inline, Payload, Reference
from argosy.schemas.runlog import LogMessage, RunEnded
from support.fold_pipelines import accepted, pipeline, succeeded, task

if TYPE_CHECKING:
    from pydantic import JsonValue

MARK = "the marker 12,345"
WAYS = ("the marker 12,345", "THE  marker\n12345", "the marker 12,345.00")


@dataclass(frozen=True)
class Drawn:
    """A DAG: for each task the numbers of its parents (-1: the run's input); who plants; who drops what it reads."""

    parents: tuple[tuple[int, ...], ...]
    planter: int
    dropping: frozenset[int]
    stored: frozenset[int]
    """Whose results lie in the payload store."""


@st.composite
def drawn(draw: st.DrawFn) -> Drawn:
    size = draw(st.integers(2, 8))
    parents = tuple(
        tuple(sorted(draw(st.sets(st.integers(-1, number - 1), min_size=1, max_size=3))))
        for number in range(size)
    )
    used = {parent for found in parents[:-1] for parent in found}
    loose = {number for number in range(size - 1) if number not in used}
    parents = (*parents[:-1], tuple(sorted({*parents[-1], *loose})))
    some = st.frozensets(st.integers(0, size - 1), max_size=3)
    return Drawn(parents, draw(st.integers(0, size - 1)), draw(some), draw(some))


def carriers(dag: Drawn) -> list[bool]:
    """Say which tasks have the mark in their results."""
    has: list[bool] = []
    for number, parents in enumerate(dag.parents):
        got = any(parent >= 0 and has[parent] for parent in parents)
        has.append(number == dag.planter or (got and number not in dag.dropping))
    return has


def history_of(dag: Drawn, payloads: MemoryPayloads, mark: str = MARK) -> History:
    """Play it; the last task is the one that the run returns."""
    steps = [
        task(f"t{number}", *("input" if parent < 0 else f"t{parent}" for parent in parents))
        for number, parents in enumerate(dag.parents)
    ]
    messages: list[LogMessage] = [accepted(pipeline(*steps), rules=2)]
    has = carriers(dag)
    made: Payload = Inline(value="", bytes=2, tokens=0)
    for number in range(len(steps)):
        value: JsonValue = {"says": f"task {number}: {mark if has[number] else 'nothing'}"}
        data = encode_value(value)
        made = Inline(value=value, bytes=len(data), tokens=3)
        if number in dag.stored:
            made = Reference(sha256=payloads.store(data), bytes=len(data), tokens=3)
            assert made.sha256 == sha256_hex(data)
        messages.append(succeeded(f"t{number}").model_copy(update={"result": made}))
    messages.append(RunEnded(outcome="succeeded", data_hash="", result=made))
    history = History("r")
    for offset, message in enumerate(messages, start=1):
        envelope = Envelope(kind=message.KIND, id=f"{offset}", source="argosy/worker/w", subject="r")
        take(history, Logged(0, offset, 1_000 * offset, envelope, message))
    return history


def reaches_end(dag: Drawn) -> bool:
    """Say whether the planter's mark comes to the last task, which must have it of the planter."""
    return carriers(dag)[-1]


@given(drawn(), st.sampled_from(WAYS))
@settings(max_examples=60, deadline=None)
async def test_blame_finds_the_planter_however_the_mark_is_written(dag: Drawn, about: str) -> None:
    payloads = MemoryPayloads()
    found = await blame(history_of(dag, payloads), payloads, about)
    assert [task.task for task in found.made_by] == [f"t{dag.planter}"]
    if not reaches_end(dag):
        assert (found.verdict, found.in_outcome) == ("lost", False)
        has = carriers(dag)
        lost = {
            f"t{number}"
            for number, parents in enumerate(dag.parents)
            if not has[number] and any(parent >= 0 and has[parent] for parent in parents)
        }
        assert {each.task.task for each in found.lost} <= lost
        assert bool(found.lost) == bool(lost)
        return
    assert (found.verdict, found.in_outcome) == ("made", True)
    way = [link.task for link in found.way]
    assert way[-1] == ""
    assert all(carriers(dag)[int(name[1:])] for name in way[:-1])
    assert [link.source for link in found.way] == [f"t{dag.planter}", *way[:-1]]


@given(drawn())
@settings(max_examples=40, deadline=None)
async def test_diff_names_the_planter_whose_words_differ(dag: Drawn) -> None:
    payloads = MemoryPayloads()
    one, two = history_of(dag, payloads), history_of(dag, payloads, "the marker 12,346")
    found = diff(one, two)
    assert found.first is not None
    assert found.first.task == f"t{dag.planter}"
    has = carriers(dag)
    differ = {each.task for each in found.tasks if each.how in ("differs", "follows")}
    assert differ == {f"t{number}" for number, carries in enumerate(has) if carries}
    assert all(each.how == "same" for each in diff(one, one).tasks)
