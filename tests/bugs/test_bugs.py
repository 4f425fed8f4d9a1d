"""The small form of `make bugs`: each planted bug is seen by the first who is known to see it."""

from pathlib import Path

import pytest

from bugs.bug import Bug
from bugs.hunt import hunt_all
from bugs.layers import known
from bugs.page import page
from bugs.planting import Edit, Withered
from bugs.table import BUGS

_ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(900)
def test_every_planted_bug_is_seen() -> None:
    ill = [
        hunted
        for hunted in hunt_all(list(BUGS), ("unit", "story", "seeds"), first=True)
        if not hunted.is_well
    ]
    assert not ill, "\n".join(map(str, ill))


def test_every_planted_bug_has_somebody_who_is_known_to_see_it() -> None:
    assert [name for name, bug in BUGS.items() if not known(bug)] == []


def test_the_page_of_the_bugs_is_what_the_table_says() -> None:
    assert (_ROOT / "docs" / "bugs.md").read_text(encoding="utf-8") == page()


def test_every_plant_finds_the_text_that_it_exchanges() -> None:
    for bug in BUGS.values():
        with bug.plant():
            pass


def test_a_plant_whose_text_is_gone_is_an_error() -> None:
    bug = Bug("gone", "its text is gone", (Edit(known, "what no function says", "anything"),))
    with pytest.raises(Withered, match="mend the plant"), bug.plant():
        pass


def test_a_bug_is_gone_when_it_was_looked_for() -> None:
    bug = Bug("here", "for a while", (Edit(known, "if witness}", "if not witness}"),))
    some = next(iter(BUGS.values()))
    before = known(some)
    with bug.plant():
        assert known(some) != before
    assert known(some) == before
