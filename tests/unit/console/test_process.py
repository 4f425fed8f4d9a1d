import os
import subprocess
import sys

from argosy.console.process import ProcessId, reap


def test_a_pid_that_was_given_to_another_process_is_not_the_same_process() -> None:
    this = ProcessId.of(os.getpid())
    assert this is not None
    assert this.is_running()
    assert not this.model_copy(update={"started_at": this.started_at - 60}).is_running()


def test_a_process_that_ended_is_not_running() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    identity = ProcessId.of(child.pid)
    child.wait()
    assert identity is None or not identity.is_running()
    assert ProcessId.of(child.pid) is None


def test_reaping_kills_what_was_left_and_spares_who_got_its_pid() -> None:
    with (
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as left,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other,
    ):
        left_id, other_id = ProcessId.of(left.pid), ProcessId.of(other.pid)
        assert left_id is not None
        assert other_id is not None
        stale = other_id.model_copy(update={"started_at": other_id.started_at - 60})
        assert reap([left_id, stale]) == [left_id]
        assert not left_id.is_running()
        assert other.poll() is None
        other.kill()
