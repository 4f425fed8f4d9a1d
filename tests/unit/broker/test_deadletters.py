"""What a dead letter keeps, and that it always fits."""

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.broker.deadletters import Graveyard, buried, letter, redrive
from argosy.broker.log import Outgoing, Partition, Record
from argosy.broker.memory_broker import MemoryBroker
from argosy.broker.memory_kafka import MemoryKafka
from argosy.broker.topics import OVERHEAD_BYTES
from argosy.schemas.codec import encode_body
from argosy.schemas.envelope import Envelope


def record(key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes], ...] = ()) -> Record:
    return Record("t", 3, 7, 1_000, key, value, headers)


def test_a_small_message_is_kept_whole() -> None:
    kept = letter(record(b"\xff", b"\x00\x01", (("h", b"\xfe"),)), "undecodable", "why", 100_000)
    assert (kept.topic, kept.partition, kept.offset, kept.timestamp_ms) == ("t", 3, 7, 1_000)
    assert (b64decode(kept.key), b64decode(kept.value)) == (b"\xff", b"\x00\x01")
    assert [(name, b64decode(content)) for name, content in kept.headers] == [("h", b"\xfe")]
    assert (kept.value_bytes, kept.cut, kept.reason, kept.message) == (2, False, "undecodable", "why")


def test_a_message_without_key_and_value_has_a_letter_too() -> None:
    kept = letter(record(None, None), "undecodable", "", 100_000)
    assert (kept.key, kept.value, kept.value_bytes, kept.cut) == ("", "", 0, False)


@pytest.mark.parametrize("part", ["key", "value", "headers"])
def test_whatever_is_cut_is_said(part: str) -> None:
    large = b"x" * 200_000
    kept = letter(
        record(
            large if part == "key" else b"k",
            large if part == "value" else b"v",
            (("h", large),) if part == "headers" else (),
        ),
        "oversize",
        "",
        100_000,
    )
    assert kept.cut


@given(
    st.integers(0, 100_000),
    st.integers(0, 300_000),
    st.lists(st.tuples(st.text(max_size=20), st.integers(0, 60_000)), max_size=6),
    st.text(max_size=3_000),
)
def test_a_letter_fits_its_room_whatever_the_message(
    key: int, value: int, headers: list[tuple[str, int]], message: str
) -> None:
    made = tuple((name, b"\xff" * size) for name, size in headers)
    kept = letter(record(b"k" * key, b"\x00" * value, made), "oversize", message, 100_000)
    assert len(encode_body(kept)) <= 100_000


@pytest.mark.parametrize("takes", [1_000_000, 50_000, 9_000])
async def test_a_message_full_of_nonsense_is_buried_in_whatever_the_topic_takes(takes: int) -> None:
    broker = MemoryBroker()
    broker.create("dead", 1)
    broker.max_message_bytes = takes - OVERHEAD_BYTES // 2
    cluster = MemoryKafka(broker)
    graveyard = Graveyard(await cluster.producer(), "dead", "test", 1_000_000)
    nonsense = record(b"k", b"\x00" * 500_000, (("ce_subject", b"\xff" * 500_000),))
    await graveyard.bury(nonsense, "undecodable", "why")
    (found,) = [each async for each in buried(cluster, "dead")]
    assert (found.letter.value_bytes, found.letter.cut) == (500_000, True)


async def test_letters_of_a_newer_release_are_left_out() -> None:
    broker = MemoryBroker()
    broker.create("dead", 1)
    cluster = MemoryKafka(broker)
    producer = await cluster.producer()
    newer = Envelope("dead.letter", "1", "test").headers()
    newer = tuple((name, value.replace(b".v1", b".v2")) for name, value in newer)
    await producer.send(Outgoing("dead", b"k", b"{}", newer))
    await Graveyard(producer, "dead", "test", 100_000).bury(record(b"k", b"v"), "undecodable", "why")
    assert [each.offset async for each in buried(cluster, "dead")] == [1]


async def test_what_is_put_back_is_what_came_but_for_what_was_masked() -> None:
    broker = MemoryBroker()
    broker.create("t", 4)
    cluster = MemoryKafka(broker)
    headers = (("ce_id", b"1"), ("authorization", b"Bearer abcdefgh"), ("note", b"[redacted]"))
    value = b'{"password":"hunter2222"}'
    dead = letter(record(b"k", value, headers), "undecodable", "why", 100_000)
    assert b64decode(dict(dead.headers)["authorization"]) == b"[redacted]"
    partition, offset = await redrive(await cluster.producer(), dead)
    found = await cluster.peek(Partition("t", partition), offset)
    assert found is not None
    assert (partition, found.key, found.value) == (3, b"k", value)
    assert found.headers == (("ce_id", b"1"), ("note", b"[redacted]"))
