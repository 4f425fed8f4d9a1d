"""Does the simulation see? Rules of the design are taken out of the real code, one at a time: each must be missed."""

import pytest

from bugs.layers import look
from bugs.table import BUGS


@pytest.mark.parametrize("name", [name for name, bug in BUGS.items() if bug.seen.profile])
def test_the_simulation_sees_a_rule_that_is_taken_out(name: str) -> None:
    assert next(look(BUGS[name], ["seeds"])) is not None
