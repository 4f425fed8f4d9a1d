"""Poison whose sender was not answered may be in Kafka or not: what is there is what must be buried."""

from argosy.broker.log import Record
from argosy.console.chaos_messages import is_poison
from argosy.console.chaos_verdict import graves
from argosy.schemas.envelope import Envelope
from argosy.testing.outside import Line

THERE, OTHER = ("chaos.inbox", 0, 7), ("chaos.tasks.draft", 0, 3)


def _line(key: bytes | None) -> Line:
    record = Record("chaos.inbox", 0, 7, 0, key, b"{}", ())
    return Line("chaos.inbox", 0, 7, Envelope("", "", ""), None, b"{}", record)


def test_poison_is_known_by_what_kafka_has() -> None:
    assert is_poison(_line(b"poison"))
    assert not is_poison(_line(b"run-7"))
    assert not is_poison(_line(None))


def test_what_is_there_is_buried_and_what_did_not_arrive_is_not_asked_for() -> None:
    assert not graves({THERE, OTHER}, {THERE, OTHER}).broken
    assert not graves({OTHER}, {OTHER}).broken  # the other send did not arrive
    assert not graves(set(), set()).checked


def test_what_is_there_and_not_buried_is_told_and_so_is_what_should_not_have_been() -> None:
    assert graves({THERE, OTHER}, {OTHER}).told == [f"{THERE} was not buried"]
    assert graves({OTHER}, {THERE, OTHER}).told == [f"{THERE} was buried"]
