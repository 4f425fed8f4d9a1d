import re
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from argosy.console import chaos
from argosy.console.chaos_arena import OWN_APP
from argosy.console.chaos_page import page
from argosy.console.chaos_text import in_words
from argosy.console.chaos_verdict import fired, verdict_of
from argosy.console.main import build_app
from argosy.testing.chaos_finding import Finding
from argosy.testing.chaos_plan import KINDS
from argosy.testing.chaos_report import Invariant, LoadReport, Report, StrikeReport


def strike(number: int, kind: str, code: str, at: float, recovery: float | None) -> StrikeReport:
    return StrikeReport(
        number=number,
        kind=kind,
        code=code,
        victims=("a-1",),
        at=at,
        ended=at + 2,
        said="killed a-1",
        recovery_seconds=recovery,
    )


REPORT = Report(
    argosy="1",
    app="app.py",
    pipelines=("<b>bold</b>",),
    seed=7,
    started="2026-01-01T00:00:00+00:00",
    seconds=60.0,
    machine="Linux, 2 cores",
    processes=9,
    lease_seconds=4.0,
    session_seconds=4.0,
    calm_seconds=10.0,
    load=LoadReport(
        acknowledged=10,
        ended=10,
        outcomes={"succeeded": 9, "failed": 1},
        tasks=90,
        deliveries=95,
        duplicates={"orders": 3, "effects_again": 1},
        restarts={"a-1": 2},
    ),
    strikes=(
        strike(1, "kill-worker", "F1", 12, 3.0),
        strike(2, "kill-worker", "F1", 30, 5.0),
        strike(3, "wipe", "F8", 40, None),
    ),
    baseline=12.0,
    curve=tuple([12] * 12 + [0] * 3 + [12] * 45),
    invariants=(
        Invariant(name="no acknowledged run is lost", checked=10, broken=0),
        Invariant(name="every run ends", checked=10, broken=1, told=("run-3 <script>ended</script> failed",)),
    ),
    verdict="broken",
)


def test_the_text_tells_each_promise_and_the_verdict_last() -> None:
    text = in_words(REPORT)
    assert "held     no acknowledged run is lost: looked at 10 times" in text
    assert "BROKEN   every run ends: looked at 10 times, broken 1 times" in text
    assert "back at 90 % after 4 s (median), 5 s at most" in text
    assert "1 not before the next fault" in text
    assert text.splitlines()[-1] == "verdict: a promise was BROKEN"


def test_text_and_page_say_how_many_failures_are_not_written_out_and_that_an_app_may_fail_runs() -> None:
    name = "every run ends as it should"
    failed = Invariant(
        name=name, checked=30, broken=25, told=("r-1 ended failed/boom, not succeeded: x",) * 20
    )
    report = REPORT.model_copy(update={"invariants": (failed,)})
    assert "… and 5 more" in in_words(report)
    assert "--may-fail" in in_words(report)
    assert "… and 5 more" in page(report)
    assert "--may-fail" not in in_words(report.model_copy(update={"app": OWN_APP}))
    assert "more" not in in_words(REPORT)
    assert "--may-fail" not in in_words(REPORT)


def test_the_page_is_one_file_without_scripts_and_what_runs_say_is_no_markup() -> None:
    html = page(REPORT)
    assert "<script" not in html
    assert "&lt;script&gt;ended" in html
    assert "&lt;b&gt;bold" in html
    assert not re.search(r'(src|href)="', html)


def test_the_chart_of_the_page_is_well_formed_and_shows_each_fault() -> None:
    (chart,) = re.findall(r"<svg.*</svg>", page(REPORT), re.DOTALL)
    root = ET.fromstring(chart)  # noqa: S314 - we wrote it
    assert len(root.findall(".//rect")) == len(REPORT.strikes)
    assert len(root.findall(".//polygon")) == 1


def test_a_run_without_any_fault_has_a_page_too() -> None:
    empty = REPORT.model_copy(update={"strikes": (), "curve": (), "verdict": "empty", "baseline": 0.0})
    assert "Nothing was shown" in page(empty)
    assert in_words(empty).splitlines()[-1] == "verdict: nothing was shown: no load, or no fault"


