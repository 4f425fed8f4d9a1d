"""`argosy up`, `status` and `down`, as a user runs them: real processes, found and killed by their pids."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from argosy.console import exits
from argosy.console.process import ProcessId
from argosy.console.stack_state import StackState, read_state, write_state
from support.command_line import CommandLine

pytestmark = pytest.mark.timeout(900)  # starts whole stacks, on machines that do other things too

# Where no package index, repository or proxy answers: port 9 (discard) of loopback.
NOWHERE = "http://127.0.0.1:9"
OFFLINE = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), NOWHERE) | {
    "PIP_INDEX_URL": NOWHERE,
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}


@pytest.fixture
def argosy(tmp_path: Path) -> Iterator[CommandLine]:
    """A command line in a folder of its own, with no network; whatever it started is stopped."""
    command = CommandLine(tmp_path, OFFLINE, fresh=True)
    yield command
    command("down")


def state_of(argosy: CommandLine) -> StackState:
    state = read_state(argosy.folder / ".argosy")
    assert state is not None
    return state


def processes_of(state: StackState) -> list[ProcessId]:
    assert state.supervisor is not None
    return [state.supervisor, *(child.process for child in state.children if child.process is not None)]


def wait_until(condition: Callable[[], bool], seconds: float = 150) -> None:
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, "it did not come to be"
        time.sleep(0.02)


def up(argosy: CommandLine, *words: str) -> str:
    """Start it, and again as long as Kafka doesn't answer in its time, on a busy machine; what it showed."""
    while (done := argosy.run("up", *words)).returncode == exits.UNREACHABLE:
        pass
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.usefixtures(
    "stack"
)  # it has downloaded Kafka if that was still to do: the commands here are offline
def test_up_starts_servers_offline_and_down_stops_them_and_keeps_their_data(argosy: CommandLine) -> None:
    told = json.loads(up(argosy, "--json"))
    first = state_of(argosy)
    assert told["bootstrap_servers"] == first.bootstrap_servers
    assert {child.name: child.state for child in first.children} == {"kafka": "ready", "valkey": "ready"}
    assert all(process.is_running() for process in processes_of(first))
    with Redis(port=first.layout.redis_port) as client:
        client.set("kept", "yes")

    up(argosy)
    assert processes_of(state_of(argosy)) == processes_of(first)

    argosy("down")
    assert not any(process.is_running() for process in processes_of(first))
    up(argosy)
    again = state_of(argosy)
    assert again.bootstrap_servers == first.bootstrap_servers
    with Redis(port=again.layout.redis_port) as client:
        assert client.get("kept") == b"yes"


@pytest.mark.usefixtures("stack")
def test_status_says_by_its_exit_code_whether_all_is_ready(argosy: CommandLine) -> None:
    assert "argosy up" in argosy("status", expect=1).stdout
    up(argosy)
    lines = argosy("status").stdout.splitlines()
    assert [line.split("\t")[:2] for line in lines[1:]] == [["valkey", "ready"], ["kafka", "ready"]]
    assert json.loads(argosy("status", "--json").stdout)["running"] is True


@pytest.mark.usefixtures("stack")
def test_a_server_killed_by_kill_9_is_restarted_by_the_supervisor(argosy: CommandLine) -> None:
    up(argosy)
    before = {child.name: child.process for child in state_of(argosy).children}
    kafka = before["kafka"]
    assert kafka is not None
    kafka.kill()

    def is_back() -> bool:
        now = {child.name: child for child in state_of(argosy).children}["kafka"]
        return now.state == "ready" and now.process != kafka

    wait_until(is_back)
    assert argosy("status").returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kernels kill children with their parent")
@pytest.mark.usefixtures("stack")
def test_a_supervisor_killed_by_kill_9_leaves_nothing_and_up_starts_anew(argosy: CommandLine) -> None:
    up(argosy)
    before = processes_of(state_of(argosy))
    os.kill(before[0].pid, signal.SIGKILL)
    wait_until(lambda: not any(process.is_running() for process in before))
    argosy("status", expect=1)
    up(argosy)
    assert processes_of(state_of(argosy))[0] != before[0]


@pytest.mark.usefixtures("stack")
def test_what_a_dead_supervisor_left_is_reaped_by_the_next_command(argosy: CommandLine) -> None:
    up(argosy)
    state = state_of(argosy)
    kafka = next(child for child in state.children if child.name == "kafka")
    assert state.supervisor is not None
    os.kill(state.supervisor.pid, signal.SIGSTOP)  # it neither cleans up nor restarts
    dead = state.supervisor.model_copy(update={"started_at": 0.0})  # and looks as if it had died
    write_state(argosy.folder / ".argosy", state.model_copy(update={"supervisor": dead}))
    try:
        argosy("status", expect=1)
        assert kafka.process is not None
        assert not kafka.process.is_running()
    finally:
        os.kill(state.supervisor.pid, signal.SIGKILL)


def test_an_unusable_number_of_brokers_is_told_with_the_cure(argosy: CommandLine) -> None:
    error = argosy("up", "--brokers", "2", expect=3).stderr
    assert "choose --brokers 1 or 3" in error


def test_an_unknown_command_is_a_usage_error(argosy: CommandLine) -> None:
    assert "No such command" in argosy("fly", expect=2).stderr


def test_without_network_and_without_a_cache_the_error_says_what_is_missing(tmp_path: Path) -> None:
    empty = CommandLine(tmp_path, {**OFFLINE, "XDG_CACHE_HOME": str(tmp_path / "cache")}, fresh=True)
    error = empty("up", expect=4).stderr
    assert "can't download" in error
    assert "HTTPS_PROXY" in error
