"""`argosy why` on real servers and real processes: each cause is made, and told."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis

from support.operated import Operated
from support.stack import StackThread

pytestmark = pytest.mark.timeout(600)

BROKEN = """
from argosy.console.main import run
from argosy.coordinator import fold

rules = fold.RULES[2]


def broken(state, event):
    if event.run_id.startswith("planted"):
        raise RuntimeError("planted")
    return rules(state, event)


fold.RULES[2] = broken
run()
"""
"""A coordinator with a mistake in its rules."""

SLOW = """
import asyncio
from pathlib import Path

from argosy.broker.producer import KafkaProducer
from argosy.console.main import run

HERE = Path(__file__).parent


def held(call):
    async def waiting(self, given):
        records = given if isinstance(given, (list, tuple)) else [given]
        while any(record.topic.endswith(".runs") for record in records) and not (HERE / "go-on").exists():
            await asyncio.sleep(0.05)
        return await call(self, given)

    return waiting


KafkaProducer.send = held(KafkaProducer.send)
KafkaProducer.send_many = held(KafkaProducer.send_many)
run()
"""
"""A worker whose appends to the run log wait for a file."""


@pytest.fixture
def fleet(tmp_path: Path, stack: StackThread) -> Iterator[Operated]:
    made = Operated(tmp_path, stack, f"why-{uuid4().hex[:8]}", {"ARGOSY_FLEET__DISPATCH_WINDOW": "1"})
    yield made
    made.end_all()


def test_of_runs_that_agents_hold_up_the_agent_the_worker_and_the_time_are_named(fleet: Operated) -> None:
    fleet.environment["ARGOSY_KAFKA__SESSION_TIMEOUT_SECONDS"] = (
        "180"  # so long the killed worker is a member
    )
    fleet.coordinator()
    fleet.submit("joins", "a", "run-1")
    never = fleet.why(
        "run-1",
        "no_worker",
        so=lambda told: {other["code"] for other in told["others"]} == {"no_worker", "join_short"},
    )
    assert "app" not in never["cause"]["what"]
    worker = fleet.worker("quick,patient")
    stuck = fleet.why(
        "run-1", "in_handler", so=lambda told: [one["code"] for one in told["others"]] == ["join_short"]
    )
    holder = f"{socket.gethostname()}-{worker.pid}"
    assert stuck["cause"]["figures"]["holder"] == holder
    assert stuck["cause"]["figures"]["since_ms"] < stuck["cause"]["figures"]["lease_ms"]
    (join,) = [other for other in stuck["others"] if other["code"] == "join_short"]
    assert join["figures"]["missing"] == ["patient"]
    assert holder in fleet.argosy("runs", "why", "run-1").stdout
    fleet.submit("waits", "b", "run-2")
    held = fleet.why("run-2", "held_by_window")
    assert (held["cause"]["figures"]["out"], held["cause"]["figures"]["window"]) == (1, 1)
    fleet.end("worker-quick,patient", signal.SIGKILL)
    gone = fleet.why("run-1", "worker_gone")
    assert gone["cause"]["figures"]["holder"] == holder


def test_a_run_that_waits_for_a_retry_says_until_when(fleet: Operated) -> None:
    fleet.coordinator()
    fleet.worker("later")
    fleet.submit("retries", "c", "run-1")
    waiting = fleet.why("run-1", "retry_waiting")
    assert waiting["cause"]["figures"]["retry_ms"] > 0
    assert "attempt 2 of 4" in waiting["cause"]["why"]
    assert "not yet" in waiting["cause"]["why"]
    fleet.end("worker-later")
    assert fleet.why("run-1", "retry_waiting")["state"] == "active"


def test_what_stands_before_the_lane_is_named_with_offsets(fleet: Operated) -> None:
    fleet.environment["ARGOSY_FLEET__UNKNOWN_PIPELINE_SECONDS"] = "600"
    fleet.environment["ARGOSY_KAFKA__SESSION_TIMEOUT_SECONDS"] = (
        "60"  # so long the stopped coordinator is a member
    )
    coordinator = fleet.coordinator()
    fleet.worker("quick")
    fleet.argosy("run", "fast", "--app", "app.py", "--input", '"x"', "--run-id", "done")
    ended = fleet.why("done", "ended")
    assert ended["state"] == "succeeded"
    fleet.why("never-heard-of", "unknown_run", expect=5)
    fleet.submit("nameless", "x", "run-0", app=False)
    nameless = fleet.why("run-0", "pipeline_unpublished")["cause"]
    assert "for pipeline nameless to be published: until " in nameless["what"]
    assert nameless["figures"]["until_ms"] == nameless["figures"]["submitted_ms"] + 600_000
    fleet.argosy("publish", "app.py")
    fleet.submit("fast@2", "x", "run-2", app=False)
    assert "published of it: fast@1" in fleet.why("run-2", "pipeline_unpublished")["cause"]["why"]
    # Both lie behind run-0's submit, which waits: their offsets are committed after it.
    for run_id, version, time, code, expect in (
        ("run-3", 2, "2026-01-01T00:00:00Z", "newer_submit", 0),
        ("run-4", 1, "2001-01-01T00:00:00Z", "refused", 1),
    ):
        fleet.send_submit(run_id, {"pipeline": "fast", "input": "x"}, version=version, time=time)
        assert fleet.why(run_id, code, expect=expect)["state"] == "unknown"
    coordinator.send_signal(signal.SIGSTOP)
    fleet.submit("fast", "x", "run-1")
    behind = fleet.why("run-1", "inbox_behind")
    assert behind["cause"]["figures"]["offset"] >= behind["cause"]["figures"]["committed"]
    fleet.end("coordinator", signal.SIGKILL)
    fleet.argosy("why", "done")  # what has ended needs no coordinator
    fleet.environment["ARGOSY_REDIS__URL"] = "redis://127.0.0.1:9/0"
    fleet.why("run-1", "coordinator_away")
    fleet.environment["ARGOSY_KAFKA__BOOTSTRAP_SERVERS"] = "127.0.0.1:9"
    fleet.why("run-1", "kafka_away", expect=4)


def test_a_lane_that_does_not_go_on_is_named_with_its_owner(fleet: Operated) -> None:
    fleet.environment["ARGOSY_KAFKA__SESSION_TIMEOUT_SECONDS"] = "60"  # as above
    coordinator = fleet.coordinator()
    fleet.worker("patient")
    fleet.submit("waits", "d", "run-1")
    fleet.why("run-1", "in_handler")
    coordinator.send_signal(signal.SIGSTOP)
    (fleet.folder / "d").touch()
    behind = fleet.why("run-1", "lane_behind")
    assert behind["cause"]["figures"]["next"] <= behind["cause"]["figures"]["first_unfolded"]
    lane = f"{fleet.prefix}:{{lane-0}}"
    with Redis(port=fleet.stack.redis_port) as redis:
        redis.delete(f"{lane}:live")
        assert "lane 0" in fleet.why("run-1", "lane_reloading")["cause"]["what"]
        fleet.environment["ARGOSY_REDIS__URL"] = "redis://127.0.0.1:9/0"
        fleet.why("run-1", "redis_away", expect=4)
        fleet.environment["ARGOSY_REDIS__URL"] = fleet.stack.redis_url
        fleet.end(
            "coordinator", signal.SIGKILL
        )  # told to stop it would wake, and might still fold the outcome
        fleet.why("run-1", "coordinator_away")
        redis.hset(f"{lane}:lane", "layout", "99")
        fleet.coordinator()
        paused = fleet.why("run-1", "lane_paused")
        assert "layout 99" in paused["cause"]["why"]


def test_messages_that_workers_have_not_come_to_are_behind_them(tmp_path: Path, stack: StackThread) -> None:
    fleet = Operated(tmp_path, stack, f"why-{uuid4().hex[:8]}")
    try:
        fleet.coordinator()
        fleet.worker("patient")
        fleet.submit_all("waits", [f"w{number}" for number in range(6)])
        found: list[dict[str, Any]] = []

        def two_wait() -> bool:  # and the worker has said what it has in hand
            runs = [line["run_id"] for line in fleet.ask("runs", "list")["runs"]]
            found[:] = [fleet.ask("why", run_id)["cause"] for run_id in runs]
            said = [cause["code"] for cause in found if "4 of 4 slots taken" in cause["why"]]
            return said == ["worker_behind"] * 2 and len(found) == 6

        fleet.until(two_wait, "four are in their handlers, two wait", told=found)
        behind = next(cause for cause in found if cause["code"] == "worker_behind")
        assert behind["figures"]["members"] == 1
        assert behind["figures"]["offset"] >= behind["figures"]["committed"]
        assert "1 member; 4 of 4 slots taken" in behind["why"]
        assert [cause["code"] for cause in found].count("in_handler") == 4
    finally:
        fleet.end_all()


def test_a_task_whose_worker_was_lost_waits_for_its_turn_as_a_suspect(
    tmp_path: Path, stack: StackThread
) -> None:
    soon = {  # and later than a busy machine keeps a living worker from renewing: another delivery would count
        "ARGOSY_FLEET__LEASE_SECONDS": "20",
        "ARGOSY_FLEET__RENEW_SECONDS": "3",
        "ARGOSY_KAFKA__SESSION_TIMEOUT_SECONDS": "10",
    }
    fleet = Operated(tmp_path, stack, f"why-{uuid4().hex[:8]}", soon)
    try:
        fleet.coordinator()
        fleet.worker("patient")
        for name in ("a", "b"):
            fleet.submit("waits", name, name)
            fleet.why(name, "in_handler")
        fleet.end("worker-patient", signal.SIGKILL)
        fleet.worker("patient")
        found: dict[str, dict[str, Any]] = {}

        def one_waits() -> bool:
            found.update({name: fleet.ask("why", name)["cause"] for name in ("a", "b")})
            return {cause["code"] for cause in found.values()} == {"in_handler", "suspect"}

        fleet.until(one_waits, "one runs alone, the other waits", told=[found])
        suspect = next(cause for cause in found.values() if cause["code"] == "suspect")
        assert suspect["figures"]["deliveries"] == 1
        assert "was lost 1 time;" in suspect["why"]
        for name in ("a", "b"):
            (fleet.folder / name).touch()
        for name in ("a", "b"):
            fleet.why(name, "ended")
    finally:
        fleet.end_all()


def test_a_result_that_is_stored_and_not_in_the_log_yet_is_being_published(fleet: Operated) -> None:
    fleet.coordinator()
    slow = fleet.folder / "slow_worker.py"
    slow.write_text(SLOW)
    fleet.start("worker", "worker", "app.py:quick", program=slow)
    fleet.submit("fast", "x", "run-1")
    settling = fleet.why("run-1", "settling")
    assert (settling["state"], settling["cause"]["task"]) == ("active", "quick")
    (fleet.folder / "go-on").touch()
    assert fleet.why("run-1", "ended")["state"] == "succeeded"


def test_a_lane_whose_group_waits_for_a_member_that_hangs_has_no_owner(
    tmp_path: Path, stack: StackThread
) -> None:
    # So long may the one hang before it is put out of the group.
    patient = {"ARGOSY_KAFKA__SESSION_TIMEOUT_SECONDS": "180"}
    fleet = Operated(tmp_path, stack, f"why-{uuid4().hex[:8]}", patient)
    try:
        first = fleet.coordinator()
        fleet.worker("patient")
        fleet.submit("waits", "gate", "run-1")
        fleet.why("run-1", "in_handler")
        first.send_signal(signal.SIGSTOP)
        fleet.start("second", "coordinator")
        orphan = fleet.why("run-1", "lane_without_owner")
        assert orphan["cause"]["figures"]["lane"] == 0
        assert "2 members and is being balanced" in orphan["cause"]["why"]
        first.send_signal(signal.SIGCONT)
        (fleet.folder / "gate").touch()
        assert fleet.why("run-1", "ended")["state"] == "succeeded"
    finally:
        fleet.end_all()


def test_a_run_whose_fold_raises_is_set_aside_and_others_go_on(fleet: Operated) -> None:
    broken = fleet.folder / "broken_coordinator.py"
    broken.write_text(BROKEN)
    fleet.start("coordinator", "coordinator", program=broken)
    fleet.worker("quick")
    fleet.submit("fast", "x", "planted-1")
    aside = fleet.why("planted-1", "quarantined")
    assert "RuntimeError: planted" in aside["cause"]["why"]
    fleet.argosy("run", "fast", "--app", "app.py", "--input", '"y"', "--run-id", "well")
    assert fleet.ask("lane", "list")["lanes"][0]["set_aside"] == 1
    fleet.end("coordinator")
    fleet.coordinator()
    fleet.argosy("lane", "rebuild", "0", "--yes")
    assert fleet.why("planted-1", "ended")["state"] == "succeeded"
