"""Ctrl-C on a real terminal: exit code 130, one line that says what holds now, and nothing half done."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from argosy.console.stack_state import read_state
from support.operated import Operated
from support.stack import StackThread
from support.terminal import CTRL_C, Terminal, terminal

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def fleet(tmp_path: Path, stack: StackThread) -> Iterator[Operated]:
    made = Operated(tmp_path, stack, f"int-{uuid4().hex[:8]}")
    yield made
    made.end_all()


def last_line(shown: Terminal) -> str:
    return shown.shown.rstrip("\n").rpartition("\n")[2]


def interrupted(shown: Terminal, says: str) -> None:
    shown.type(CTRL_C)
    assert shown.ended() == 130, shown.shown
    assert shown.shown.count("interrupted") == 1, shown.shown
    assert last_line(shown).startswith("interrupted"), shown.shown
    assert says in last_line(shown), shown.shown
    assert "Traceback" not in shown.shown
    assert "Aborted" not in shown.shown


def bury(fleet: Operated) -> None:
    """Have a dead letter of an agent's topic."""
    fleet.coordinator()
    fleet.worker("quick")
    fleet.send("tasks.quick", b"no json")
    fleet.until(lambda: bool(fleet.ask("dead", "list")["dead"]), "a letter is there")


def test_at_the_question_of_a_redrive_nothing_is_put_back(fleet: Operated) -> None:
    bury(fleet)
    with terminal(fleet.folder, fleet.environment, "dead", "redrive", "--all") as shown:
        shown.until("put 1 dead letter back? [y/N]")
        interrupted(shown, "nothing was done")
    assert len(fleet.ask("dead", "list")["dead"]) == 1
    with terminal(fleet.folder, fleet.environment, "dead", "redrive", "--all") as shown:
        shown.until("[y/N]")
        shown.type("perhaps\n")
        shown.until("perhaps\nput 1 dead letter back? [y/N]")
        shown.type("y\n")
        assert shown.ended() == 0, shown.shown
        assert "put back at" in shown.shown


def test_at_the_question_of_a_rebuild_nothing_is_rebuilt(fleet: Operated) -> None:
    fleet.argosy("topics", "apply")
    with terminal(fleet.folder, fleet.environment, "lane", "rebuild", "0") as shown:
        shown.until("rebuild lane 0 from the run log? [y/N]")
        interrupted(shown, "nothing was done")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("topics", "apply", "--app", "app.py"), "apply is safe to repeat"),
        (("publish", "app.py"), ""),
        (
            ("run", "fast", "--app", "app.py", "--input", '"x"', "--run-id", "r-1"),
            "--run-id r-1 makes no second run",
        ),
        (("runs", "cancel", "r-1"), "it is safe to repeat"),
        (("lag",), ""),
        (("why", "r-1"), ""),
    ],
)
def test_while_kafka_does_not_answer_a_command_ends_at_once(
    fleet: Operated, words: tuple[str, ...], says: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        fleet.environment["ARGOSY_KAFKA__BOOTSTRAP_SERVERS"] = "{}:{}".format(*server.getsockname())
        with terminal(fleet.folder, fleet.environment, *words) as shown:
            server.settimeout(240)
            connection, _ = server.accept()  # it asks, and is not answered
            with connection:
                interrupted(shown, says)


def test_who_waits_for_a_run_is_told_that_it_goes_on(fleet: Operated) -> None:
    fleet.coordinator()
    fleet.worker("patient")
    words = ("run", "waits", "--app", "app.py", "--input", '"gate"', "--run-id", "r-1")
    with terminal(fleet.folder, fleet.environment, *words) as shown:
        shown.until("run r-1 submitted")
        interrupted(shown, "the run goes on: argosy runs show r-1")
    fleet.why("r-1", "in_handler")
    with terminal(fleet.folder, fleet.environment, "runs", "watch", "r-1") as shown:
        shown.until("patient")
        interrupted(shown, "the run goes on")
    (fleet.folder / "gate").touch()
    assert json.loads(fleet.argosy(*words).stdout) == "gate"


def test_of_many_submits_those_that_are_acknowledged_are_counted(fleet: Operated) -> None:
    fleet.coordinator()
    fleet.worker("patient")
    (fleet.folder / "inputs").write_text('"a"\n"b"\n"c"\n')
    words = ("run", "waits", "--app", "app.py", "--each", "inputs", "--run-id", "batch")
    with terminal(fleet.folder, fleet.environment, *words) as shown:
        shown.until("3 acknowledged")
        interrupted(shown, "3 runs were acknowledged and go on; repeat the whole with --run-id batch")
    for name in ("a", "b", "c"):
        (fleet.folder / name).touch()
    lines = [json.loads(line) for line in fleet.argosy(*words).stdout.splitlines()]
    assert {line["run_id"]: line["result"] for line in lines} == {
        "batch-1": "a", "batch-2": "b", "batch-3": "c",
    }  # fmt: skip


def nothing_runs(folder: Path) -> bool:
    state = read_state(folder)
    return state is None or not state.is_running()


@pytest.mark.usefixtures("stack")
def test_a_start_of_the_stack_that_is_interrupted_leaves_nothing_running(tmp_path: Path) -> None:
    with terminal(tmp_path, {}, "up") as shown:
        shown.until("starting Kafka and Valkey")
        interrupted(shown, "what had started is stopped")
    assert nothing_runs(tmp_path / ".argosy")


@pytest.mark.usefixtures("stack")
def test_dev_and_its_parts_stop_and_what_restarts_meanwhile_is_told(fleet: Operated) -> None:
    folder = fleet.folder / ".argosy"
    with terminal(fleet.folder, {}, "dev", "app.py:fast") as shown:
        shown.until("Ctrl-C stops everything")
        state = read_state(folder)
        assert state is not None
        valkey = next(child.process for child in state.children if child.name == "valkey")
        assert valkey is not None
        valkey.kill()
        shown.until("ended   valkey: killed by SIGKILL; it is started again")
        shown.until("again   valkey is ready")
        shown.type(CTRL_C)
        shown.until("stopping …")
        assert shown.ended() == 130, shown.shown
        assert "all is stopped; runs and data stay in .argosy" in last_line(shown)
        assert "Traceback" not in shown.shown
    assert nothing_runs(folder)


@pytest.mark.usefixtures("stack")
def test_the_demo_stops_all_that_it_started(tmp_path: Path) -> None:
    with terminal(
        tmp_path, {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "none"}, "demo"
    ) as shown:
        shown.until("kafka 127.0.0.1:")
        shown.type(CTRL_C)
        assert shown.ended() == 130, shown.shown
        assert "all is stopped" in last_line(shown)
        assert "Traceback" not in shown.shown
    assert nothing_runs(tmp_path / ".argosy" / "demo")
