"""One suite for every payload store: files, obstore's memory, and the twin."""

from collections.abc import Callable
from pathlib import Path

import pytest

from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.payload_cache import CachedPayloads
from argosy.broker.payloads import ObstorePayloads
from argosy.broker.store import Payloads
from argosy.schemas.canonical import sha256_hex
from argosy.schemas.errors import PayloadGone

STORES: dict[str, Callable[[Path], Payloads]] = {
    "files": lambda folder: ObstorePayloads(folder.as_uri()),
    "path": lambda folder: ObstorePayloads(str(folder / "new" / "folder")),
    "memory": lambda _: ObstorePayloads("memory:"),
    "twin": lambda _: MemoryPayloads(),
    "cached": lambda _: CachedPayloads(MemoryPayloads(), 1_000),
}


@pytest.fixture(params=sorted(STORES))
def payloads(request: pytest.FixtureRequest, tmp_path: Path) -> Payloads:
    return STORES[str(request.param)](tmp_path)


@pytest.mark.parametrize("data", [b"", b'{"a":1}', bytes(range(256)) * 50, b"x" * 6_000_000])
async def test_what_was_put_is_read_by_its_hash(payloads: Payloads, data: bytes) -> None:
    sha256 = await payloads.put(data)
    assert sha256 == sha256_hex(data)
    assert await payloads.get(sha256) == data


async def test_a_put_can_be_repeated(payloads: Payloads) -> None:
    assert await payloads.put(b"same") == await payloads.put(b"same")
    assert await payloads.get(sha256_hex(b"same")) == b"same"


async def test_what_is_not_there_is_gone(payloads: Payloads) -> None:
    absent = sha256_hex(b"never put")
    with pytest.raises(PayloadGone, match=absent):
        await payloads.get(absent)
    with pytest.raises(PayloadGone, match=absent):
        await payloads.touch(absent)


async def test_a_touch_keeps_the_bytes(payloads: Payloads) -> None:
    sha256 = await payloads.put(b"old")
    await payloads.touch(sha256)
    assert await payloads.get(sha256) == b"old"
