import pytest

from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.values import (
    decode_value,
    encode_value,
    load,
    load_all,
    manifest_items,
    to_manifest,
    to_payload,
)
from argosy.schemas.errors import InvalidInput, PayloadGone
from argosy.schemas.payload import INLINE_BYTES, Inline, Reference


def count(text: str) -> int:
    return len(text)


async def test_a_small_value_is_inline_with_its_counts() -> None:
    payload = await to_payload(b'{"a":1}', count, MemoryPayloads())
    assert payload == Inline(value={"a": 1}, bytes=7, tokens=7)


async def test_a_text_is_counted_as_a_model_is_shown_it() -> None:
    payload = await to_payload(b'"hello"', count, MemoryPayloads())
    assert (payload.bytes, payload.tokens) == (7, 5)


async def test_a_large_value_goes_to_the_store_and_comes_back() -> None:
    payloads = MemoryPayloads()
    text = "x" * INLINE_BYTES
    payload = await to_payload(encode_value(text), count, payloads)
    assert isinstance(payload, Reference)
    assert payload.tokens == INLINE_BYTES
    assert await load(payload, payloads) == text


async def test_a_large_value_that_is_handed_on_is_not_counted_again() -> None:
    payloads, data, counted = MemoryPayloads(), encode_value("x" * INLINE_BYTES), list[str]()

    def counting(text: str) -> int:
        counted.append(text)
        return len(text)

    first = await to_payload(data, counting, payloads)
    assert await to_payload(data, counting, payloads, [first]) == first
    assert len(counted) == 1
    assert await to_payload(encode_value("y" * INLINE_BYTES), counting, payloads, [first]) != first
    assert len(counted) == 2


async def test_the_border_is_64_kib() -> None:
    assert isinstance(
        await to_payload(encode_value("x" * (INLINE_BYTES - 2)), count, MemoryPayloads()), Inline
    )
    assert isinstance(
        await to_payload(encode_value("x" * (INLINE_BYTES - 1)), count, MemoryPayloads()), Reference
    )


async def test_numbers_of_any_size_survive() -> None:
    assert decode_value(encode_value(2**80)) == 2**80


def test_what_is_no_json_is_nobody_s_value() -> None:
    with pytest.raises(InvalidInput):
        decode_value(b"NaN")
    with pytest.raises(ValueError, match="surrogate"):
        encode_value("\ud800")


async def test_a_manifest_lists_items_in_order_and_reads_as_their_list() -> None:
    payloads = MemoryPayloads()
    values = [f"item {n} " + "y" * 100 for n in range(100)]
    items = [await to_payload(encode_value(value), count, payloads) for value in values]
    manifest = await to_manifest(items, payloads)
    assert isinstance(manifest, Reference)
    assert manifest.shape == "manifest"
    assert await manifest_items(manifest, payloads) == tuple(items)
    assert await load(manifest, payloads) == values
    assert await load_all(items, payloads) == values


async def test_a_short_manifest_travels_inline() -> None:
    payloads = MemoryPayloads()
    manifest = await to_manifest([Inline(value=1, bytes=1, tokens=1)], payloads)
    assert isinstance(manifest, Inline)
    assert await manifest_items(manifest, payloads) == (Inline(value=1, bytes=1, tokens=1),)


async def test_what_was_collected_is_gone() -> None:
    with pytest.raises(PayloadGone):
        await load(Reference(sha256="0" * 64, bytes=1, tokens=1), MemoryPayloads())


@pytest.mark.parametrize(("depth", "takes"), [(128, True), (129, False), (200, False)])
async def test_a_value_has_room_for_the_messages_that_will_carry_it(depth: int, takes: bool) -> None:  # noqa: FBT001 - a table of cases
    data = b"[" * depth + b"]" * depth
    if takes:
        payload = await to_payload(data, len, MemoryPayloads())
        assert encode_value(await load(payload, MemoryPayloads())) == data
    else:
        with pytest.raises(InvalidInput, match="nested"):
            await to_payload(data, len, MemoryPayloads())
