"""Faults that come to Redis while another fault has it away."""

import asyncio
from asyncio import StreamReader, StreamWriter

from argosy.console.chaos_strikes import redis_says
from argosy.console.ports import LOOPBACK


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

    async with await asyncio.start_server(serve, LOOPBACK, 0) as server:
        port: int = server.sockets[0].getsockname()[1]
        assert await redis_says(port, "DBSIZE") == b":7\r\n"
    assert not answers
