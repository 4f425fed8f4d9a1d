"""Pages of runs, drawn of a log that is folded here: what they say, what changes in them, hostile content."""

from html.parser import HTMLParser

import pytest

from argosy.broker.memory_payloads import MemoryPayloads
from argosy.console.dashboard_histories import Kept
from argosy.console.dashboard_live import changes
from argosy.console.dashboard_memos import told
from argosy.console.dashboard_page import Region, View
from argosy.console.dashboard_pen import draw, draw_page
from argosy.console.dashboard_run_page import Named, Ticks, run_view
from argosy.console.dashboard_step_page import TASKS, tasks_of, tasks_view
from argosy.console.dashboard_task import task_shown
from argosy.console.dashboard_task_page import task_view
from argosy.console.why_waits import waits_of
from argosy.schemas.errors import NotFound
from argosy.schemas.facts import Facts, ValueFact
from argosy.schemas.runlog import CancelReceived, RunAccepted, RunEnded, TaskSettled
from support.fold_pipelines import accepted, approval, listing, looped, mapped, pipeline, task, text
from support.told_pages import AROUND, Told, done, lost

LIVE_AROUND = {**AROUND, "live": "/live"}
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202eevil\" onload='x' {{ 7*7 }}"


class Tags(HTMLParser):
    """What a browser would take for HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: set[str] = set()
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes |= {name for name, _ in attrs}
        self.scripts += tag == "script"


def kept(run: Told) -> Kept:
    return Kept(run.history, run.times)


def page(template: str, view: View) -> str:
    notes = Region("notes", "base_items.html:note", ())
    return draw_page(template, View(view.title, (*view.regions, notes), view.facts), LIVE_AROUND)


def a_map(length: int) -> RunAccepted:
    whole = pipeline(mapped("m", "input", max_parallel=1_000), task("z", "m"))
    return accepted(whole, facts={"list:": listing(*map(str, range(length)))})


def test_a_page_of_5000_tasks_is_small_and_a_settle_renews_a_few_items() -> None:
    run = Told().add(a_map(5_000), *(done(f"m.{number}") for number in range(900)), seconds=0.001)
    before = run_view(kept(run), 9_000)
    run.add(done("m.950"), seconds=0.001)
    after = run_view(kept(run), 9_000)
    assert len(page("run.html", after)) < 60_000
    found = changes({region.name: region for region in before.regions}, after.regions)
    put = {change.region: len(change.put) for change in found}
    assert put.pop("log") == 1
    assert set(put) <= {"dag", "rows", "figures", "joins"}
    assert put["rows"] == 1
    assert sum(put.values()) <= 10
    assert sum(len(html) for change in found for _, html in change.put) < 10_000


def test_where_nothing_happened_nothing_is_sent() -> None:
    run = Told().add(a_map(3), done("m.1"))
    before = run_view(kept(run), 5_200)
    after = run_view(kept(run), 5_900)
    assert changes({region.name: region for region in before.regions}, after.regions) == []


def test_the_tasks_of_a_map_are_paged_and_filtered() -> None:
    run = Told().add(a_map(120), done("m.3"), lost("m.7", said=HOSTILE))
    every = tasks_of(kept(run), "m")
    assert every == [f"m.{number}" for number in range(120)]
    assert tasks_of(kept(run), "m", "failed") == ["m.7"]
    view = tasks_view(kept(run), "m", "", 99, run.now_ms)
    assert [item.key for item in view.regions[2].items] == [f"m.{number}" for number in range(2 * TASKS, 120)]
    html = page("run_tasks.html", tasks_view(kept(run), "m", "failed", 1, run.now_ms))
    assert "/runs/r/tasks/m.7" in html
    with pytest.raises(NotFound):
        tasks_of(kept(run), "nothing")


async def test_what_came_after_a_task_had_ended_is_not_its_result() -> None:
    first = accepted(pipeline(task("a", "input"), task("b", "a")), rules=2)
    run = Told().add(first, CancelReceived(reason="enough"), done("a", value="too late"))
    shown = await task_shown(run.history, run.times, "a", MemoryPayloads())
    assert (shown.result, [each.ok for each in shown.tries]) == (None, [True])
    run = Told().add(first, done("a", value="in time"))
    shown = await task_shown(run.history, run.times, "a", MemoryPayloads())
    assert shown.result is not None
    assert shown.result.text == "in time"


async def test_hostile_content_is_shown_and_is_no_html() -> None:
    whole = pipeline(task("a", "input"), approval("ok", "a", question=HOSTILE), task("b", "a", "ok"))
    first = accepted(whole, rules=2, input=text(HOSTILE), tenant=HOSTILE)
    run = Told().add(first, done("a", value=HOSTILE))
    shown = await task_shown(run.history, run.times, "a", MemoryPayloads())
    pages = [
        page("run.html", run_view(kept(run), run.now_ms)),
        page("run_task.html", task_view(kept(run), shown)),
    ]
    failed = Told().add(first, lost("a", said=HOSTILE))
    lost_one = await task_shown(failed.history, failed.times, "a", MemoryPayloads())
    pages.append(page("run_task.html", task_view(kept(failed), lost_one)))
    for html in pages:
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert(1)" in html
        assert "⟨U+202E⟩" in html
        assert "\x1b" not in html
        assert "\u202e" not in html
        assert "{{ 7*7 }}" in html
        found = Tags()
        found.feed(html)
        assert not {name for name in found.attributes if name.startswith("on") or name == "style"}
        assert found.scripts == 1


def test_how_a_run_ended_is_told_with_its_actions() -> None:
    run = Told().add(a_map(1))
    assert "Cancel …" in page("run.html", run_view(kept(run), run.now_ms))
    fault = lost("m.0").fault
    run.add(lost("m.0"), RunEnded(outcome="failed", data_hash="h", fault=fault))
    html = page("run.html", run_view(kept(run), run.now_ms))
    assert "Redrive …" in html
    assert "Replay …" in html
    assert "Cancel …" not in html
    assert "rejected: no use" in html


async def test_a_task_page_tells_attempts_context_and_inputs() -> None:
    run = Told().add(accepted(pipeline(task("a", "input"), task("b", "a"))), done("a", value="of a"))
    run.add(lost("b", retriable=True), cause=2)
    shown = await task_shown(run.history, run.times, "b", MemoryPayloads())
    html = page("run_task.html", task_view(kept(run), shown))
    assert "backing off" in html
    assert "of a</pre>" in html
    assert "/runs/r/tasks/a" in html
    assert "The window of its model is not known" in html


async def test_what_a_run_has_forgotten_of_an_iteration_is_found_in_its_log() -> None:
    whole = pipeline(task("a", "input"), looped("l", "a"))
    run = Told().add(accepted(whole, rules=2), done("a", value="start"))
    not_yet: Facts = {"value:@": ValueFact(kind="value", value=False)}
    run.add(
        done("l~1").model_copy(update={"facts": not_yet}), done("l~2").model_copy(update={"facts": not_yet})
    )
    assert run.history.state is not None
    assert run.history.state.task("l~1") is None
    shown = await task_shown(run.history, run.times, "l~1", MemoryPayloads())
    assert [part.value and part.value.text for each in shown.inputs for part in each.parts] == ["start"]


def test_a_step_page_tells_how_it_stands() -> None:
    run = Told().add(a_map(3), done("m.1"))
    html = page("run_tasks.html", tasks_view(kept(run), "z", "", 1, run.now_ms))
    assert "waiting" in html
    html = page("run_tasks.html", tasks_view(kept(run), "m", "", 1, run.now_ms))
    assert "1 of 3, 2 out" in html


def test_memos_of_a_conversation_are_told_as_calls() -> None:
    turn = b'{"results": [{"text": "42"}], "calls": [{"id": "1", "name": "look", "arguments": "{}"}], "text": ""}'
    found = told({"m:abc:1": turn, "m:paid": b'"yes"', "fence": b"f", "m:odd": b"\xff"})
    assert [title for title, _, _ in found] == ["model call, turn 1", "odd", "step paid"]
    assert "the model asks for look {}" in found[0][2]


def test_each_item_has_its_key() -> None:
    run = Told().add(a_map(3), done("m.1"))
    for region in run_view(kept(run), run.now_ms).regions:
        for item in region.items:
            assert f'data-key="{item.key}"' in str(draw(region, item))


def test_a_settle_of_a_stranger_breaks_no_page() -> None:
    stranger = TaskSettled(task_id="r/none.9/x", attempt=1, outcome="succeeded")
    run = Told().add(a_map(2), stranger)
    assert "none.9/x" in page("run.html", run_view(kept(run), run.now_ms))


ASKS = pipeline(task("a", "input"), approval("ok", "a", question="Ship it?"), task("b", "a", "ok"))
LOOK = TaskSettled(task_id="r/ok", attempt=1, outcome="succeeded", result=text("made"))


def test_what_waits_for_a_person_can_be_answered_from_the_pages_of_its_run_and_of_its_step() -> None:
    run = Told().add(accepted(ASKS, rules=2), done("a"))
    before = page("run.html", run_view(kept(run), run.now_ms))
    assert "Approve …" not in before  # nobody knows yet what it is about
    run.add(LOOK)
    (wait,) = waits_of(run.history)
    asked = f'value="yes r ok {wait.about}"'
    assert wait.about
    for html in (
        page("run.html", run_view(kept(run), run.now_ms)),
        page("run_tasks.html", tasks_view(kept(run), "ok", "", 1, run.now_ms)),
    ):
        assert "Ship it?" in html
        assert asked in html
        assert 'id="act"' in html
    assert "Ship it?" not in page("run_tasks.html", tasks_view(kept(run), "a", "", 1, run.now_ms))
    run.add(RunEnded(outcome="cancelled", data_hash="h"))
    assert asked not in page("run.html", run_view(kept(run), run.now_ms))


def test_a_join_that_never_went_on_does_not_claim_it() -> None:
    run = Told().add(accepted(ASKS, rules=2), lost("a"))
    run.add(RunEnded(outcome="failed", data_hash="h", fault=lost("a").fault))
    html = page("run.html", run_view(kept(run), run.now_ms))
    assert "it did not go on" in html
    assert "it went on with all" not in html


def test_tasks_of_a_step_that_is_over_are_drawn_up_to_its_end_however_long_the_run_goes_on() -> None:
    run = Told().add(a_map(2), done("m.0"), done("m.1"))
    (_, ticks, _) = tasks_view(kept(run), "m", "", 1, 3_600_000).regions
    facts = ticks.items[0].facts
    assert isinstance(facts, Ticks)
    assert facts.ticks[-1][1] == "1.6 s"


def test_the_log_leads_from_a_step_that_waits_to_its_step_as_it_has_no_task() -> None:
    run = Told().add(accepted(ASKS, rules=2), done("a"), LOOK)
    html = page("run.html", run_view(kept(run), run.now_ms))
    assert '<a href="/runs/r/tasks/a">a</a>' in html
    assert '<a href="/runs/r/steps/ok">ok</a>' in html
    assert "/tasks/ok" not in html


def test_what_a_replay_took_over_counts_as_done() -> None:
    given = {"a": {"payload": text("made")}}
    first = accepted(
        pipeline(task("a", "input"), task("b", "a")), rules=2, replay_of={"run_id": "old"}, reused=given
    )
    run = Told().add(first)
    shown = {item.key: item.facts for item in run_view(kept(run), run.now_ms).regions[2].items}
    assert shown["Tasks"] == Named("Tasks", "1 of 2", "have succeeded, 1 of them reused")
    run.add(done("b"))
    shown = {item.key: item.facts for item in run_view(kept(run), run.now_ms).regions[2].items}
    assert shown["Tasks"] == Named("Tasks", "2 of 2", "have succeeded, 1 of them reused")
