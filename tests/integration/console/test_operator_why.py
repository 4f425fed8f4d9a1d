"""`argosy why` on real servers and real processes: each cause is made, and told."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from redis import Redis

from support.operated import Operated
from support.stack import StackThread

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def fleet(tmp_path: Path, stack: StackThread) -> Iterator[Operated]:
    made = Operated(tmp_path, stack, f"why-{uuid4().hex[:8]}", {"ARGOSY_FLEET__DISPATCH_WINDOW": "1"})
    yield made
    made.end_all()


def test_of_runs_that_agents_hold_up_the_agent_the_worker_and_the_time_are_named(fleet: Operated) -> None:
    fleet.coordinator()
    fleet.submit("joins", "a", "run-1")
    never = fleet.why("run-1", "no_worker")
    assert "app" not in never["cause"]["what"]
    assert {other["code"] for other in never["others"]} == {"no_worker", "join_short"}
    worker = fleet.worker("quick,patient")
    stuck = fleet.why("run-1", "in_handler")
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
    coordinator = fleet.coordinator()
    fleet.worker("quick")
    fleet.argosy("run", "fast", "--app", "app.py", "--input", '"x"', "--run-id", "done")
    ended = fleet.why("done", "ended")
    assert ended["state"] == "succeeded"
    fleet.why("never-heard-of", "unknown_run", expect=5)
    fleet.submit("nameless", "x", "run-0", app=False)
    assert "nameless" in fleet.why("run-0", "pipeline_unpublished")["cause"]["what"]
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
        fleet.end("coordinator")
        fleet.why("run-1", "coordinator_away")
        redis.hset(f"{lane}:lane", "layout", "99")
        fleet.coordinator()
        paused = fleet.why("run-1", "lane_paused")
        assert "layout 99" in paused["cause"]["why"]
