import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from peers import report
from peers.arms.tally import TEXT, Tally
from peers.outcomes import OURS, Compared, Done, Missed, Standing, compare, joined

GOALS = {("drain", "slow"): 20.0, ("drain", "near"): 3.0, ("drain", "gone"): 2.0, ("wait", OURS): 0.97}


def standing(peer: str, *outcomes: Done | Missed, work: str = "drain") -> Standing:
    return Standing(
        work=work, unit="tasks/s", peer=peer, settings="as it is", guarantees="none", outcomes=outcomes
    )


def done(number: int, rate: float, note: str = "") -> Done:
    return Done(round=number, rate=rate, cpu_us=1e6 / rate, servers_us=5, note=note)


def of(arms: list[Compared], peer: str) -> Compared:
    return next(arm for arm in arms if arm.peer == peer)


def test_a_ratio_is_made_of_two_rates_of_the_same_round() -> None:
    ours = standing(OURS, done(0, 1_000), done(1, 9_000), done(2, 3_000))
    slow = standing("slow", done(0, 50), done(1, 100), done(2, 200))

    found = of(compare([ours, slow], GOALS), "slow")

    assert found.ratio is not None
    assert (found.ratio.least, found.ratio.median, found.ratio.most) == (15, 20, 90)
    assert (found.goal, found.met) == (20, True)


def test_a_round_that_one_of_both_missed_makes_no_ratio() -> None:
    ours = standing(OURS, done(0, 1_000), Missed(round=1, because="did not finish within 120 s"))
    near = standing("near", Missed(round=0, because="ended"), done(1, 500))

    found = of(compare([ours, near], GOALS), "near")

    assert (found.ratio, found.met) == (None, None)
    assert report.cells(found)[0] == "500 (500 to 500); 1 times: ended"
    assert report.cells(found)[4] == "≥ 3: not known"


def test_a_goal_of_ours_is_for_the_rate_and_a_goal_of_a_peer_for_the_ratio() -> None:
    arms = compare(
        [
            standing(OURS, done(0, 0.98), work="wait"),
            standing(OURS, done(0, 1_000)),
            standing("near", done(0, 500)),
        ],
        GOALS,
    )

    assert [(arm.peer, arm.work, arm.met) for arm in arms] == [
        (OURS, "wait", True),
        (OURS, "drain", None),
        ("near", "drain", False),
    ]
    assert arms[0].ratio is None


def test_what_could_not_be_installed_is_told_as_a_result() -> None:
    gone = standing(
        "gone", *(Missed(round=number, because="could not be installed: no npm") for number in (0, 1))
    )

    found = of(compare([standing(OURS, done(0, 10)), gone], GOALS), "gone")

    assert report.cells(found) == (
        "2 times: could not be installed: no npm",
        "-",
        "-",
        "",
        "≥ 2: not known",
    )


def test_the_file_holds_every_round_and_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "figures" / "peers.json"
    before = [standing(OURS, done(0, 1_000)), standing("slow", done(0, 40, "3 tasks twice"))]
    report.write(
        file,
        report.Report(
            at=datetime(2026, 11, 27, tzinfo=UTC),
            machine={"cores": 2},
            versions={"celery": {"celery": "5.7.0"}},
            sizes={"drained": 5},
            arms=compare(before, GOALS),
        ),
    )

    written = json.loads(file.read_text())["arms"][1]
    assert written["rate"] == {"least": 40, "median": 40, "most": 40}
    assert (written["ratio"]["median"], written["goal"], written["met"]) == (25, 20, True)
    assert written["outcomes"] == [
        {"kind": "done", "round": 0, "rate": 40, "cpu_us": 25_000, "servers_us": 5, "note": "3 tasks twice"}
    ]
    assert report.read(file) == before
    assert report.read(tmp_path / "none.json") == []


def test_rounds_of_a_later_run_follow_those_of_an_earlier_one() -> None:
    earlier = [standing(OURS, done(0, 10), done(1, 20)), standing("slow", done(0, 1))]
    later = [standing(OURS, done(0, 30)), standing("near", done(0, 3))]

    found = {each.peer: [outcome.round for outcome in each.outcomes] for each in joined(earlier, later)}

    assert found == {OURS: [0, 1, 2], "slow": [0], "near": [2]}


def test_each_work_has_a_table_with_all_its_arms(capsys: pytest.CaptureFixture[str]) -> None:
    arms = compare(
        [
            standing(OURS, done(0, 12_345)),
            standing(OURS, done(0, 0.98), work="wait"),
            standing("slow", done(0, 300)),
        ],
        GOALS,
    )

    report.show(arms, {"wait": "handlers that wait"}, {"cores": 2, "packages": {}})

    drain, _, wait = capsys.readouterr().out.partition("handlers that wait")
    assert "12,345" in drain
    assert "41.1 (41.1 to 41.1)" in drain
    assert "≥ 20: met" in drain
    assert "0.98" in wait
    assert "slow" not in wait
    assert "cores 2" in wait
    assert "packages" not in wait


def test_a_task_without_effect_and_one_with_two_are_seen(tmp_path: Path) -> None:
    reader = Tally.make(tmp_path / "tally", 3)
    writer = Tally(tmp_path / "tally")
    assert (reader.began, reader.missing, reader.repeated) == (0, 3, 0)

    writer.begin()
    began = reader.began
    for number in (0, 2, 2):
        writer.begin()
        writer.done(number)

    assert (reader.missing, reader.repeated) == (1, 1)
    assert 0 < began == reader.began <= reader.ended


def test_tasks_of_peers_carry_as_much_as_ours() -> None:
    assert len(TEXT.encode()) == 620
