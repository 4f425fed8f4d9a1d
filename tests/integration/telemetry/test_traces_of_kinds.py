"""Steps that make tasks of their own, and a replay of them, as a collector receives them from real processes."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from argosy import Argosy
from support import kinds_app
from support.fleet import real_fleet
from support.kinds_app import Text, kinds
from support.otlp import Receiver, Span, receiver
from support.waiting import eventually

pytestmark = pytest.mark.timeout(600)

LINES = 60
PAGES = ("lines/p1.0", "lines/p1.1", "lines/p1.2", "lines/p1.3")
SOURCES = {
    "lines/p0": (),
    **dict.fromkeys(PAGES, ()),
    "lines/p2.0": PAGES,
    "mend~1": (),
    "mend~2": ("mend~1",),
    "mend~3": ("mend~2",),
    "plan": (),
    "plan/one": ("plan",),
    "plan/two": ("plan/one",),
    "whole/one": (),
    "whole/two": ("whole/one",),
    "each.0/one": ("lines/p2.0",),
    "each.0/two": ("each.0/one",),
    "each.1/one": ("lines/p2.0",),
    "each.1/two": ("each.1/one",),
    "bind": ("lines/p2.0", "mend~3", "plan/one", "plan/two", "whole/two", "each.0/two", "each.1/two"),
}
"""Each task, and those whose results it takes."""
ANEW = {
    "mend~1": (),
    "mend~2": ("again/mend~1",),
    "mend~3": ("again/mend~2",),
    # Of a plan that is taken over as one value, the last of its tasks is known.
    "bind": (
        "again/mend~3",
        *(f"first/{name}" for name in SOURCES["bind"] if name not in ("mend~3", "plan/one")),
    ),
}
"""What a replay from `mend` runs, and whose results it takes: those taken over are linked in the old run's trace."""


async def test_all_tasks_of_a_run_are_in_its_one_trace_and_link_to_those_whose_results_they_take(
    tmp_path: Path,
) -> None:
    text = "\n".join(f"line {number} of a long text that is told in many words" for number in range(LINES))
    with receiver() as found:
        variables = {
            "ARGOSY_TELEMETRY__OTLP_ENDPOINT": found.http_endpoint,
            "ARGOSY_TELEMETRY__OTLP_PROTOCOL": "http/protobuf",
            "ARGOSY_FLEET__PATIENCE_SECONDS": "600",  # nothing is sent twice, so that spans can be counted
            "ARGOSY_FLEET__LEASE_SECONDS": "60",
            "ARGOSY_KAFKA__SESSION_TIMEOUT_SECONDS": "60",
        }
        app, agents = Path(kinds_app.__file__), ("lines", "mend", "shout", "plan", "bind")
        async with (
            real_fleet(tmp_path, workers=[agents], app=app, variables=variables) as fleet,
            Argosy.connect(fleet.settings) as client,
            asyncio.timeout(400),
        ):
            run = await client.submit(kinds, Text(text=text, left=3), run_id="first")
            assert (await run.result()).startswith(f"{LINES} 0 2 ")
            await _told(found, "first", len(SOURCES))
            again = await client.replay("first", kinds, from_=("mend",), new_run_id="again")
            assert await again.result() == await run.result()
            await _told(found, "again", len(ANEW))
        first, anew = found.received.spans("first"), found.received.spans("again")
    _is_tree(first)
    _is_tree(anew)
    assert _sources(first, first) == {
        f"first/{name}": {f"first/{each}" for each in of} for name, of in SOURCES.items()
    }
    assert _sources(anew, [*first, *anew]) == {f"again/{name}": set(of) for name, of in ANEW.items()}
    (accepted,) = [span for span in first if span.name == "process argosy.inbox"]
    (replayed,) = [span for span in anew if span.name == "process argosy.inbox"]
    assert accepted.trace_id != replayed.trace_id
    assert [(link.trace_id, link.span_id) for link in replayed.linked("replay")] == [
        (accepted.trace_id, accepted.span_id)
    ]
    pages = [span for span in _invocations(first) if span.attributes["argosy.task.id"] in _named(PAGES)]
    assert sorted(str(span.attributes["argosy.context.page"]) for span in pages) == ["1", "2", "3", "4"]
    assert {str(span.attributes["argosy.context.method"]) for span in pages} == {"['text: paginate']"}


async def _told(found: Receiver, run_id: str, tasks: int) -> None:
    """Wait until every span of a run came: three for each task, three of the run."""

    async def so() -> bool:
        return len(found.received.spans(run_id)) >= 3 * tasks + 3

    await eventually(so, f"every span of {run_id} came")


def _is_tree(spans: Sequence[Span]) -> None:
    assert len({span.trace_id for span in spans}) == 1
    ids = {span.span_id for span in spans}
    assert len(ids) == len(spans)
    assert [span.name for span in spans if not span.parent_id] == ["process argosy.inbox"]
    assert {span.parent_id for span in spans if span.parent_id} <= ids


def _invocations(spans: Sequence[Span]) -> list[Span]:
    return [span for span in spans if span.name.startswith("invoke_agent")]


def _sources(spans: Sequence[Span], known: Sequence[Span]) -> dict[str, set[str]]:
    """Name each task of a trace, with the tasks that its invocation links to as its parents."""
    names = {
        (span.trace_id, span.span_id): str(span.attributes["argosy.task.id"]) for span in _invocations(known)
    }
    return {
        str(span.attributes["argosy.task.id"]): {
            names[link.trace_id, link.span_id] for link in span.linked("parent")
        }
        for span in _invocations(spans)
    }


def _named(tasks: Sequence[str]) -> set[str]:
    return {f"first/{name}" for name in tasks}
