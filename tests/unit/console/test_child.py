import pytest

from argosy.console.child import BACKOFF_LAST_SECONDS, Restart, exit_in_words, restart_delay_seconds


@pytest.mark.parametrize(
    ("policy", "exit_code", "restarts"),
    [
        (Restart.ALWAYS, 0, True),
        (Restart.ALWAYS, -9, True),
        (Restart.ON_FAILURE, 0, False),
        (Restart.ON_FAILURE, 1, True),
        (Restart.NEVER, 1, False),
    ],
)
def test_the_policy_says_whether_a_child_is_started_again(
    policy: Restart, exit_code: int, *, restarts: bool
) -> None:
    assert (restart_delay_seconds(policy, exit_code, 0) is not None) is restarts


def test_a_child_that_ran_steadily_is_started_again_at_once() -> None:
    assert restart_delay_seconds(Restart.ALWAYS, -9, 0) == 0


def test_the_wait_doubles_up_to_a_limit() -> None:
    waits = [restart_delay_seconds(Restart.ALWAYS, 1, ends) for ends in range(1, 12)]
    assert waits[:3] == [0.2, 0.4, 0.8]
    assert waits[-1] == BACKOFF_LAST_SECONDS


def test_an_exit_is_told_in_words() -> None:
    assert exit_in_words(3) == "exit code 3"
    assert exit_in_words(-9) == "killed by SIGKILL"
    assert exit_in_words(-99) == "killed by signal 99"