def test_a_fault_that_was_not_carried_out_breaks_no_promise_and_has_a_verdict_of_its_own() -> None:
    late = strike(3, "poison", "F18", 40, None).model_copy(update={"said": "", "error": "KafkaTimeoutError"})
    strikes = (*REPORT.strikes[:2], late)
    condition = fired(strikes)
    assert condition.told == ["poison at 40 s was not carried out: KafkaTimeoutError"]
    held, broken = Finding("held", 1), Finding("broken", 1, 1)
    assert verdict_of([held, condition], slow=False, empty=False) == "incomplete"
    assert verdict_of([held, broken, condition], slow=True, empty=True) == "broken"
    assert verdict_of([held, condition], slow=True, empty=False) == "slow"
    assert verdict_of([held, condition], slow=False, empty=True) == "empty"
    assert verdict_of([held, fired(REPORT.strikes)], slow=False, empty=False) == "held"


def test_nothing_came_of_more_than_half_of_the_faults() -> None:
    vain = [strike(n, "duplicates", "F15", 9, None).model_copy(update={"said": ""}) for n in range(2)]
    assert not fired([*vain, *REPORT.strikes[:2]]).broken
    assert fired([*vain, *REPORT.strikes[:1]]).told == ["nothing came of duplicates, duplicates"]


INCOMPLETE = REPORT.model_copy(
    update={
        "verdict": "incomplete",
        "invariants": (
            REPORT.invariants[0],
            Invariant(
                name="faults did what they should",
                checked=4,
                broken=1,
                told=("poison was not carried out",),
                of_fleet=False,
            ),
        ),
    }
)


def test_text_and_page_tell_what_was_not_carried_out_and_call_nothing_broken() -> None:
    text, html = in_words(INCOMPLETE), page(INCOMPLETE)
    assert "NOT ALL  faults did what they should: looked at 4 times, not so 1 times" in text
    assert "- poison was not carried out" in text
    assert text.splitlines()[-1].startswith(
        "verdict: every promise held, but not all faults were carried out"
    )
    assert "broken" not in text.lower()
    assert 'class="incomplete"' in html
    assert "<li>poison was not carried out</li>" in html
    assert '<td class="part">not all</td>' in html
    assert Report.model_validate_json(INCOMPLETE.model_dump_json()) == INCOMPLETE


@pytest.mark.parametrize(
    ("verdict", "interrupted", "code"),
    [
        ("held", False, 0),
        ("broken", False, 1),
        ("incomplete", False, 6),
        ("incomplete", True, 6),
        ("empty", False, 1),
        ("slow", False, 124),
        ("held", True, 130),
    ],
)
def test_each_verdict_has_its_exit_code(
    *, verdict: str, interrupted: bool, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def found(*_: object) -> Report:
        return REPORT.model_copy(update={"verdict": verdict, "interrupted": interrupted})

    monkeypatch.setattr(chaos, "run_chaos", found)
    assert CliRunner().invoke(build_app("chaos"), ["chaos"]).exit_code == code


def test_all_faults_are_listed() -> None:
    done = CliRunner().invoke(build_app("chaos"), ["chaos", "--faults", "list"])
    assert done.exit_code == 0
    assert all(kind.name in done.output for kind in KINDS)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--faults", "kill-worker,earthquake"], "there is no fault 'earthquake'"),
        (["examples/hello.py", "--pipeline", "hello", "--input", "7"], "can't take this input"),
        (["examples/hello.py", "--deliveries", "7"], "is for argosy's own app"),
        (["--html", "no-such-folder/report.html"], "no folder no-such-folder"),
    ],
)
def test_what_can_not_be_done_is_said_before_anything_starts(words: list[str], says: str) -> None:
    done = CliRunner().invoke(build_app("chaos"), ["chaos", *words])
    assert done.exit_code != 0
    assert says in str(done.exception)
