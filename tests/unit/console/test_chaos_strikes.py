"""Faults that come to Redis or Kafka while another fault has it away."""

from asyncio import StreamReader, StreamWriter
from types import SimpleNamespace
from typing import cast

import pytest
from aiokafka.errors import KafkaConnectionError

from argosy.console import chaos_strikes
from argosy.console.chaos_arena import Arena
from argosy.console.chaos_strikes import hit, redis_says
from argosy.testing.chaos_plan import BY_NAME, Strike
from support.listening import listening


async def test_a_redis_that_is_away_or_loads_its_data_is_asked_until_it_answers() -> None:
    answers = [None, b"", b"-LOADING Redis is loading the dataset in memory\r\n", b":7\r\n"]

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readline()
        answer = answers.pop(0)
        if answer is None:
            writer.transport.abort()
            return
        writer.write(answer)
        writer.close()

    async with listening(serve) as port:
        assert await redis_says(port, "DBSIZE") == b":7\r\n"
    assert not answers


async def test_a_fault_that_finds_kafka_away_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    times = 0

    async def poison(_arena: Arena, _strike: Strike) -> str:
        nonlocal times
        times += 1
        if times == 1:
            raise KafkaConnectionError
        return "undecodable records"

    monkeypatch.setitem(chaos_strikes.HITS, "poison", poison)
    strike = Strike(1, 0, BY_NAME["poison"], (), 0, 7)
    assert await hit(cast("Arena", None), strike) == "undecodable records"
    assert times == 2


async def test_a_redis_that_comes_back_with_its_data_keeps_nothing_back_when_it_is_killed() -> None:
    done: list[str] = []

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        done.append((await reader.readline()).decode().strip())
        writer.write(b"+OK\r\n")
        writer.close()

    async def hold(name: str) -> None:
        done.append(f"kill {name}")

    async def resume(name: str) -> None:
        done.append(f"start {name}")

    async with listening(serve) as port:
        layout = SimpleNamespace(redis_port=port)
        supervisor = SimpleNamespace(hold=hold, resume=resume)
        stack = SimpleNamespace(state=SimpleNamespace(layout=layout), supervisor=supervisor)
        strike = Strike(1, 0, BY_NAME["kill-redis"], (), 0, 7)
        assert await hit(cast("Arena", SimpleNamespace(stack=stack)), strike)
    assert done == ["CONFIG SET appendfsync no", "kill valkey", "start valkey"]
