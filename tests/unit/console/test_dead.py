"""What `argosy dead` says of a letter, and what it takes for one."""

import pytest

from argosy.broker.deadletters import Buried
from argosy.console.dead_command import data_of, redrive_dead
from argosy.schemas.deadletter import DeadLetter
from argosy.schemas.errors import ConfigurationError

LETTER = DeadLetter(
    reason="undecodable", message="m", topic="t", partition=3, offset=41, timestamp_ms=5, key="aw==",
    headers=(), value="", value_bytes=0, cut=False,
)  # fmt: skip


def test_the_offset_that_json_shows_is_the_one_that_redrive_takes() -> None:
    data = data_of(Buried(7, 9, LETTER))
    assert data["offset"] == 7
    assert data["source"] == {"topic": "t", "partition": 3, "offset": 41, "timestamp_ms": 5}
    assert not {"topic", "partition", "timestamp_ms"} & data.keys()


def test_which_letters_is_said_once() -> None:
    with pytest.raises(ConfigurationError, match="not both"):
        redrive_dead([1], everything=True, dry_run=True)
    with pytest.raises(ConfigurationError, match="say which letters"):
        redrive_dead(None, everything=False, dry_run=True)
