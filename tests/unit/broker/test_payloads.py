"""Where payloads lie, what makes them young, and what is said when the store fails."""

import asyncio
import os
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.payload_cache import CachedPayloads
from argosy.broker.payloads import ObstorePayloads, path_of
from argosy.schemas.canonical import sha256_hex
from argosy.schemas.errors import ConfigurationError, PayloadGone, Refused, Unreachable

DATA = b'{"a":1}'
SHA = sha256_hex(DATA)
LONG_AGO = 1_000_000_000


async def put_long_ago(folder: Path) -> tuple[ObstorePayloads, Path]:
    payloads = ObstorePayloads(str(folder))
    await payloads.put(DATA)
    file = folder / path_of(SHA)
    os.utime(file, (LONG_AGO, LONG_AGO))
    return payloads, file


def files_in(folder: Path) -> list[Path]:
    return [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]


async def test_objects_lie_under_two_levels_of_folders_and_nothing_else_is_left(tmp_path: Path) -> None:
    await ObstorePayloads(str(tmp_path)).put(DATA)
    assert files_in(tmp_path) == [Path(SHA[:2], SHA[2:4], SHA)]


async def test_the_default_is_a_folder_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    payloads = ObstorePayloads()
    monkeypatch.chdir("/")
    await payloads.put(DATA)
    assert (tmp_path / ".argosy/payloads" / path_of(SHA)).read_bytes() == DATA


async def test_a_put_of_what_exists_makes_it_young(tmp_path: Path) -> None:
    payloads, file = await put_long_ago(tmp_path)
    await payloads.put(DATA)
    assert file.stat().st_mtime > LONG_AGO


async def test_a_touch_makes_it_young(tmp_path: Path) -> None:
    payloads, file = await put_long_ago(tmp_path)
    await payloads.touch(SHA)
    assert file.stat().st_mtime > LONG_AGO


async def test_damaged_bytes_are_never_returned_and_never_made_young(tmp_path: Path) -> None:
    payloads, file = await put_long_ago(tmp_path)
    file.write_bytes(b"other")
    for ask in (payloads.get, payloads.touch):
        with pytest.raises(PayloadGone, match="damaged"):
            await ask(SHA)
    await payloads.put(DATA)
    assert await payloads.get(SHA) == DATA


async def test_a_folder_that_is_no_longer_one_is_unreachable(tmp_path: Path) -> None:
    payloads = ObstorePayloads(str(tmp_path))
    (tmp_path / SHA[:2]).write_text("a file is in the way")
    with pytest.raises(Unreachable, match="ARGOSY_PAYLOADS") as caught:
        await payloads.put(DATA)
    assert len(str(caught.value).splitlines()) == 3


def s3_at(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> ObstorePayloads:
    for name, value in {
        "AWS_ENDPOINT": server.url_for("").rstrip("/"),
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "s3cret",
        "AWS_REGION": "eu-north-1",
    }.items():
        monkeypatch.setenv(name, value)
    return ObstorePayloads("s3://bucket/argosy")


async def test_s3_is_read_and_written_under_the_prefix_of_the_url(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"/bucket/argosy/{path_of(SHA)}"
    httpserver.expect_request(name, method="PUT", data=DATA).respond_with_data("", headers={"ETag": '"e"'})
    stamp = {"ETag": '"e"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
    httpserver.expect_request(name, method="GET").respond_with_data(DATA, headers=stamp)
    payloads = s3_at(httpserver, monkeypatch)
    assert await payloads.put(DATA) == SHA
    assert await payloads.get(SHA) == DATA


@pytest.mark.parametrize(("status", "error"), [(404, PayloadGone), (403, Refused), (401, Refused)])
async def test_what_s3_answers_becomes_our_errors(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, status: int, error: type[Exception]
) -> None:
    httpserver.expect_request(f"/bucket/argosy/{path_of(SHA)}").respond_with_data("no", status=status)
    with pytest.raises(error, match="s3://bucket/argosy") as caught:
        await s3_at(httpserver, monkeypatch).get(SHA)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["nope://x", "file://relative/x", "az://container/x", "http://[", "/dev/null/x"]
)
def test_a_store_that_cant_be_opened_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigurationError, match="payload store") as caught:
        ObstorePayloads(url)
    assert len(str(caught.value).splitlines()) == 3


# -- the cache


class Counting(MemoryPayloads):
    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    async def get(self, sha256: str) -> bytes:
        self.reads += 1
        await asyncio.sleep(0)
        return await super().get(sha256)


async def test_many_who_want_one_payload_cause_one_read() -> None:
    below = Counting()
    sha256 = await below.put(DATA)
    cached = CachedPayloads(below, 1_000)
    assert await asyncio.gather(*(cached.get(sha256) for _ in range(100))) == [DATA] * 100
    assert below.reads == 1


async def test_what_was_used_longest_ago_is_dropped_first() -> None:
    below = Counting()
    cached = CachedPayloads(below, 400)
    one, two, three, four, five = [await cached.put(bytes([65 + n]) * 100) for n in range(5)]
    for sha256 in (one, two, three, four, one, five):
        await cached.get(sha256)
    assert below.reads == 5
    await cached.get(one)
    assert below.reads == 5
    await cached.get(two)
    assert below.reads == 6


async def test_a_payload_that_would_push_out_the_rest_is_not_kept() -> None:
    below = Counting()
    cached = CachedPayloads(below, 400)
    small, large = await cached.put(b"s"), await cached.put(b"l" * 101)
    for sha256 in (small, large, large, small):
        await cached.get(sha256)
    assert below.reads == 3


async def test_a_failed_read_is_tried_again_by_the_next() -> None:
    below = Counting()
    sha256 = await below.put(DATA)
    cached = CachedPayloads(below, 1_000)
    below.down()
    with pytest.raises(Unreachable):
        await cached.get(sha256)
    below.up()
    assert await cached.get(sha256) == DATA


# -- the twin


async def test_the_twin_collects_by_age_and_a_touch_spares() -> None:
    now = [0.0]
    payloads = MemoryPayloads(clock=lambda: now[0])
    old, touched = await payloads.put(b"old"), await payloads.put(b"touched")
    now[0] = 10
    await payloads.touch(touched)
    assert payloads.collect(older_than_seconds=5) == 1
    assert await payloads.get(touched) == b"touched"
    with pytest.raises(PayloadGone):
        await payloads.get(old)
