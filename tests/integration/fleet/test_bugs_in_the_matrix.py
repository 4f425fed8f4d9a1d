"""The kill matrix sees a planted bug that shows at a crash only; `make bugs` looks for more of them in it."""

from pathlib import Path

import pytest

from bugs.cells import seen
from bugs.table import BUGS
from support.stack import StackThread


@pytest.mark.timeout(900)
async def test_a_claim_that_is_granted_for_what_has_settled_is_seen_when_a_worker_dies(
    stack: StackThread, tmp_path: Path
) -> None:
    bug = BUGS["judge_is_blind"]
    says = "had settled, and its handler began again"
    assert await seen(bug.name, bug.seen.cell, tmp_path, stack.bootstrap_servers, says)
