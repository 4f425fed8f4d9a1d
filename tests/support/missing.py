"""What this machine lacks for a test: said aloud in the summary of the run, never a silent skip."""

import os
from typing import Final

import pytest

REQUIRED: Final = "ARGOSY_SNIPPETS"
"""`all` in the environment: what can't be run is a failure."""
NOT_RUN: Final = " was not run: "


def not_run(what: str, why: str) -> None:
    """End the test: as a failure where everything must run, else as a skip that the summary shouts."""
    text = f"{what}{NOT_RUN}{why}"
    if os.environ.get(REQUIRED) == "all":
        pytest.fail(text)
    pytest.skip(text)
