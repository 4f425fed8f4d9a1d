"""What was used last is kept, up to so many bytes."""

from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.recent import Recent
from argosy.broker.values import manifest_items, to_manifest, to_payload
from argosy.schemas.payload import Reference


def test_least_recently_used_goes_first() -> None:
    recent = Recent[str](100)
    for key in "abcd":
        recent.put(key, key.upper(), 25)
    assert recent.get("a") == "A"
    recent.put("e", "E", 25)
    assert [recent.get(key) for key in "abcde"] == ["A", None, "C", "D", "E"]


def test_what_is_too_large_is_not_kept_and_drives_nothing_out() -> None:
    recent = Recent[str](100)
    recent.put("a", "A", 25)
    recent.put("b", "B", 26)
    assert (recent.get("a"), recent.get("b")) == ("A", None)


def test_a_value_counts_once() -> None:
    recent = Recent[str](100)
    for _ in range(10):
        recent.put("a", "A", 25)
    recent.put("b", "B", 25)
    assert (recent.get("a"), recent.get("b")) == ("A", "B")


async def test_all_shards_of_a_map_read_one_manifest_once() -> None:
    payloads = MemoryPayloads()
    items = [await to_payload(b'"%d"' % number, len, payloads) for number in range(2_000)]
    manifest = await to_manifest(items, payloads)
    assert isinstance(manifest, Reference)
    first = await manifest_items(manifest, payloads)
    assert list(first) == items
    assert await manifest_items(manifest, payloads) is first
