"""What a load needs: how it grows, what lies where, what limits it first. No service is asked."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from argosy.broker.topics import plan
from argosy.console.plan_capacity import as_json, reckon
from argosy.console.plan_capacity_constants import Constants, constants
from argosy.console.plan_capacity_first import First, first_met
from argosy.console.plan_capacity_load import Load
from argosy.console.plan_capacity_run import in_redis, shape, stored_bytes, written
from argosy.console.plan_capacity_text import days, number, page, share, size
from argosy.console.plan_capacity_walls import Given, Needs, Wall, walls
from argosy.schemas.settings import DAY_SECONDS, FleetSettings, KafkaSettings, Settings
from argosy.testing.stage import plain_settings
from support.command_line import CommandLine

KNOWN = constants()
SETTINGS = plain_settings(lanes=8)
PLENTY = Given(redis_gib=16.0)


def load(  # noqa: PLR0913 - what a load is, by name
    runs: int = 100_000,
    *,
    width: int = 8,
    depth: int = 3,
    payload: int = 1_000,
    seconds: float = 10.0,
    wait: float = 0.0,
    peak: float = 3.0,
) -> Load:
    run = shape(width=width, depth=depth, payload_bytes=payload, known=KNOWN)
    return Load(runs, run, 2_000, seconds, wait, peak)


def needs(asked: Load, settings: Settings = SETTINGS, *, replicas: int = 3, concurrency: int = 64) -> Needs:
    return reckon(asked, settings, KNOWN, concurrency=concurrency, replicas=replicas)


def limits(asked: Load, settings: Settings = SETTINGS, there: Given = PLENTY) -> dict[str, Wall]:
    found = walls(needs(asked, settings), settings, there, KNOWN)
    return {wall.name: wall for wall in found}


def names(model: BaseModel, prefix: str = "") -> list[str]:
    found: list[str] = []
    for name in type(model).model_fields:
        value: object = getattr(model, name)
        found += names(value, f"{prefix}{name}.") if isinstance(value, BaseModel) else [f"{prefix}{name}"]
    return [name for name in found if not name.startswith(("made", "sources"))]


def test_every_constant_has_a_source() -> None:
    assert set(KNOWN.made) == {"on", "machine", "with"}
    for name in names(KNOWN):
        assert name in KNOWN.sources or name.partition(".")[0] in KNOWN.sources, name
        assert name in KNOWN.sources or not name.startswith("assumed"), name


def test_every_source_is_of_a_constant() -> None:
    there = names(KNOWN)
    assert set(KNOWN.sources) <= {name.partition(".")[0] for name in there} | set(there)


@pytest.mark.parametrize(
    ("width", "depth", "tasks"),
    [(1, 1, 1), (8, 1, 8), (8, 2, 9), (8, 3, 10), (8, 4, 18), (1, 3, 3), (5, 6, 22)],
)
def test_a_shape_counts_its_tasks(width: int, depth: int, tasks: int) -> None:
    run = shape(width=width, depth=depth, payload_bytes=100, known=KNOWN)
    assert run.tasks == tasks
    rows = written(run, KNOWN)
    assert sum(row.number for row in rows if row.what.startswith("task.settled")) == tasks
    assert sum(row.number for row in rows if row.topic == "tasks") == tasks


def test_a_run_leaves_one_submit_one_accept_one_end_and_one_result() -> None:
    rows = {(row.topic, row.what): row.number for row in written(load().run, KNOWN)}
    for name in (
        ("inbox", "run.submitted"),
        ("runs", "run.accepted"),
        ("runs", "run.ended"),
        ("results", "run.ended"),
    ):
        assert rows[name] == 1


def test_topics_are_kept_as_long_as_they_are_planned() -> None:
    planned = {each.name.rpartition(".")[2]: each for each in plan(SETTINGS)}
    for topic in needs(load()).kafka.topics:
        if topic.topic != "tasks":
            milliseconds = int(planned[topic.topic].configs["retention.ms"])
            assert topic.kept_days == milliseconds / 1000 / DAY_SECONDS
            assert topic.bytes_kept == round(topic.bytes_per_day * topic.kept_days)


def test_ten_times_the_runs_take_ten_times_the_bytes_and_cores() -> None:
    one, ten = needs(load(100_000)), needs(load(1_000_000))
    assert ten.kafka.bytes_per_day == 10 * one.kafka.bytes_per_day
    assert ten.kafka.bytes_kept == 10 * one.kafka.bytes_kept
    assert ten.redis.ended == 10 * one.redis.ended
    assert ten.redis.cores == pytest.approx(10 * one.redis.cores)
    assert ten.fleet.coordinator_cores == pytest.approx(10 * one.fleet.coordinator_cores)
    assert ten.kafka.bytes_per_task == one.kafka.bytes_per_task


def test_a_task_of_a_wide_run_costs_what_one_of_a_narrow_run_costs() -> None:
    narrow, wide = needs(load(1_000, width=100)).kafka, needs(load(1_000, width=10_000)).kafka
    assert wide.bytes_per_task == pytest.approx(narrow.bytes_per_task, rel=0.1)


Sizes = st.fixed_dictionaries(
    {
        "runs": st.integers(1, 10**8),
        "width": st.integers(1, 50_000),
        "depth": st.integers(1, 9),
        "payload": st.integers(2, 60_000),
        "seconds": st.floats(0, 10_000),
        "wait": st.floats(0, 600_000),
    }
)


@given(Sizes, st.sampled_from(["runs", "seconds", "wait"]), st.integers(2, 1000))
def test_more_never_needs_less(asked: dict[str, Any], what: str, times: int) -> None:
    few, many = needs(load(**asked)), needs(load(**{**asked, what: asked[what] * times}))
    assert many.redis.used >= few.redis.used
    assert many.kafka.bytes_kept >= few.kafka.bytes_kept
    assert many.fleet.partitions >= few.fleet.partitions
    assert many.fleet.coordinators >= few.fleet.coordinators
    assert [each.processes for each in many.fleet.workers] >= [each.processes for each in few.fleet.workers]


def test_values_over_64_kib_lie_in_the_payload_store_instead() -> None:
    below, above = load(payload=60_000).run, load(payload=70_000).run
    assert in_redis(above, KNOWN).full < in_redis(below, KNOWN).full / 10
    largest = max(row.bytes_each for row in written(above, KNOWN))
    assert largest < 5_000
    assert stored_bytes(above, KNOWN) > 10 * 70_000


def test_only_workers_handle_the_bytes_of_values_in_the_payload_store() -> None:
    below, above = needs(load(payload=60_000)), needs(load(payload=70_000))
    assert above.redis.cores < below.redis.cores
    assert above.fleet.coordinator_cores < below.fleet.coordinator_cores
    assert above.fleet.workers[1].cores > below.fleet.workers[1].cores


def test_a_window_is_told_with_the_lanes_that_it_is_meant_for() -> None:
    name = "tasks of one agent that may be out"
    few, many = limits(load(1_000_000))[name].do, limits(load(2_000_000, width=998))[name].do
    assert "DISPATCH_WINDOW=" in few
    assert "LANES" not in few
    assert f"LANES={needs(load(2_000_000, width=998)).fleet.lanes}" in many


def test_runs_at_once_are_their_rate_times_their_time() -> None:
    asked = load(86_400, seconds=100.0, depth=2, peak=1.0)
    assert needs(asked).traffic.runs_active == 201  # one a second, two layers of 100 s and a hop
    assert needs(asked).traffic.tasks_at_once == 9 * 100


def test_a_peak_lasts_an_hour() -> None:
    waiting = needs(load(86_400, wait=7_200.0, peak=3.0)).traffic.runs_waiting
    assert waiting == 3 * 3_600 + 3_600


def test_a_run_that_waits_takes_its_state_and_a_timer() -> None:
    held = in_redis(load().run, KNOWN)
    assert held.begun < held.full < held.waiting < held.full + 1_000
    assert held.ended < held.begun


def test_tombstones_lie_for_the_longest_run_and_the_window() -> None:
    short = FleetSettings(longest_run_seconds=DAY_SECONDS, window_seconds=DAY_SECONDS)
    settings = SETTINGS.model_copy(update={"fleet": short})
    found, whole = needs(load(), settings).redis, needs(load()).redis
    assert (found.ended_days, whole.ended_days) == (2, 9)
    assert found.ended * 9 == whole.ended * 2


def test_replicas_take_as_many_disks() -> None:
    one, three = needs(load(), replicas=1).kafka, needs(load(), replicas=3).kafka
    assert three.bytes_kept == 3 * one.bytes_kept
    assert (one.brokers, three.brokers) == (1, 3)


def test_one_of_each_process_may_die() -> None:
    fleet = needs(load(1)).fleet
    assert fleet.coordinators == 2
    assert [each.processes for each in fleet.workers] == [2, 2, 2]


def test_handlers_that_wait_need_processes_by_their_slots() -> None:
    few, many = needs(load(), concurrency=1_000).fleet, needs(load(), concurrency=10).fleet
    wide = next(each for each in many.workers if each.agent == "wide")
    assert wide.processes == -(-wide.slots // 10)
    assert wide.work_partitions >= wide.processes
    assert few.workers[1].processes < wide.processes


def test_what_limits_first_comes_first() -> None:
    found = [wall.share for wall in walls(needs(load()), SETTINGS, PLENTY, KNOWN)]
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("runs", [4, 1_000, 30_000])
def test_the_limit_met_first_is_within_its_bound_at_the_times_told_and_over_it_beyond(runs: int) -> None:
    def at(times: float) -> list[Wall]:
        return walls(needs(load(round(runs * times))), SETTINGS, PLENTY, KNOWN)

    first = first_met(at)
    assert first is not None
    assert at(first.times)[0].share <= 1
    beyond = at(first.times * 1.01 + 1 / runs)
    assert next(wall.share for wall in beyond if wall.name == first.wall.name) > 1


def test_what_does_not_grow_with_the_load_is_never_met_and_what_is_over_already_is_met_now() -> None:
    steady = Wall("width of a map", 1, 2, "shards", "design", "")
    assert first_met(lambda _: [steady]) is None
    over = Wall("runs at once", 3, 2, "runs", "setting", "")
    assert first_met(lambda _: [over, steady]) == First(over, 1.0)


def test_a_lane_sees_of_a_value_over_64_kib_its_reference_and_a_handler_all_of_it() -> None:
    small, large = load(1_000, payload=1_000), load(1_000, payload=50_000_000)
    assert limits(large)["the lane of one run"].needed <= limits(small)["the lane of one run"].needed
    few, much = (needs(asked).fleet.workers[1] for asked in (small, large))
    assert much.memory_mib > few.memory_mib + much.slots * 95


def test_a_raised_setting_moves_its_limit() -> None:
    asked = load(1_000_000)
    raised = SETTINGS.model_copy(
        update={
            "kafka": KafkaSettings(work_partitions=64),
            "fleet": FleetSettings(lanes=8, dispatch_window=2_560, most_runs=1_000_000),
        }
    )
    before, after = limits(asked), limits(asked, raised)
    for name, times in (
        ("workers of one agent", 32),
        ("tasks of one agent that may be out", 10),
        ("runs at once", 10),
    ):
        assert before[name].share == pytest.approx(times * after[name].share)


@pytest.mark.parametrize(
    ("asked", "most"),
    [
        (load(1_000_000, payload=2_000, seconds=0.1), "what ended runs leave"),
        (load(10_000, payload=2_000, wait=500_000.0), "runs that wait"),
        (load(10_000, payload=60_000, width=500, depth=2, seconds=50_000.0), "runs under way"),
    ],
)
def test_the_cure_for_a_full_redis_names_what_fills_it(asked: Load, most: str) -> None:
    assert most in limits(asked)["Redis memory"].do


def test_disks_and_models_limit_only_where_they_have_an_end() -> None:
    assert {"Kafka's disks", "model tokens"} & set(limits(load())) == set()
    found = limits(load(86_400, peak=1.0), there=Given(16.0, 1.0, 1_000))
    assert found["model tokens"].needed == 10 * 2_000 * 60
    assert found["Kafka's disks"].share > 1


def test_a_map_can_only_be_so_wide() -> None:
    assert limits(load(10, width=200_000))["width of a map"].share == 2
    assert "width of a map" not in limits(load(10, width=1, depth=1))


@given(Sizes)
def test_every_load_has_a_page_and_a_json(asked: dict[str, Any]) -> None:
    found = needs(load(**asked))
    limiting = walls(found, SETTINGS, PLENTY, KNOWN)
    first = First(limiting[0], 1.0)
    told = page(found, limiting, first, SETTINGS, KNOWN)
    assert limiting[0].name in told
    given = json.loads(json.dumps(as_json(found, limiting, first, KNOWN)))
    assert given["limits"][0]["name"] == given["first"]["name"] == limiting[0].name


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (size(0), "0 B"),
        (size(999), "999 B"),
        (size(4_100), "4.1 KB"),
        (size(12e9), "12 GB"),
        (size(3e18), "3000 PB"),
        (number(0.0123456), "0.0123"),
        (number(12_345), "12k"),
        (days(1.0), "1 day"),
        (days(9.0), "9 days"),
        (share(0.625), "62.5%"),
        (share(12.3), "12x"),
    ],
)
def test_figures_are_written_short(told: str, said: str) -> None:
    assert told == said


def test_the_command_needs_nothing_that_runs(tmp_path: Path) -> None:
    away = {"ARGOSY_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1", "ARGOSY_REDIS__URL": "redis://127.0.0.1:1/0"}
    argosy = CommandLine(tmp_path, away)
    told = argosy("plan-capacity", "--runs-per-day", "1000000", "--width", "8", "--tokens", "500").stdout
    assert "1.0M runs a day of 10 tasks each" in told
    found = json.loads(argosy("--json", "plan-capacity", "--runs-per-day", "1000000", "--depth", "4").stdout)
    assert found["run"]["tasks"] == 18
    assert Constants.model_validate(found["constants"]) == KNOWN


def test_its_settings_are_those_of_the_fleet(tmp_path: Path) -> None:
    argosy = CommandLine(tmp_path, {"ARGOSY_FLEET__LANES": "128"})
    assert "(set: 128)" in argosy("plan-capacity", "--runs-per-day", "10").stdout


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    argosy = CommandLine(tmp_path, {})
    argosy("plan-capacity", "--runs-per-day", "0", expect=2)
    for option, value in {"--peak": "inf", "--task-seconds": "inf", "--wait-seconds": "1e300"}.items():
        argosy("plan-capacity", "--runs-per-day", "10", option, value, expect=2)
