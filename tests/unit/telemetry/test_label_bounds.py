"""Whoever can name things can't fill the memory: neither ours nor that of who scrapes."""

from collections.abc import Iterator

import pytest
from opentelemetry.metrics import CallbackOptions

from argosy.telemetry import instruments, label_bounds
from argosy.telemetry.label_bounds import MOST_CHARACTERS, MOST_SERIES, MOST_VALUES, OTHER, bounded
from argosy.telemetry.metric_table import LAG_MESSAGES
from argosy.telemetry.tallies import Count, Distribution

MANY = 20_000


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    label_bounds.forget()
    yield
    label_bounds.forget()


def test_a_hostile_number_of_names_is_counted_under_one_other() -> None:
    count, spread = Count(), Distribution("h", "s", "text", (1.0,))
    for number in range(MANY):
        count.add(("argosy.pipeline", f"p{number}"))
        spread.record([0.5], ("argosy.pipeline", f"p{number}"))
    counted = {
        dict(each.attributes or {})["argosy.pipeline"]: each.value
        for each in count.observe(CallbackOptions())
    }
    assert len(counted) == MOST_VALUES + 1
    assert counted["p0"] == 1
    assert counted[OTHER] == MANY - MOST_VALUES
    assert sum(counted.values()) == MANY, "bounded is not dropped"
    cells = dict(spread.collected())
    assert len(cells) == MOST_VALUES + 1
    assert cells[(("argosy.pipeline", OTHER),)].count == MANY - MOST_VALUES
    assert sum(cell.count for cell in cells.values()) == MANY


def test_names_that_were_known_keep_their_series() -> None:
    count = Count()
    count.add(("agent", "mine"))
    for number in range(MANY):
        count.add(("agent", f"a{number}"))
    count.add(("agent", "mine"))
    assert {dict(each.attributes or {})["agent"]: each.value for each in count.observe(CallbackOptions())}[
        "mine"
    ] == 2


def test_labels_that_multiply_are_bounded_by_the_metric() -> None:
    count = Count()
    for one in range(100):
        for other in range(100):
            count.add(("agent", f"a{one}"), ("tool", f"t{other}"))
    series = list(count.observe(CallbackOptions()))
    assert len(series) == MOST_SERIES + 1
    assert sum(each.value for each in series) == 10_000


def test_gauges_are_bounded_too() -> None:
    for number in range(MANY):
        instruments.set_to(
            LAG_MESSAGES, number, ("gen_ai.agent.name", f"a{number}"), ("argosy.lag.state", "waiting")
        )
    assert len(instruments.kept(LAG_MESSAGES)) <= MOST_SERIES + 1


def test_a_long_value_is_cut() -> None:
    ((_, value),) = bounded((("model", "m" * 5_000),), 0)
    assert len(value) == MOST_CHARACTERS


def test_a_value_that_nobody_could_write_down_fails_no_page() -> None:
    count = Count()
    count.add(("tool", "say\ud800"))
    (series,) = count.observe(CallbackOptions())
    assert dict(series.attributes or {})["tool"].encode() == b"say?"  # type: ignore[union-attr]
