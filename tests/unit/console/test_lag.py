import pytest
from pydantic_core import to_jsonable_python

from argosy.broker.lag import GroupLag, PartitionLag
from argosy.broker.presence import Held, InHand, Presence, Present, Silent
from argosy.console.lag_amount import Amount
from argosy.console.lag_figures import Told, standing
from argosy.console.lag_graves import Grave
from argosy.console.lag_standing import SilentWorker
from argosy.console.lag_status import Facts, status

NOW = 1_000_000
LAG = GroupLag("g", "t", 2, (PartitionLag(0, 0, 12, 2, 10, 9.0, 100), PartitionLag(1, 0, 3, 0, 3, 4.0, 30)))


def letter(partition: int, topic: str = "t") -> Grave:
    return Grave(7, NOW - 60_000, topic, partition, None)


def tokens(held: dict[int, int]) -> dict[int, int]:
    return {partition: 10 * count for partition, count in held.items()}


def worker(name: str, running: dict[int, int], parked: dict[int, int]) -> Presence:
    hand = InHand(
        running=Held(partitions=running, tokens=tokens(running), since_ms=NOW - 8_000),
        parked=Held(partitions=parked, tokens=tokens(parked), since_ms=NOW - 2_000 if parked else None),
        slots=4,
    )
    return Presence(role="worker", name=name, version="1", started_ms=0, at_ms=NOW, agents={"critic": hand})


@pytest.mark.parametrize(
    ("members", "waiting", "words"),
    [(1, 0, "ok"), (1, 7, "behind"), (0, 7, "nobody there"), (0, 0, "stopped")],
)
def test_a_group_stands_as_its_members_and_its_lag_say(members: int, waiting: int, words: str) -> None:
    assert status(Facts(members, waiting, waiting, seconds=9.0)) == words


def test_work_whose_workers_all_fell_silent_is_told_apart_from_work_that_goes_on() -> None:
    stuck = Silent(worker("a", {0: 3}, {}), 14.0)
    found = standing(LAG, "critic", Told(NOW, Present(NOW, (), (stuck,))))
    assert (found.status, found.silent) == ("stalled", (SilentWorker("a", 14.0),))
    helped = standing(LAG, "critic", Told(NOW, Present(NOW, (worker("b", {}, {}),), (stuck,))))
    assert (helped.status, [each.name for each in helped.silent]) == ("behind", ["a"])
    other = standing(LAG, "planner", Told(NOW, Present(NOW, (), (stuck,))))
    assert (other.status, other.silent) == ("behind", ())


def test_a_group_tells_its_status_in_its_json_too() -> None:
    found = standing(LAG, "critic", Told(NOW, None))
    assert to_jsonable_python(found)["status"] == found.status == "behind"


@pytest.mark.parametrize(
    ("agent", "patience", "told"), [("critic", 9.0, True), ("critic", 30.0, False), (None, 1.0, False)]
)
def test_messages_that_are_older_than_the_patience_may_be_fewer_tasks(
    agent: str | None, patience: float, *, told: bool
) -> None:
    found = standing(LAG, agent, Told(NOW, None, patience_seconds=patience))
    assert found.unfinished.at_most == found.waiting.at_most == told


def test_what_waits_is_what_nobody_has_in_hand() -> None:
    there = Present(NOW, (worker("a", {0: 3}, {0: 2}), worker("b", {0: 1}, {})))
    found = standing(LAG, "critic", Told(NOW, there, [letter(0), letter(0, "other")]))
    assert (found.in_flight, found.parked) == (Amount(4, 8.0, 40), Amount(2, 2.0, 20))
    assert found.waiting == Amount(7, 4.0, 100 - 60 + 30)
    assert found.dead == Amount(1, 60.0)
    first, second = found.partitions
    assert [each.messages for each in (first.waiting, first.in_flight, first.parked, first.dead)] == [
        4,
        4,
        2,
        1,
    ]
    assert [each.messages for each in (second.waiting, second.in_flight, second.parked)] == [3, 0, 0]
    assert (first.waiting.tokens, second.waiting.tokens) == (40, 30)
    assert found.workers == ("a", "b")


def test_an_estimate_of_tokens_is_shared_out_by_messages_and_said_to_be_one() -> None:
    long = GroupLag("g", "t", 1, (PartitionLag(0, 0, 1000, 0, 1000, 9.0, 5_000, estimated=True),))
    found = standing(long, "critic", Told(NOW, Present(NOW, (worker("a", {0: 100}, {}),))))
    assert found.waiting == Amount(900, None, 4_500, estimated=True)


def test_where_workers_can_not_be_asked_everything_unfinished_waits() -> None:
    found = standing(LAG, "critic", Told(NOW, None))
    assert (found.waiting, found.in_flight) == (Amount(13, 9.0, 130), Amount(0, 0.0, 0))


def test_messages_that_carry_no_tokens_have_none() -> None:
    lag = GroupLag(
        "g", "t", 1, (PartitionLag(0, 0, 3, 0, 3, 4.0, None), PartitionLag(1, 0, 0, 0, 0, 0.0, None))
    )
    found = standing(lag, None, Told(NOW, None))
    assert (found.waiting, found.unfinished) == (Amount(3, 4.0), Amount(3, 4.0))


def test_a_group_that_has_finished_everything_waits_for_nothing() -> None:
    done = GroupLag("g", "t", 1, (PartitionLag(0, 0, 12, 12, 0, 0.0),))
    assert standing(done, None, Told(NOW, None)).waiting == Amount(0, 0.0, 0)
