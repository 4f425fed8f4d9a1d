"""What models make of our tokens, as it is told and asked: on the twin and on a real server."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from pydantic import SecretStr

from argosy.broker.factors import WINDOW_TOKENS, Learnt, add, factors, field_of
from argosy.broker.keys import FleetKeys
from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.redis import RedisStore
from argosy.broker.store import Store
from argosy.schemas.settings import RedisSettings

if TYPE_CHECKING:
    from support.stack import StackThread

FIELD = field_of("critic", "openai:gpt-5")


@pytest.fixture(params=["memory", "real"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    if request.param == "memory":
        found: Store = MemoryRedis()
    else:
        stack: StackThread = request.getfixturevalue("stack")
        found = RedisStore(RedisSettings(url=SecretStr(stack.redis_url)))
    yield found
    await found.close()


@pytest.fixture
def prefix() -> str:
    return f"t{uuid4().hex[:12]}"


async def test_sums_become_a_factor_with_headroom(store: Store, prefix: str) -> None:
    assert await factors(store, prefix) == {}
    await add(store, prefix, {FIELD: Learnt(1_000, 1_300), "other x:y": Learnt(1_000, 900)})
    await add(store, prefix, {FIELD: Learnt(1_000, 1_500)})
    assert await factors(store, prefix) == {FIELD: 1_470}
    assert 0 < await store.ttl_ms(FleetKeys(prefix).factors) <= 90 * 86_400_000


async def test_older_prompts_count_less_and_less(store: Store, prefix: str) -> None:
    await add(store, prefix, {FIELD: Learnt(WINDOW_TOKENS, 2 * WINDOW_TOKENS)})
    assert await factors(store, prefix) == {FIELD: 2_100}
    for _ in range(6):
        await add(store, prefix, {FIELD: Learnt(WINDOW_TOKENS, WINDOW_TOKENS)})
    assert (await factors(store, prefix))[FIELD] < 1_080


def test_little_says_nothing_and_much_too_much_is_bounded() -> None:
    assert Learnt(100, 1_000).factor == 1_000
    assert Learnt(1_000, 999).factor == 1_000
    assert Learnt(1_000, 100_000).factor == 4_000
