"""The local stack: real processes, killed for real."""

from redis import Redis

from support.operated import Operated
from support.stack import StackThread


def until_written(client: Redis) -> None:
    """Wait until the system has what the server acknowledged: a slow disk may hold that up for two seconds."""

    def so() -> bool:
        told = client.info("persistence")  # pyright: ignore[reportUnknownMemberType] # the library's
        return int(told["aof_buffer_length"]) == 0

    Operated.until(so, "what was acknowledged is written")


def test_a_killed_kafka_comes_back_under_another_pid_at_the_same_address(stack: StackThread) -> None:
    before = stack.pid("kafka")
    stack.kill("kafka")
    assert stack.pid("kafka") != before


def test_a_killed_valkey_keeps_what_it_acknowledged(stack: StackThread) -> None:
    with Redis(port=stack.redis_port) as client:
        client.set("stack-test:kept", "yes")
        until_written(client)
    stack.kill("valkey")
    with Redis(port=stack.redis_port) as client:
        assert client.getdel("stack-test:kept") == b"yes"
