"""The list of runs: what is asked for, and pages that stay as they are while runs come, of a hundred thousand."""

from time import process_time

import pytest

from argosy.broker.log import Record
from argosy.console.dashboard_index import Filter, Index
from argosy.console.dashboard_list_page import filter_of, list_view
from argosy.console.dashboard_live import changes
from argosy.console.dashboard_page import Asked, View
from argosy.console.dashboard_taking import Taking
from argosy.schemas.codec import encode_body
from argosy.schemas.envelope import Envelope
from argosy.schemas.runlog import LogMessage, RunEnded
from support.fold_pipelines import accepted, pipeline, task
from support.told_pages import lost

MANY = 100_000
FIRST = accepted(pipeline(task("a", "input")), tenant="acme")


def put(index: Index, run_id: str, number: int, message: LogMessage = FIRST) -> None:
    """Let the index read a record, a second after the one before it."""
    envelope = Envelope(message.KIND, f"id-{number}", "argosy/coordinator/c", subject=run_id)
    body = BODIES.setdefault(id(message), encode_body(message))
    Taking(index).take(Record("runs", 0, number, number * 1_000, run_id.encode(), body, envelope.headers()))


BODIES: dict[int, bytes] = {}


def seen(index: Index, now_ms: int = 0, **query: str) -> View:
    """Look at a page of the list."""
    return at(index, query, now_ms)


def at(index: Index, query: dict[str, str], now_ms: int = 0) -> View:
    """Look at a page that a link leads to."""
    asked = Asked({}, query)
    wanted, _, page = filter_of(asked, now_ms)
    return list_view(index, asked, index.find(wanted, page), now_ms)


def ids(view: View) -> list[str]:
    """Name the runs of a page."""
    return [item.key for region in view.regions if region.name == "rows" for item in region.items]


def link(view: View, key: str) -> dict[str, str]:
    """Read where a link of the pager leads."""
    (facts,) = (item.facts for item in view.regions[2].items if item.key == key)
    parts = getattr(facts, "href").partition("?")[2]  # noqa: B009 - its type is each macro's own
    return dict(part.split("=") for part in parts.split("&"))


def test_older_pages_stay_as_they_are_while_runs_come() -> None:
    index = Index()
    for number in range(120):
        put(index, f"r-{number}", number)
    first = seen(index)
    assert ids(first) == [f"r-{number}" for number in range(119, 69, -1)]
    second = at(index, link(first, "older"))
    for number in range(120, 150):
        put(index, f"r-{number}", number)
    again = at(index, link(first, "older"))
    assert ids(again) == ids(second) == [f"r-{number}" for number in range(69, 19, -1)]
    assert ids(seen(index))[0] == "r-149"


def test_what_is_asked_for_is_found_and_nonsense_filters_nothing() -> None:
    index = Index()
    for number in range(10):
        put(index, f"r-{number}", number)
    put(index, "r-3", 11, RunEnded(outcome="failed", data_hash="hash", fault=lost("a").fault))
    assert ids(seen(index, state="failed")) == ["r-3"]
    assert ids(seen(index, text="NO USE")) == ["r-3"]
    assert ids(seen(index, tenant="acme", text="r-7")) == ["r-7"]
    assert ids(seen(index, pipeline="nothing")) == []
    assert len(ids(seen(index, state="bogus", page="x", until="-1", last="7"))) == 10
    assert ids(seen(index, now_ms=902_000, last="900")) == [f"r-{number}" for number in range(9, 1, -1)]
    assert filter_of(Asked({}, {"text": "x" * 999}), 0)[0] == Filter(text="x" * 128)


@pytest.mark.timeout(120)
def test_a_hundred_thousand_runs_are_listed_at_the_cost_of_a_page() -> None:
    index = Index()
    for number in range(MANY):
        put(index, f"r-{number}", number)
    few = Index()
    for number in range(100):
        put(few, f"r-{number}", number)
    costs: dict[int, float] = {}
    for which in (few, index):
        began = process_time()
        for _ in range(20):
            seen(which, MANY * 1_000)
        costs[len(which)] = process_time() - began
    assert costs[MANY] < 5 * costs[100] + 0.05
    assert ids(seen(index, MANY * 1_000, text="r-99999")) == ["r-99999"]


def test_a_run_that_comes_is_the_one_row_that_is_sent() -> None:
    index = Index()
    for number in range(60):
        put(index, f"r-{number}", number)
    before = seen(index)
    put(index, "r-new", 61)
    found = changes({region.name: region for region in before.regions}, seen(index).regions)
    (rows,) = (change for change in found if change.region == "rows")
    assert [key for key, _ in rows.put] == ["r-new"]
    assert rows.gone == ("r-10",)
