import pytest

from argosy.broker.lag import GroupLag, PartitionLag
from argosy.console.lag import status


@pytest.mark.parametrize(
    ("members", "waiting", "words"),
    [(1, 0, "ok"), (1, 7, "behind"), (0, 7, "nobody there"), (0, 0, "stopped")],
)
def test_a_group_stands_as_its_members_and_its_lag_say(members: int, waiting: int, words: str) -> None:
    partition = PartitionLag(0, 0, waiting, 0, waiting, 1.0)
    assert status(GroupLag("g", "t", members, (partition,))) == words
