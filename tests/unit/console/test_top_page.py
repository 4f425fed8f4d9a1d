"""The page of `argosy top`: it fits, it says what matters, and hostile names are harmless."""

import pytest

from argosy.broker.lag import GroupLag, PartitionLag
from argosy.broker.presence import Held, InHand, PartSaid, Presence, Present, Progress
from argosy.console.lag_amount import Amount
from argosy.console.lag_figures import Told, standing
from argosy.console.lag_measure import LagReport
from argosy.console.lag_standing import Queued, Standing
from argosy.console.top_page import ORDERS, View, page

NOW = 1_000_000


def group(agent: str, waiting: int, *, running: int = 0, owner: str = "w", held: int = 0) -> Standing:
    lag = GroupLag("g", "t", 1, (PartitionLag(0, 0, waiting, 0, waiting, 90.0, 10 * waiting),))
    progress = Progress(parts={0: PartSaid(next=0, done=30)}, seconds=60.0, busy_seconds=60.0)
    hand = InHand(running=Held(partitions={0: running}, tokens={0: 0}), slots=4, progress=progress)
    worker = Presence(role="worker", name=owner, version="1", started_ms=0, at_ms=NOW, agents={agent: hand})
    told = Told(NOW, Present(NOW, (worker,)), queued={agent: Queued(Amount(held), Amount(2))})
    return standing(lag, agent, told)


REPORT = LagReport((group("critic", 10, running=4), group("researcher", 40, held=60)), 3, measured_ms=NOW)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 130, 200])
def test_it_fits_every_width_and_always_tells_what_there_is_to_do_how_old_and_until_when(width: int) -> None:
    lines = page(REPORT, View(), width, 24).split("\n")
    assert max(line.cell_len for line in lines) <= max(width, 0)
    if width >= 60:
        head = next(line.plain for line in lines if line.plain.startswith("AGENT"))
        assert all(word in head for word in ("TO DO", "OLDEST", "DRAIN"))


def test_bars_are_shares_of_the_longest_queue_in_flight_first() -> None:
    lines = page(REPORT, View(), 130, 24).plain.splitlines()
    (critic,) = (line for line in lines if line.startswith("critic"))
    (researcher,) = (line for line in lines if line.startswith("researcher"))
    assert critic.count("█") >= 1
    assert critic.index("█") < critic.index("░")
    assert researcher.count("░") > 5 * critic.count("░") > 0
    assert "100 →" in researcher or "100 " in researcher  # what is held back counts


def test_it_sorts_and_shows_partitions_as_asked() -> None:
    by_messages = next(order for order in ORDERS if order.name == "messages")
    lines = page(REPORT, View(by_messages, by_partition=True), 130, 24).plain.splitlines()
    names = [line.split()[0] for line in lines if line.startswith(("critic", "researcher"))]
    assert names == ["researcher", "critic"]
    assert sum("partition 0: " in line for line in lines) == 2


def test_what_does_not_fit_below_is_said_to_be_there() -> None:
    many = LagReport(tuple(group(f"agent-{number}", 5) for number in range(50)), 0, measured_ms=NOW)
    shown = page(many, View(), 100, 20).plain.splitlines()
    assert len(shown) <= 20
    assert "more lines" not in shown[0]
    assert any(line.startswith("… ") for line in shown)


def test_a_hostile_name_of_a_worker_moves_no_cursor() -> None:
    report = LagReport((group("critic", 5, owner="\x1b[2Jw\u202e"),), 0, measured_ms=NOW)
    shown = page(report, View(by_partition=True), 200, 24).plain
    assert "\x1b" not in shown
    assert "\u202e" not in shown
