"""Short chaos runs with fixed seeds, by the command line: what `make chaos` does for ten minutes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from argosy.testing.chaos_report import Report
from support.canaries import CANARIES, found_in, found_under

USERS_APP = '''
import os

from argosy import Context, Pipeline, agent


@agent(retries=0)
async def shout(ctx: Context, text: str) -> str:
    """Fail for one text."""
    if text == "bad":
        raise ValueError(f"a bad text, as {os.environ['CANARY_API_KEY']} said")
    return text.upper()


loud = Pipeline("loud", takes=str, gives=str)
loud.returns(loud.step(shout, loud.input))
'''


PATIENT = ("--quiet-seconds", "500")
"""For a busy machine, to which the runs must not be too many to be judged."""
PLANTED = {
    "ARGOSY_MODEL__API_KEY": CANARIES["model api key"],
    "ARGOSY_GATEWAY__TOKEN": CANARIES["gateway token"],
    "ARGOSY_TELEMETRY__OTLP_HEADERS": f"authorization={CANARIES['otlp header']}",
    "CANARY_API_KEY": CANARIES["environment"],
}


def _chaos(folder: Path, *words: str, expect: int) -> tuple[Report, str, str]:
    report, page = folder / "report.json", folder / "page.html"
    line = [sys.executable, "-P", "-m", "argosy", "chaos", *words, "--dir", str(folder / "stack"), *PATIENT]
    done = subprocess.run(
        [*line, "--report", str(report), "--html", str(page)],
        cwd=folder,
        env=os.environ | PLANTED,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == expect, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr[-4000:]}"
    told = [done.stdout, done.stderr, *(file.read_text("utf-8") for file in (report, page))]
    assert [found_in(each) for each in told] == [[]] * 4, "a secret is told"
    assert found_under(folder / "stack" / "logs") == []
    return Report.model_validate_json(report.read_bytes()), done.stdout, page.read_text("utf-8")


@pytest.mark.timeout(1000)
def test_a_short_chaos_run_breaks_no_promise_and_tells_what_it_did(tmp_path: Path) -> None:
    faults = "kill-worker,kill-coordinator,kill-redis,wipe,cut,duplicates,poison"
    words = ("--minutes", "0.4", "--calm-seconds", "3", "--pause-seconds", "1", "--in-flight", "10")
    small = ("--workers", "1", "--seed", "11", "--faults", faults)
    report, text, page = _chaos(tmp_path, *words, *small, expect=0)
    assert report.verdict == "held"
    assert report.load.acknowledged > 0
    assert report.load.ended >= report.load.acknowledged
    assert report.load.duplicates["effects_again"] <= report.load.deliveries - report.load.tasks
    assert len({strike.kind for strike in report.strikes}) >= 3
    assert all(not strike.error for strike in report.strikes)
    assert text.rstrip().endswith("verdict: every promise held")
    assert "<svg" in page
    assert "http" not in page.replace("http://www.w3.org", "")


@pytest.mark.timeout(1000)
def test_a_users_runs_that_fail_are_told_and_the_exit_code_says_so(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(USERS_APP, encoding="utf-8")
    words = ("app.py", "--pipeline", "loud", "--input", '"bad"', "--minutes", "0.1", "--calm-seconds", "1")
    small = ("--workers", "1", "--coordinators", "1", "--rate", "2", "--faults", "kill-worker")
    report, text, page = _chaos(tmp_path, *words, *small, expect=1)
    assert report.verdict == "broken"
    broken = [one for one in report.invariants if one.broken]
    assert [one.name for one in broken] == ["every run ends as it should, and a crash uses up no attempt"]
    assert "a bad text" in broken[0].told[0]
    assert "BROKEN" in text
    assert "A promise was broken." in page
